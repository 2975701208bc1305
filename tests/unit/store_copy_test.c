/* Copies of a database's file: of one that is written meanwhile, of what is none, and of a damaged one. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/db.h"
#include "store/db_copy.h"

#define ROWS 20000

static const char *const first[] = {"create table t(n bigint primary key, text text)", NULL};
static const struct db_migration steps[] = {{first}};
static const struct db_schema ours = {
	.application_id = DB_APPLICATION_ID('t'), .name = "a test's", .migrations = steps, .count = 1};
static const struct db_schema others = {
	.application_id = DB_APPLICATION_ID('u'), .name = "another's", .migrations = steps, .count = 1};

struct world {
	char folder[64];
	char *from, *to, *before;
	struct db *db;
};

static void must(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static void refused(struct error *e, enum error_code code, const char *part)
{
	assert_non_null(e);
	if (e->code != code || !strstr(e->message, part))
		fail_msg("%d: %s", e->code, e->message);
	error_free(e);
}

static int setup(void **state)
{
	struct world *w = mem_new(NULL, struct world);

	strcpy(w->folder, "/tmp/dsn-copy-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	w->from = file_join(w, w->folder, "from.db");
	w->to = file_join(w, w->folder, "to.db");
	w->before = file_join(w, w->folder, "before.db");
	must(db_open(w, w->from, &ours, &w->db));
	must(db_begin(w->db));
	for (int64_t n = 0; n < ROWS; n++)
		must(db_exec(w->db, "insert into t values(?, 'a text of some length, to fill pages')", "i", n));
	must(db_commit(w->db));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char *folder = mem_strdup(NULL, w->folder);

	mem_free(w);
	must(file_remove_tree(folder));
	mem_free(folder);
	return 0;
}

static struct error *on_count(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

static int64_t count_in(struct world *w, const char *path)
{
	struct db *db = NULL;
	int64_t count = -1;

	must(db_open(w, path, &ours, &db));
	must(db_query(db, on_count, &count, "select count(*) from t", ""));
	mem_free(db);
	return count;
}

/* Nothing but what is named is left. */
static void has_files(const struct world *w, size_t count)
{
	DIR *list = opendir(w->folder);
	const struct dirent *entry;
	size_t found = 0;

	assert_non_null(list);
	while ((entry = readdir(list)))
		found += entry->d_name[0] != '.';
	closedir(list);
	assert_int_equal(found, count);
}

static void test_open_one(void **state)
{
	struct world *w = *state;
	struct stat st;

	/* A transaction that is not committed is none of it. */
	must(db_begin(w->db));
	must(db_exec(w->db, "delete from t where n < 100", ""));
	must(db_copy(w->from, w->to, &ours));
	must(db_commit(w->db));
	assert_int_equal(stat(w->to, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	has_files(w, 4); /* from.db with its log, to.db alone */
	assert_int_equal(count_in(w, w->to), ROWS);
	assert_int_equal(count_in(w, w->from), ROWS - 100);
}

static void test_refused(void **state)
{
	struct world *w = *state;
	char *none = file_join(w, w->folder, "none.db");

	refused(db_copy(none, w->to, &ours), ERROR_NOT_FOUND, none);
	refused(db_copy(w->from, w->to, &others), ERROR_REFUSED, "not another's but another kind");
	must(file_write_atomic(none, "no database, but a text that is long enough to be looked at", 59, 0600));
	refused(db_copy(none, w->to, &ours), ERROR_REFUSED, "not a database");
	assert_false(file_exists(w->to));
	must(db_copy(w->from, w->to, &ours));
	refused(db_copy(w->from, w->to, &ours), ERROR_EXISTS, "name another one");
	has_files(w, 5);
}

/* Pages in its middle are gone. */
static void test_damaged(void **state)
{
	struct world *w = *state;
	static const char noise[8192] = "noise";
	FILE *f;

	must(db_copy(w->from, w->to, &ours));
	f = fopen(w->to, "r+");
	assert_non_null(f);
	assert_int_equal(fseek(f, 40 * 4096, SEEK_SET), 0);
	assert_int_equal(fwrite(noise, sizeof(noise), 1, f), 1);
	fclose(f);
	refused(db_copy(w->to, w->before, &ours), ERROR_FAILED, "damaged");
	assert_false(file_exists(w->before));
	has_files(w, 4);
}

static void test_in_the_place_of_another(void **state)
{
	struct world *w = *state;

	must(db_copy(w->from, w->to, &ours));
	must(db_exec(w->db, "delete from t where n < 100", ""));
	mem_free(w->db);
	must(db_replace(w->to, w->from, w->before));
	assert_int_equal(count_in(w, w->from), ROWS);
	assert_int_equal(count_in(w, w->before), ROWS - 100);
	must(db_copy(w->from, w->to, &ours));
	refused(db_replace(w->to, w->from, w->before), ERROR_EXISTS, "move it away first");
	/* One that cannot be opened gives way too. */
	must(file_remove(w->before));
	must(file_write_atomic(w->from, "no database, but a text that is long enough to be looked at", 59, 0600));
	must(db_replace(w->to, w->from, w->before));
	assert_int_equal(count_in(w, w->from), ROWS);
	assert_true(file_exists(w->before));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_the_place_of_another, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
