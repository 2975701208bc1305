/* Databases of the last release (tests/data/store/) and older ones of a kind with several steps are opened: all rows
 * are there, the tables are those of a new file; and when the disk, memory or the process ends in the middle, the file
 * is as it was or as it shall be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "chain/txbox.h"
#include "client/known_nodes.h"
#include "client/outbox.h"
#include "fault/fault.h"
#include "node/store.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define LIMIT (1 << 20)

/* --- what is opened --- */

struct release {
	const char *file;               /* of tests/data/store */
	const struct db_schema *schema; /* NULL: the agent's, which has an opening of its own */
	const char *more;               /* rows of tables that are empty in the file */
	const char *added;              /* the line of a table that a migration adds, empty; NULL: none */
};

static const struct release releases[] = {
	{"agent", NULL,
	 "insert into command values('c1', '{}', 1); insert into outbox(id, message) values('m1', '{}');",
	 "\n manager_term:"},
	{"known", &client_known_database, "", NULL},
	{"outbox", &client_outbox_database, "", NULL},
	{"transactions", &txbox_database, "", "\n tx_said:"},
};

static struct error *open_release(const void *ctx, const char *path, const struct release *r)
{
	struct db *db = NULL;

	return r->schema ? db_open(ctx, path, r->schema, &db) : store_open(ctx, path, &db);
}

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix"), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", path, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void make_release(const char *path, const struct release *r)
{
	char from[4096], *sql = NULL;
	size_t n = 0;
	struct error *e;

	snprintf(from, sizeof(from), TEST_SOURCE_DIR "/tests/data/store/%s.sql", r->file);
	e = file_read(NULL, from, LIMIT, &sql, &n);
	if (e)
		fail_msg("%s", e->message);
	run_sql(path, sql);
	mem_free(sql);
	run_sql(path, "pragma journal_mode=wal");
	run_sql(path, r->more);
}

/* --- in peace --- */

/* What makes the tables, as one text. */
static char *layout(const char *path)
{
	sqlite3_stmt *rows = NULL;
	sqlite3 *db = NULL;
	char *text = mem_strdup(NULL, "");

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db,
					    "select name, sql from sqlite_master where sql not null union all select "
					    "'version', user_version from pragma_user_version union all select 'id', "
					    "application_id from pragma_application_id order by 1",
					    -1, &rows, NULL),
			 SQLITE_OK);
	while (sqlite3_step(rows) == SQLITE_ROW) {
		char *longer = mem_printf(NULL, "%s%s: %s\n", text, sqlite3_column_text(rows, 0),
					  sqlite3_column_text(rows, 1));

		mem_free(text);
		text = longer;
	}
	sqlite3_finalize(rows);
	sqlite3_close(db);
	return text;
}

static void drop_line(char *text, const char *begins)
{
	char *line = strstr(text, begins), *end;

	assert_non_null(line);
	end = line + strlen(begins) + strcspn(line + strlen(begins), "\n");
	memmove(line, end, strlen(end) + 1);
}

/* Each row, without the line that tells the version. */
static char *rows_of(const char *folder)
{
	char *text = fault_look(folder, false);

	drop_line(text, " version: ");
	return text;
}

static void the_last_release(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(releases); i++) {
		char made[] = "/tmp/dsn-release-XXXXXX", fresh[] = "/tmp/dsn-release-XXXXXX";
		void *ctx = mem_new(NULL, char);
		char *old_path = file_join(ctx, mkdtemp(made), "x.db"), *path = file_join(ctx, mkdtemp(fresh), "x.db");
		char *before, *after, *is, *wanted;
		struct error *e;

		make_release(old_path, &releases[i]);
		before = rows_of(made);
		e = open_release(ctx, old_path, &releases[i]);
		if (!e)
			e = open_release(ctx, path, &releases[i]);
		if (e)
			fail_msg("%s", e->message);
		mem_free(ctx);
		ctx = mem_new(NULL, char);
		after = rows_of(made);
		if (releases[i].added)
			drop_line(after, releases[i].added);
		/* A migration that changes rows gets a line here that says how. */
		assert_string_equal(before, after);
		is = layout(mem_printf(ctx, "%s/x.db", made));
		wanted = layout(mem_printf(ctx, "%s/x.db", fresh));
		assert_string_equal(is, wanted);
		mem_free(is);
		mem_free(wanted);
		free(before);
		free(after);
		mem_free(ctx);
		error_free(file_remove_tree(made));
		error_free(file_remove_tree(fresh));
	}
}

