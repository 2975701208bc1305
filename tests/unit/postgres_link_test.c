/* A server that is killed, away, restarted or asked by others, each time in the middle of something. */
#include "store/world.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

static const char *const first[] = {"create table t(n bigint unique, text text)", NULL};
static const char *const second[] = {"alter table t add column more text", NULL};
static const struct db_migration steps[] = {{first}, {second}};

static struct db *opened_as(size_t count)
{
	static struct db_schema schemas[3];
	struct db *db = NULL;

	schemas[count] = (struct db_schema){
		.application_id = DB_APPLICATION_ID('t'), .name = "a test's", .migrations = steps, .count = count};
	world_ok(world_open(world.ctx, world.where, &schemas[count], &db));
	return db;
}

static struct db *opened(void)
{
	return opened_as(1);
}

static struct error *insert(struct db *db, int64_t n)
{
	return db_exec(db, "insert into t(n) values(?)", "i", n);
}

static int64_t count(struct db *db)
{
	return world_number(db, "select count(*) from t");
}

/* It connects again, not more often than once a second. */
static void wait_until_back(struct db *db)
{
	int64_t until_ms = clock_mono_ms() + 20000;
	struct error *e = NULL;

	while ((e = db_exec(db, "select 1", "")) != NULL && clock_mono_ms() < until_ms) {
		assert_int_equal(e->code, ERROR_UNAVAILABLE);
		error_free(e);
	}
	world_ok(e);
}

static void cut(struct db *db, struct db *by)
{
	char sql[100];

	snprintf(sql, sizeof(sql), "select pg_terminate_backend(%s)", world_ask(db, "select pg_backend_pid()"));
	assert_string_equal(world_ask(by, sql), "t");
}

/* --- away --- */

static void killed_in_a_transaction(void **state)
{
	struct db *db = opened();

	(void)state;
	world_ok(insert(db, 1));
	world_ok(db_begin(db));
	world_ok(insert(db, 2));
	world_server_is_told("kill");
	world_refused(insert(db, 3), ERROR_UNAVAILABLE, "insert into t(n) values(?)");
	world_server_is_told("start");
	/* Its second half is never done alone, although the server is there. */
	world_refused(insert(db, 4), ERROR_UNAVAILABLE, "all of it is undone: begin it again");
	world_refused(db_commit(db), ERROR_UNAVAILABLE, "all of it is undone: begin it again");
	assert_false(db_outcome_unknown(db));
	wait_until_back(db);
	assert_int_equal(count(db), 1);
	world_ok(db_begin(db));
	world_ok(insert(db, 2));
	world_ok(db_commit(db));
	assert_int_equal(count(db), 2);
	mem_free(db);
}

static struct error *insert_and_kill(struct db *db, const void *arg)
{
	++**(int *const *)arg;
	world_ok(insert(db, 1));
	world_server_is_told("kill");
	return insert(db, 2);
}

/* Rolled back instead; and it is not done again by itself. */
static void killed_in_a_transaction_that_is_rolled_back(void **state)
{
	struct db *db = opened();
	int runs = 0, *at = &runs;

	(void)state;
	world_refused(db_together(db, insert_and_kill, &at), ERROR_UNAVAILABLE, "");
	assert_int_equal(runs, 1);
	world_server_is_told("start");
	wait_until_back(db);
	assert_int_equal(count(db), 0);
	mem_free(db);
}

static void restarted_between_calls(void **state)
{
	struct db *db = opened();

	(void)state;
	world_ok(insert(db, 1));
	world_server_is_told("end");
	world_server_is_told("start");
	world_refused(db_begin(db), ERROR_UNAVAILABLE, "");
	wait_until_back(db);
	assert_int_equal(count(db), 1);
	mem_free(db);
}

