/* The calls of a database, on files and on a PostgreSQL server. */
#include "store/world.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"

static const struct db_schema schema = {
	.application_id = DB_APPLICATION_ID('t'),
	.name = "a test's database",
	.migrations = &(const struct db_migration){(const char *const[]){
		"create table t(k text unique, n bigint, b bytea)", NULL}},
	.count = 1,
};
static const struct db_schema nonsense = {
	.application_id = DB_APPLICATION_ID('t'),
	.name = "nonsense",
	.migrations = &(const struct db_migration){(const char *const[]){"create nonsense", NULL}},
	.count = 1,
};

static struct db *open_db(void)
{
	struct db *db = NULL;

	world_ok(world_open(world.ctx, world.where, &schema, &db));
	return db;
}

static void insert(struct db *db, const char *key, int64_t n)
{
	world_ok(db_exec(db, "insert into t values(?,?,?)", "sib", key, n, "\0\1", (size_t)2));
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

	world_ok(db_query(db, count_row, &n, "select 1 from t", ""));
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
	world_ok(db_exec(db, "insert into t values(?,?,?)", "sib", NULL, (int64_t)1, NULL, (size_t)0));
	mem_free(db);
	db = open_db();
	assert_int_equal(count(db), 3);
	world_ok(db_query(db, check_row, &n, "select k, n, b, null from t where k=?", "s", "a"));
	assert_int_equal(n, 1);
	world_ok(db_exec(db, "delete from t", ""));
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
	world_refused(db_query(db, stop, &n, "select k from t order by k", ""), ERROR_TIMEOUT, "stop at a");
	assert_int_equal(n, 1);
	/* the same text while its first run is not over */
	world_ok(db_query(db, nested, db, "select 1 from t", ""));
	assert_int_equal(count(db), 2);
	mem_free(db);
}

static void transactions(void **state)
{
	struct db *db = open_db(), *other = open_db();

	(void)state;
	world_ok(db_begin(db));
	insert(db, "a", 1);
	assert_int_equal(count(other), 0);
	db_rollback(db);
	db_rollback(db);
	assert_int_equal(count(db), 0);
	world_ok(db_begin(db));
	insert(db, "a", 1);
	world_ok(db_commit(db));
	assert_int_equal(count(other), 1);
	world_refused(db_commit(db), ERROR_IO, "commit");
	db_rollback(db);
	assert_false(db_outcome_unknown(db));
	mem_free(db);
	mem_free(other);
}

static void refusals(void **state)
{
	struct db *db = open_db();

	(void)state;
	insert(db, "a", 1);
	world_refused(db_exec(db, "insert into t values(?,?,?)", "sib", "a", (int64_t)1, "", (size_t)0), ERROR_EXISTS,
		      world.server ? "duplicate key value violates unique constraint" : "UNIQUE constraint failed");
	assert_int_equal(count(db), 1);
	world_refused(db_exec(db, "insert into absent values(1)", ""), ERROR_IO,
		      world.server ? "relation \"absent\" does not exist" : "no such table: absent");
	world_refused(db_exec(db, world.server ? "selec" : "select", ""), ERROR_IO,
		      world.server ? "/postgres: selec: " : "/x.db: select: ");
	world_refused(db_exec(db, "insert into t(k) values(?)", "ss", "x", "y"),
		      world.server ? ERROR_INVALID : ERROR_IO, world.server ? "2 values for 1 places" : "range");
	assert_int_equal(count(db), 1);
	mem_free(db);
}

static void files_that_are_refused(void **state)
{
	struct db *none = NULL;
	char *text = file_join(world.ctx, world.folder, "text");

	(void)state;
	world_refused(db_open(world.ctx, "/nonexistent/x.db", &schema, &none), ERROR_IO, "/nonexistent/x.db: opening");
	world_refused(db_open(world.ctx, file_join(world.ctx, world.folder, "none.db"), &nonsense, &none), ERROR_IO,
		      "schema");
	world_ok(file_write_atomic(text, "this is no database, and long enough to be sure of it..............", 66,
				   0600));
	world_refused(db_open(world.ctx, text, &schema, &none), ERROR_IO, "not a database");
	world_refused(db_open(world.ctx, "postgresql://host/db", &schema, &none), ERROR_INVALID, "give a path");
	world_refused(db_open(world.ctx, "postgres://host/db", &schema, &none), ERROR_INVALID, "give a path");
	assert_null(none);
}

