#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/db.h"

static const struct db_schema schema = {
	.application_id = DB_APPLICATION_ID('t'),
	.name = "a test's database",
	.migrations = &(const struct db_migration){(const char *const[]){
		"create table t(k text primary key, n integer, b blob)", NULL}},
	.count = 1,
};
static const struct db_schema nonsense = {
	.application_id = DB_APPLICATION_ID('t'),
	.name = "nonsense",
	.migrations = &(const struct db_migration){(const char *const[]){"create nonsense", NULL}},
	.count = 1,
};

static char *folder, *path;

static void ok(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static void refused(struct error *e, enum error_code code, const char *part)
{
	assert_non_null(e);
	assert_int_equal(e->code, code);
	if (!strstr(e->message, part))
		fail_msg("\"%s\" does not hold \"%s\"", e->message, part);
	error_free(e);
}

static int make_folder(void **state)
{
	char made[] = "/tmp/dsn-db-test-XXXXXX";

	(void)state;
	folder = mem_strdup(NULL, mkdtemp(made));
	path = file_join(folder, folder, "x.db");
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	ok(file_remove_tree(folder));
	mem_free(folder);
	return 0;
}

static struct db *open_db(void)
{
	struct db *db = NULL;

	ok(db_open(folder, path, &schema, &db));
	return db;
}

static void insert(struct db *db, const char *key, int64_t n)
{
	ok(db_exec(db, "insert into t values(?,?,?)", "sib", key, n, "\0\1", (size_t)2));
}

static struct error *count_row(const struct db_row *row, void *arg)
{
	(void)row;
	++*(int *)arg;
	return NULL;
}

static int count(struct db *db)
{
	int n = 0;

	ok(db_query(db, count_row, &n, "select 1 from t", ""));
	return n;
}

static struct error *check_row(const struct db_row *row, void *arg)
{
	size_t len = 0;

	assert_string_equal(db_text(row, 0), "a");
	assert_true(db_int(row, 1) == INT64_MIN);
	assert_memory_equal(db_blob(row, 2, &len), "\0\1", 2);
	assert_int_equal(len, 2);
	assert_null(db_text(row, 3));
	return count_row(row, arg);
}

static void rows_survive(void **state)
{
	struct db *db = open_db();
	int n = 0;

	(void)state;
	insert(db, "a", INT64_MIN);
	insert(db, "b", 7);
	assert_int_equal(db_changes(db), 1);
	ok(db_exec(db, "insert into t values(?,?,?)", "sib", NULL, (int64_t)1, NULL, (size_t)0));
	mem_free(db);
	db = open_db();
	assert_int_equal(count(db), 3);
	ok(db_query(db, check_row, &n, "select k, n, b, null from t where k=?", "s", "a"));
	assert_int_equal(n, 1);
	ok(db_exec(db, "delete from t", ""));
	assert_int_equal(db_changes(db), 3);
	mem_free(db);
}

static struct error *stop(const struct db_row *row, void *arg)
{
	++*(int *)arg;
	return error_new(ERROR_TIMEOUT, "stop at %s", db_text(row, 0));
}

static struct error *nested(const struct db_row *row, void *arg)
{
	struct db *db = arg;

	(void)row;
	return count(db) == 2 ? NULL : error_new(ERROR_FAILED, "count");
}

static void rows_can_stop_and_nest(void **state)
{
	struct db *db = open_db();
	int n = 0;

	(void)state;
	insert(db, "a", 1);
	insert(db, "b", 2);
	refused(db_query(db, stop, &n, "select k from t order by k", ""), ERROR_TIMEOUT, "stop at a");
	assert_int_equal(n, 1);
	/* the same text while its first run is not over */
	ok(db_query(db, nested, db, "select 1 from t", ""));
	assert_int_equal(count(db), 2);
	mem_free(db);
}

static void transactions(void **state)
{
	struct db *db = open_db(), *other = open_db();

	(void)state;
	ok(db_begin(db));
	insert(db, "a", 1);
	assert_int_equal(count(other), 0);
	db_rollback(db);
	db_rollback(db);
	assert_int_equal(count(db), 0);
	ok(db_begin(db));
	insert(db, "a", 1);
	ok(db_commit(db));
	assert_int_equal(count(other), 1);
	refused(db_commit(db), ERROR_IO, "commit");
	mem_free(db);
	mem_free(other);
}

static void refusals(void **state)
{
	struct db *db = open_db(), *none = NULL;
	char *text = file_join(folder, folder, "text");

	(void)state;
	insert(db, "a", 1);
	refused(db_exec(db, "insert into t values(?,?,?)", "sib", "a", (int64_t)1, "", (size_t)0), ERROR_EXISTS,
		"UNIQUE constraint failed");
	assert_int_equal(count(db), 1);
	refused(db_exec(db, "insert into absent values(1)", ""), ERROR_IO, "no such table: absent");
	refused(db_exec(db, "select", ""), ERROR_IO, "/x.db: select: ");
	refused(db_exec(db, "insert into t(k) values(?)", "ss", "x", "y"), ERROR_IO, "range");
	assert_int_equal(count(db), 1);
	refused(db_open(folder, "/nonexistent/x.db", &schema, &none), ERROR_IO, "/nonexistent/x.db: opening");
	refused(db_open(folder, file_join(folder, folder, "none.db"), &nonsense, &none), ERROR_IO, "schema");
	ok(file_write_atomic(text, "this is no database, and long enough to be sure of it..............", 66, 0600));
	refused(db_open(folder, text, &schema, &none), ERROR_IO, "not a database");
	assert_null(none);
	mem_free(db);
}

/* A ceiling of pages stands for a full disk. */
static void full(void **state)
{
	struct db *db = open_db();
	char *big = mem_array(folder, char, 200000);

	(void)state;
	insert(db, "kept", 1);
	ok(db_query(db, count_row, &(int){0}, "pragma max_page_count=10", ""));
	refused(db_exec(db, "insert into t values(?,?,?)", "sib", "big", (int64_t)1, big, (size_t)200000), ERROR_LIMIT,
		"full");
	assert_int_equal(count(db), 1);
	ok(db_query(db, count_row, &(int){0}, "pragma max_page_count=1000000", ""));
	ok(db_exec(db, "insert into t values(?,?,?)", "sib", "big", (int64_t)1, big, (size_t)200000));
	assert_int_equal(count(db), 2);
	mem_free(db);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(rows_survive), WITH_FOLDER(rows_can_stop_and_nest),
		WITH_FOLDER(transactions), WITH_FOLDER(refusals),
		WITH_FOLDER(full),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