static void away(void **state)
{
	struct db *db = opened(), *none = NULL;
	int64_t began_ms;

	(void)state;
	world_server_is_told("end");
	world_refused(insert(db, 1), ERROR_UNAVAILABLE, "");
	world_refused(insert(db, 1), ERROR_UNAVAILABLE, "connecting: ");
	assert_false(db_outcome_unknown(db));
	/* Who asks again at once is told at once. */
	began_ms = clock_mono_ms();
	for (int i = 0; i < 100; i++)
		world_refused(insert(db, 1), ERROR_UNAVAILABLE, "connecting: ");
	assert_true(clock_mono_ms() - began_ms < 5000);
	world_refused(db_begin(db), ERROR_UNAVAILABLE, "connecting: ");
	world_refused(world_open(world.ctx, world.where, &(struct db_schema){.name = "x"}, &none), ERROR_UNAVAILABLE,
		      "connecting: ");
	assert_null(none);
	world_server_is_told("start");
	wait_until_back(db);
	world_ok(insert(db, 1));
	mem_free(db);
}

static void cut_by_an_operator(void **state)
{
	struct db *db = opened(), *other = opened();

	(void)state;
	cut(db, other);
	world_refused(insert(db, 1), ERROR_UNAVAILABLE, "terminating connection");
	assert_false(db_outcome_unknown(db)); /* it was still to be prepared */
	wait_until_back(db);
	world_ok(insert(db, 1));
	cut(db, other);
	world_refused(insert(db, 2), ERROR_UNAVAILABLE, "terminating connection");
	assert_true(db_outcome_unknown(db)); /* the same of a statement that was on its way */
	wait_until_back(db);
	assert_false(db_outcome_unknown(db));
	world_ok(insert(db, 2));
	mem_free(db);
	mem_free(other);
}

static void made_newer_meanwhile(void **state)
{
	struct db *db = opened(), *newer;

	(void)state;
	world_ok(insert(db, 1));
	newer = opened_as(2);
	world_ok(insert(db, 2)); /* as with a file: who has it open goes on */
	cut(db, newer);
	world_refused(insert(db, 3), ERROR_UNAVAILABLE, "");
	world_refused(insert(db, 3), ERROR_REFUSED, "made by a newer dsn (schema 2, this one knows 1)");
	assert_int_equal(count(newer), 2);
	mem_free(db);
	mem_free(newer);
}

/* --- at the commit --- */

/* A commit that takes long: it is in the hands of the server, and whether it comes to its end nobody can say. */
static void make_commits_slow(struct db *db)
{
	world_ok(db_exec(
		db,
		"create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(7); return null; end'",
		""));
	world_ok(db_exec(
		db,
		"create constraint trigger slow after insert on t deferrable initially deferred for each row execute "
		"function slow()",
		""));
}

static bool kills_at_the_commit(void *arg)
{
	struct db *db = opened();

	(void)arg;
	while (world_number(
		       db, "select count(*) from pg_stat_activity where query = 'commit' and wait_event = 'PgSleep'") ==
	       0)
		;
	world_server_is_told("kill");
	return true;
}

static struct error *insert_one(struct db *db, const void *arg)
{
	++**(int *const *)arg;
	return insert(db, 1);
}

static void killed_at_the_commit(void **state)
{
	struct db *db = opened();
	int runs = 0, *at = &runs;
	pid_t killer;

	(void)state;
	make_commits_slow(db);
	killer = world_fork(kills_at_the_commit, NULL);
	world_refused(db_together(db, insert_one, &at), ERROR_UNAVAILABLE, "whether it is stored is unknown");
	assert_true(db_outcome_unknown(db));
	assert_int_equal(runs, 1);
	assert_int_equal(world_wait(killer), 0);
	world_server_is_told("start");
	wait_until_back(db);
	assert_false(db_outcome_unknown(db));
	assert_int_equal(count(db), 0);
	mem_free(db);
}

/* --- others --- */

struct meeting {
	struct db *other;
	int *runs;
	int times; /* in which another one comes between */
};

static struct error *insert_behind(struct db *db, const void *arg)
{
	return insert(db, world_number(db, "select count(*) from t") + *(const int64_t *)arg);
}

/* Reads all, and writes what follows from it, as another one does meanwhile: each would change what the other has read.
 */