static struct error *insert_both(struct db *db, const void *arg)
{
	insert(db, "a", 1);
	return db_exec(db, "insert into t values(?,?,?)", "sib", arg, (int64_t)2, "", (size_t)0);
}

static struct error *insert_within(struct db *db, const void *arg)
{
	world_ok(db_together(db, insert_both, "b"));
	return db_exec(db, "insert into t values(?,?,?)", "sib", arg, (int64_t)3, "", (size_t)0);
}

static void together_or_not_at_all(void **state)
{
	struct db *db = open_db();

	(void)state;
	world_refused(db_together(db, insert_both, "a"), ERROR_EXISTS,
		      world.server ? "unique constraint" : "UNIQUE constraint");
	assert_int_equal(count(db), 0);
	world_refused(db_together(db, insert_within, "b"), ERROR_EXISTS,
		      world.server ? "unique constraint" : "UNIQUE constraint");
	assert_int_equal(count(db), 0);
	world_ok(db_together(db, insert_within, "c"));
	assert_int_equal(count(db), 3);
	mem_free(db);
}

/* What both have in common of time: it goes on, and instants of one clock can be compared. */
static void its_own_time(void **state)
{
	struct db *db = open_db();
	struct db_time one, two;

	(void)state;
	world_ok(db_now(db, &one));
	world_ok(db_now(db, &two));
	assert_true(one.ms > 0 && two.ms >= one.ms && two.ms < one.ms + 60000);
	assert_string_equal(one.clock, two.clock);
	assert_true(one.clock[0]);
	mem_free(db);
}

/* Each kind of value at its edge. */
static void values(void **state)
{
	struct db *db = open_db();
	char *long_text = mem_array(world.ctx, char, 30001);
	uint8_t bytes[256];

	(void)state;
	memset(long_text, 'x', 30000);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	world_ok(db_exec(db, "insert into t values(?,?,?)", "sib", long_text, INT64_MAX, bytes, sizeof(bytes)));
	world_ok(db_exec(db, "insert into t values(?,?,?)", "sib", "it's a \"q\" \\ ? $1 \xc3\xa4", (int64_t)-1, NULL,
			 (size_t)0));
	assert_string_equal(world_ask(db, "select length(k) from t where n > 0"), "30000");
	assert_string_equal(world_ask(db, "select n from t where n > 0"), "9223372036854775807");
	assert_string_equal(world_ask(db, "select length(b) from t where n > 0"), "256");
	assert_string_equal(world_ask(db, "select k from t where n < 0"), "it's a \"q\" \\ ? $1 \xc3\xa4");
	assert_string_equal(world_ask(db, "select length(b) from t where n < 0 and b is not null"), "0");
	assert_string_equal(world_ask(db, "select '?' || k from t where k = '?'"), "");
	mem_free(db);
}

/* A ceiling of pages stands for a full disk. */
static void full(void **state)
{
	struct db *db = open_db();
	char *big = mem_array(world.ctx, char, 200000);

	(void)state;
	insert(db, "kept", 1);
	world_ok(db_query(db, count_row, &(int){0}, "pragma max_page_count=10", ""));
	world_refused(db_exec(db, "insert into t values(?,?,?)", "sib", "big", (int64_t)1, big, (size_t)200000),
		      ERROR_LIMIT, "full");
	assert_int_equal(count(db), 1);
	world_ok(db_query(db, count_row, &(int){0}, "pragma max_page_count=1000000", ""));
	world_ok(db_exec(db, "insert into t values(?,?,?)", "sib", "big", (int64_t)1, big, (size_t)200000));
	assert_int_equal(count(db), 2);
	mem_free(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_BOTH(rows_survive), WORLD_BOTH(rows_can_stop_and_nest), WORLD_BOTH(transactions),
		WORLD_BOTH(refusals),     WORLD_BOTH(together_or_not_at_all), WORLD_BOTH(its_own_time),
		WORLD_BOTH(values),       WORLD_FILE(files_that_are_refused), WORLD_FILE(full),
	};

	mem_init();
	return cmocka_run_group_tests(tests, world_start, world_stop);
}