/* --- with faults --- */

static const struct release *chosen;

static struct error *prepare_release(struct fault_world *w)
{
	make_release(file_join(w->ctx, w->folder, "x.db"), chosen);
	return NULL;
}

static struct error *run_release(struct fault_world *w)
{
	struct error *e = open_release(w->ctx, file_join(w->ctx, w->folder, "x.db"), chosen);

	talloc_free_children(w->ctx);
	return e;
}

static void the_last_release_with_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(releases); i++) {
		const struct fault_case one = {
			.name = releases[i].file, .prepare = prepare_release, .run = run_release};
		const struct fault_suite suite = {.place = "x.db", .cases = &one, .count = 1};

		chosen = &releases[i];
		fault_run(&suite);
	}
}

/* A kind whose steps rewrite all rows. */
static const char *const first[] = {"create table if not exists film(name text primary key, seconds integer)", NULL};
static const char *const second[] = {"alter table film add column maker text not null default 'nobody'",
				     "update film set maker = 'maker of ' || name", NULL};
static const char *const third[] = {"create table film_new(name text primary key, ms integer not null, maker text)",
				    "insert into film_new select name, seconds * 1000, maker from film",
				    "drop table film", "alter table film_new rename to film", NULL};
static const struct db_migration steps[] = {{first}, {second}, {third}};
static const char *const tables[] = {"film", NULL};

static struct error *open_films(struct fault_world *w, size_t count)
{
	const struct db_schema s = {.application_id = DB_APPLICATION_ID('t'),
				    .name = "a shelf of films",
				    .first_tables = tables,
				    .migrations = steps,
				    .count = count};
	struct db *db = NULL;
	struct error *e = db_open(w->ctx, file_join(w->ctx, w->folder, "x.db"), &s, &db);

	talloc_free_children(w->ctx);
	return e;
}

static const char films[] =
	"insert into film(name, seconds) with recursive n(i) as (select 1 union all select i + 1 from n where i < 200) select printf('%0100d', i), i from n";

static struct error *prepare_first(struct fault_world *w)
{
	TRY(open_films(w, 1));
	run_sql(file_join(w->ctx, w->folder, "x.db"), films);
	return NULL;
}

static struct error *prepare_before(struct fault_world *w)
{
	char *path = file_join(w->ctx, w->folder, "x.db");

	run_sql(path, first[0]);
	run_sql(path, films);
	return NULL;
}

static struct error *run_newest(struct fault_world *w)
{
	return open_films(w, 3);
}

static const struct fault_case films_cases[] = {
	{.name = "a new file", .prepare = NULL, .run = run_newest},
	{.name = "from version 1", .prepare = prepare_first, .run = run_newest},
	{.name = "from before versions", .prepare = prepare_before, .run = run_newest},
};

static struct error *prepare_nothing(struct fault_world *w)
{
	run_sql(file_join(w->ctx, w->folder, "x.db"), "");
	return NULL;
}

static void several_steps_with_faults(void **state)
{
	const struct fault_suite suite = {
		.prepare = prepare_nothing, .place = "x.db", .cases = films_cases, .count = COUNT(films_cases)};

	(void)state;
	fault_run(&suite);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_release),
		cmocka_unit_test(the_last_release_with_faults),
		cmocka_unit_test(several_steps_with_faults),
	};

	mem_init();
	fault_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