static struct error *insert_next(struct db *db, const void *arg)
{
	const struct meeting *m = arg;
	int64_t n = world_number(db, "select count(*) from t");

	if (++*m->runs <= m->times)
		world_ok(db_together(m->other, insert_behind, &(int64_t){100}));
	return insert(db, n + 200);
}

static void as_if_one_came_after_the_other(void **state)
{
	struct db *db = opened(), *other = opened();
	int runs = 0;

	(void)state;
	world_ok(db_together(db, insert_next, &(struct meeting){other, &runs, 1}));
	/* The other one saw nothing of this one, so this one comes after it, and has seen it. */
	assert_int_equal(world_number(db, "select n from t where n < 200"), 100);
	assert_int_equal(runs, 2);
	assert_int_equal(world_number(db, "select n from t where n >= 200"), 201);
	mem_free(db);
	mem_free(other);
}

static struct error *update_with_another(struct db *db, const void *arg)
{
	const struct meeting *m = arg;

	/* What is read first is the snapshot; the row is another one's when it is written. */
	world_number(db, "select count(*) from t");
	if (++*m->runs <= m->times)
		world_ok(db_exec(m->other, "update t set text = 'other' where n = 1", ""));
	return db_exec(db, "update t set text = 'mine' where n = 1", "");
}

static void done_again_where_another_came_between(void **state)
{
	struct db *db = opened(), *other = opened();
	int runs = 0;

	(void)state;
	world_ok(insert(db, 1));
	world_ok(db_together(db, update_with_another, &(struct meeting){other, &runs, 2}));
	assert_int_equal(runs, 3);
	assert_string_equal(world_ask(db, "select text from t"), "mine");
	runs = 0;
	world_refused(db_together(db, update_with_another, &(struct meeting){other, &runs, 1000}), ERROR_UNAVAILABLE,
		      "given up after 10 tries: ");
	assert_int_equal(runs, DB_TRIES);
	assert_string_equal(world_ask(db, "select text from t"), "other");
	world_ok(db_together(db, update_with_another, &(struct meeting){other, &runs, 0}));
	mem_free(db);
	mem_free(other);
}

static struct error *insert_twice(struct db *db, const void *arg)
{
	++**(int *const *)arg;
	TRY(insert(db, 7));
	return insert(db, 7);
}

static void a_key_that_was_there_all_along(void **state)
{
	struct db *db = opened();
	int runs = 0, *at = &runs;

	(void)state;
	world_refused(db_together(db, insert_twice, &at), ERROR_EXISTS, "duplicate key");
	assert_int_equal(runs, 2);
	assert_int_equal(count(db), 0);
	mem_free(db);
}

/* Two rows in one order and in the other, again and again. */
static struct error *both_rows(struct db *db, const void *arg)
{
	int64_t one = *(const int64_t *)arg;

	TRY(db_exec(db, "update t set text = 'x' where n = ?", "i", one));
	return db_exec(db, "update t set text = 'x' where n = ?", "i", 3 - one);
}

static bool updates_both(void *arg)
{
	struct db *db = opened();

	for (int i = 0; i < 30; i++) {
		struct error *e = db_together(db, both_rows, arg);

		/* Met ten times in a row: told, and nothing half done. */
		if (e && (e->code != ERROR_UNAVAILABLE || !strstr(e->message, "given up")))
			return false;
		error_free(e);
	}
	return true;
}

static void in_each_others_way(void **state)
{
	static const int64_t orders[] = {1, 2};
	struct db *db = opened();
	pid_t one, two;

	(void)state;
	world_ok(insert(db, 1));
	world_ok(insert(db, 2));
	one = world_fork(updates_both, (void *)&orders[0]);
	two = world_fork(updates_both, (void *)&orders[1]);
	assert_int_equal(world_wait(one), 0);
	assert_int_equal(world_wait(two), 0);
	mem_free(db);
}

/* --- within --- */

