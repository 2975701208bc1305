/* Versions of a database: which files are taken, what becomes of them, and which are refused and left alone. */
#include "store/world.h"

#include <sqlite3.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define WRITES_MS 200

/* Version 1, 2 (a column), 3 (a table made anew, its rows counted in another unit). */
static const char *const first[] = {"create table if not exists film(name text primary key, seconds bigint)",
				    "create table if not exists seen(name text primary key)", NULL};
static const char *const second[] = {"alter table film add column maker text not null default 'nobody'", NULL};
static const char *const third[] = {"create table film_new(name text primary key, ms bigint not null, maker text)",
				    "insert into film_new select name, seconds * 1000, maker from film",
				    "drop table film; alter table film_new rename to film", NULL};
static const char *const wrong[] = {"delete from film", "insert into absent values(1)", NULL};
static const struct db_migration steps[] = {{first}, {second}, {third}, {wrong}};
static const char *const tables[] = {"film", "seen", NULL};

static struct db_schema schema(size_t count)
{
	return (struct db_schema){.application_id = DB_APPLICATION_ID('t'),
				  .name = "a shelf of films",
				  .first_tables = tables,
				  .migrations = steps,
				  .count = count};
}

static void made_by_another(const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(world.where, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

static struct db *opened(size_t count)
{
	const struct db_schema s = schema(count);
	struct db *db = NULL;

	world_ok(world_open(world.ctx, world.where, &s, &db));
	return db;
}

static const char *version_of(struct db *db)
{
	return world_ask(db, world.server ? "select version from dsn_schema" : "pragma user_version");
}

static const char *films(struct db *db, const char *columns)
{
	char *sql = mem_printf(world.ctx,
			       world.server ? "select string_agg(%s, ',' order by name) from film"
					    : "select group_concat(%s) from film",
			       columns);

	return world_ask(db, sql);
}

/* Refused, and not a byte is changed. */
static void refused(size_t count, enum error_code code, const char *part)
{
	const struct db_schema s = schema(count);
	char *before = NULL, *after = NULL;
	size_t n = 0, m = 0;
	struct db *db = NULL;
	struct error *e = file_read(world.ctx, world.where, 1 << 20, &before, &n);

	assert_null(e);
	e = db_open(world.ctx, world.where, &s, &db);
	assert_non_null(e);
	assert_null(db);
	assert_int_equal(e->code, code);
	if (!strstr(e->message, part))
		fail_msg("\"%s\" does not hold \"%s\"", e->message, part);
	error_free(e);
	e = file_read(world.ctx, world.where, 1 << 20, &after, &m);
	assert_null(e);
	assert_int_equal(n, m);
	assert_memory_equal(before, after, n);
}

static void a_new_one_sees_all(void **state)
{
	struct db *db = opened(3);

	(void)state;
	assert_string_equal(version_of(db), "3");
	assert_string_equal(
		world_ask(db, world.server ? "select application_id from dsn_schema" : "pragma application_id"),
		"1685286516");
	if (!world.server)
		assert_string_equal(world_ask(db, "pragma foreign_keys"), "1");
	assert_string_equal(world_ask(db, "select count(*) from film where ms > 0"), "0");
	mem_free(db);
	db = opened(3);
	assert_string_equal(version_of(db), "3");
	mem_free(db);
}

static void step_by_step(void **state)
{
	struct db *db = opened(1);
	struct error *e;

	(void)state;
	e = db_exec(db, "insert into film values('a', 2), ('b', 3)", "");
	assert_null(e);
	mem_free(db);
	db = opened(2);
	assert_string_equal(films(db, "name || seconds || maker"), "a2nobody,b3nobody");
	mem_free(db);
	db = opened(3);
	assert_string_equal(films(db, "name || ms || maker"), "a2000nobody,b3000nobody");
	mem_free(db);
}

/* As files were before they said their version; even one that lacks a table. */
static void before_versions(void **state)
{
	struct db *db;

	(void)state;
	made_by_another("create table film(name text primary key, seconds bigint); insert into film values('a', 2)");
	db = opened(3);
	assert_string_equal(version_of(db), "3");
	assert_string_equal(films(db, "name || ms || maker"), "a2000nobody");
	assert_string_equal(world_ask(db, "select count(*) from seen"), "0");
	mem_free(db);
}

/* A process that has it open meanwhile goes on with what was made of it. */
static void two_at_once(void **state)
{
	struct db *one = opened(1), *two = opened(3);

	(void)state;
	assert_string_equal(version_of(one), "3");
	mem_free(one);
	mem_free(two);
}

static bool meanwhile; /* another process is still to bring it on */

/* Between the looks at the kind and at the version. */
static int on_statement(unsigned what, void *arg, void *statement, void *sql)
{
	(void)what;
	(void)arg;
	(void)statement;
	if (meanwhile && strcmp(sql, "pragma user_version") == 0) {
		meanwhile = false;
		mem_free(opened(3));
	}
	return 0;
}

static int watch_statements(sqlite3 *db, char **ret_why, const struct sqlite3_api_routines *api)
{
	(void)ret_why;
	(void)api;
	return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, NULL);
}

static void another_brings_it_on_meanwhile(void **state)
{
	struct db *db;

	(void)state;
	made_by_another("pragma journal_mode=wal; create table film(name text primary key, seconds bigint)");
	meanwhile = true;
	sqlite3_auto_extension((void (*)(void))watch_statements);
	db = opened(3);
	sqlite3_reset_auto_extension();
	assert_false(meanwhile);
	assert_string_equal(version_of(db), "3");
	mem_free(db);
}

/* Two make a new file: SQLite itself does not wait for the other one where the file has no log yet. */
static void another_writes_it_when_it_is_new(void **state)
{
	int says[2], status = 0;
	char byte = 'x';
	pid_t pid;

	(void)state;
	made_by_another("create table film(name text primary key, seconds bigint)");
	assert_int_equal(pipe(says), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		sqlite3 *db = NULL;
		bool writes = sqlite3_open(world.where, &db) == SQLITE_OK &&
			      sqlite3_exec(db, "begin immediate", NULL, NULL, NULL) == SQLITE_OK &&
			      write(says[1], &byte, 1) == 1;

		sqlite3_sleep(WRITES_MS);
		_exit(writes && sqlite3_close(db) == SQLITE_OK ? 0 : 1);
	}
	assert_int_equal(read(says[0], &byte, 1), 1);
	mem_free(opened(3));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(says[0]);
	close(says[1]);
}

static void a_newer_one(void **state)
{
	(void)state;
	mem_free(opened(3));
	refused(2, ERROR_REFUSED,
		"/x.db: made by a newer dsn (schema 3, this one knows 2): install that version, or move the file away");
}

static void another_kind(void **state)
{
	(void)state;
	made_by_another("create table film(name text); pragma application_id=1685286465; pragma user_version=1");
	refused(3, ERROR_REFUSED,
		"/x.db: this is not a shelf of films but another kind of database (application id dsnA, not dsnt)");
}

static void another_program(void **state)
{
	(void)state;
	made_by_another("create table film(name text primary key); create table moz_places(id integer)");
	refused(3, ERROR_REFUSED, "another program's database (it has a table \"moz_places\")");
}

static void another_program_with_a_version(void **state)
{
	(void)state;
	made_by_another("create table film(name text primary key); pragma user_version=7");
	refused(9, ERROR_REFUSED, "another kind of database (application id 0x00000000, not dsnt)");
}

/* Its process has ended in the middle: what it had written is in its log, and stays there. */
static void another_program_with_a_log(void **state)
{
	char *log = mem_printf(world.ctx, "%s-wal", world.where), *before = NULL, *after = NULL;
	size_t n = 0, m = 0;
	int status = 0;
	struct error *e;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		sqlite3 *db = NULL;

		_exit(sqlite3_open(world.where, &db) == SQLITE_OK &&
				      sqlite3_exec(db, "pragma journal_mode=wal; create table moz_places(id integer)",
						   NULL, NULL, NULL) == SQLITE_OK
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	e = file_read(world.ctx, log, 1 << 20, &before, &n);
	assert_null(e);
	refused(3, ERROR_REFUSED, "another program's database (it has a table \"moz_places\")");
	e = file_read(world.ctx, log, 1 << 20, &after, &m);
	assert_null(e);
	assert_int_equal(n, m);
	assert_memory_equal(before, after, n);
}

static void no_database(void **state)
{
	static const char text[] = "this is no database, and long enough to be sure of it.....................";
	struct error *e = file_write_atomic(world.where, text, sizeof(text), 0600);

	(void)state;
	assert_null(e);
	refused(3, ERROR_IO, "not a database");
}

/* The fourth step fails in its middle: what the others and its first half did is not there either. */
static void a_step_that_fails(void **state)
{
	const struct db_schema four = schema(4);
	struct db *db = opened(2), *none = NULL;
	struct error *e = db_exec(db, "insert into film values('a', 2, 'me')", "");

	(void)state;
	assert_null(e);
	mem_free(db);
	e = world_open(world.ctx, world.where, &four, &none);
	assert_non_null(e);
	assert_non_null(strstr(e->message, world.server ? "/postgres: schema 4: relation \"absent\" does not exist"
							: "/x.db: schema 4: no such table: absent"));
	error_free(e);
	db = opened(2);
	assert_string_equal(films(db, "name || seconds || maker"), "a2me");
	mem_free(db);
}

/* --- of a server --- */

static void refused_there(size_t count, enum error_code code, const char *part)
{
	const struct db_schema s = schema(count);
	struct db *db = NULL;

	world_refused(world_open(world.ctx, world.where, &s, &db), code, part);
	assert_null(db);
}

static void a_newer_one_there(void **state)
{
	struct db *db = opened(3);

	(void)state;
	refused_there(
		2, ERROR_REFUSED,
		"made by a newer dsn (schema 3, this one knows 2): install that version, or name another one in the URL");
	assert_string_equal(version_of(db), "3");
	mem_free(db);
}

static void another_kind_there(void **state)
{
	struct db *db = opened(1);

	(void)state;
	world_ok(db_exec(db, "update dsn_schema set application_id = 1685286465", ""));
	mem_free(db);
	refused_there(
		3, ERROR_REFUSED,
		"this is not a shelf of films but another kind of database (application id dsnA, not dsnt): name the "
		"right one in the URL");
}

static void another_program_there(void **state)
{
	struct db *db = opened(1);

	(void)state;
	world_ok(db_exec(db, "drop table dsn_schema", ""));
	world_ok(db_exec(db, "create table moz_places(id bigint)", ""));
	mem_free(db);
	refused_there(3, ERROR_REFUSED, "another program's database (it has a table \"moz_places\")");
}

static void a_schema_that_is_not_there(void **state)
{
	(void)state;
	if (world.where)
		world.where = mem_printf(world.ctx, "%snone", world.where);
	refused_there(3, ERROR_NOT_FOUND, "no schema of its search_path is there: create one, or name another");
}

static const char *const narrow[] = {"create table film(name text primary key, seconds integer)", NULL};
static const struct db_migration narrow_step[] = {{narrow}};

static void numbers_that_are_too_small(void **state)
{
	const struct db_schema s = {
		.application_id = DB_APPLICATION_ID('t'), .name = "films", .migrations = narrow_step, .count = 1};
	struct db *db = NULL;

	(void)state;
	world_refused(world_open(world.ctx, world.where, &s, &db), ERROR_INVALID,
		      "film.seconds is of type integer: what both kinds of databases take is bigint, text and bytea");
	mem_free(opened(1));
}

/* One text for each. */
static const char *const marked[] = {"/* sqlite */ create table film(name text, seconds bigint, sqlite text)",
				     "/* postgresql */ create table film(name text, seconds bigint, postgresql text)",
				     NULL};
static const struct db_migration marked_step[] = {{marked}};

static void statements_of_one_of_them(void **state)
{
	const struct db_schema s = {
		.application_id = DB_APPLICATION_ID('t'), .name = "films", .migrations = marked_step, .count = 1};
	struct db *db = NULL;

	(void)state;
	world_ok(world_open(world.ctx, world.where, &s, &db));
	world_ask(db, world.server ? "select postgresql from film" : "select sqlite from film");
	mem_free(db);
}

static bool opens_newest(void *arg)
{
	const struct db_schema s = schema(3);
	struct world_gate *gate = arg;
	struct db *db = NULL;

	world_gate_pass(gate);
	return !world_open(world.ctx, world.where, &s, &db);
}

/* Processes that make it, or bring it on, all at once: each finds it made. */
static void many_at_once(void **state)
{
	pid_t pids[6];
	struct world_gate gate;
	struct db *db = NULL;

	(void)state;
	if (!world.where)
		skip();
	world_gate_make(&gate);
	for (size_t i = 0; i < 6; i++)
		pids[i] = world_fork(opens_newest, &gate);
	for (size_t i = 0; i < 6; i++)
		world_gate_open(&gate);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(world_wait(pids[i]), 0);
	db = opened(3);
	assert_string_equal(version_of(db), "3");
	mem_free(db);
	close(gate.ends[0]);
	close(gate.ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_BOTH(a_new_one_sees_all),
		WORLD_BOTH(step_by_step),
		WORLD_FILE(before_versions),
		WORLD_BOTH(two_at_once),
		WORLD_FILE(another_brings_it_on_meanwhile),
		WORLD_FILE(another_writes_it_when_it_is_new),
		WORLD_FILE(a_newer_one),
		WORLD_FILE(another_kind),
		WORLD_FILE(another_program),
		WORLD_FILE(another_program_with_a_version),
		WORLD_FILE(no_database),
		WORLD_FILE(another_program_with_a_log),
		WORLD_BOTH(a_step_that_fails),
		WORLD_BOTH(statements_of_one_of_them),
		WORLD_BOTH(many_at_once),
		WORLD_SERVER(a_newer_one_there),
		WORLD_SERVER(another_kind_there),
		WORLD_SERVER(another_program_there),
		WORLD_SERVER(a_schema_that_is_not_there),
		WORLD_SERVER(numbers_that_are_too_small),
	};

	mem_init();
	return cmocka_run_group_tests(tests, world_start, world_stop);
}