static void a_statement_that_failed_undoes_all(void **state)
{
	struct db *db = opened();

	(void)state;
	world_ok(db_begin(db));
	world_ok(insert(db, 1));
	world_refused(insert(db, 1), ERROR_EXISTS, "duplicate key");
	world_refused(insert(db, 2), ERROR_IO, "current transaction is aborted");
	world_refused(db_commit(db), ERROR_FAILED, "all of the transaction is undone");
	assert_int_equal(count(db), 0);
	world_ok(db_begin(db));
	world_refused(db_begin(db), ERROR_IO, "begin: a transaction is under way");
	world_ok(insert(db, 1));
	world_ok(db_commit(db));
	assert_int_equal(count(db), 1);
	mem_free(db);
}

static void statements_are_prepared_once(void **state)
{
	struct db *db = opened(), *other = opened();
	static const char *const own =
		"select count(*) from pg_prepared_statements where statement like 'insert into t%'";

	(void)state;
	for (int64_t i = 0; i < 5; i++)
		world_ok(insert(db, i));
	assert_int_equal(world_number(db, own), 1);
	/* One whose result has another form since is prepared anew. */
	assert_string_equal(world_ask(db, "select * from t where n = 3"), "3");
	world_ok(db_exec(other, "alter table t add column later bigint", ""));
	assert_string_equal(world_ask(db, "select * from t where n = 3"), "3");
	mem_free(db);
	mem_free(other);
}

static void values_that_it_does_not_take(void **state)
{
	struct db *db = opened();

	(void)state;
	world_refused(db_exec(db, "insert into t values(?, ?)", "is", (int64_t)1, "\xff\xfe"), ERROR_INVALID,
		      "invalid byte sequence");
	world_refused(db_exec(db, "insert into t values(?, ?)", "ss", "1", "x"), ERROR_IO, "is of type bigint");
	world_refused(db_exec(db, "insert into t values(1, '", ""), ERROR_INVALID, "does not end");
	world_refused(db_exec(db, "select 1 / ?", "i", (int64_t)0), ERROR_INVALID, "division by zero");
	world_ok(db_exec(db, "insert into t values(?, ?)", "is", (int64_t)1, "'; drop table t; --"));
	assert_string_equal(world_ask(db, "select text from t"), "'; drop table t; --");
	mem_free(db);
}

/* A reason that the server gives without being away. */
static void refusals_by_their_kind(void **state)
{
	struct db *db = opened();

	(void)state;
	world_ok(db_begin(db));
	world_ok(db_exec(db, "set local transaction_read_only = on", ""));
	world_refused(insert(db, 1), ERROR_REFUSED, "read-only transaction");
	db_rollback(db);
	world_ok(db_begin(db));
	world_ok(db_exec(db, "set local statement_timeout = 50", ""));
	world_refused(db_exec(db, "select pg_sleep(20)", ""), ERROR_TIMEOUT,
		      "canceling statement due to statement timeout");
	db_rollback(db);
	world_refused(db_exec(db, "set role nobody_at_all", ""), ERROR_INVALID, "does not exist");
	world_ok(insert(db, 1));
	mem_free(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_SERVER(killed_in_a_transaction),
		WORLD_SERVER(killed_in_a_transaction_that_is_rolled_back),
		WORLD_SERVER(restarted_between_calls),
		WORLD_SERVER(away),
		WORLD_SERVER(cut_by_an_operator),
		WORLD_SERVER(made_newer_meanwhile),
		WORLD_SERVER(killed_at_the_commit),
		WORLD_SERVER(as_if_one_came_after_the_other),
		WORLD_SERVER(done_again_where_another_came_between),
		WORLD_SERVER(a_key_that_was_there_all_along),
		WORLD_SERVER(in_each_others_way),
		WORLD_SERVER(a_statement_that_failed_undoes_all),
		WORLD_SERVER(statements_are_prepared_once),
		WORLD_SERVER(values_that_it_does_not_take),
		WORLD_SERVER(refusals_by_their_kind),
	};

	mem_init();
	return cmocka_run_group_tests(tests, world_start, world_stop);
}
