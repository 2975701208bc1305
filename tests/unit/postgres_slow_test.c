/* What takes a server 5 to 10 s: locks of others, owners that sleep, a server that is there and says nothing; and
 * servers of other kinds: with a password, with a full disk. */
#include "store/world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "postgres/postgres.h"
#include "store/events.h"

static const char *const first[] = {"create table t(n bigint unique, text text)", NULL};
static const struct db_migration steps[] = {{events_tables}, {first}};

static struct error *open_there(const char *where, struct db **ret_db)
{
	static struct db_schema schema = {
		.application_id = DB_APPLICATION_ID('t'), .name = "a test's", .migrations = steps, .count = 2};

	return world_open(world.ctx, where, &schema, ret_db);
}

static struct db *opened(void)
{
	struct db *db = NULL;

	world_ok(open_there(world.where, &db));
	return db;
}

static struct error *insert(struct db *db, int64_t n)
{
	return db_exec(db, "insert into t(n) values(?)", "i", n);
}

static void a_lock_of_somebody_else(void **state)
{
	struct db *db = opened(), *other = opened();
	int64_t began_ms = clock_mono_ms();

	(void)state;
	world_ok(db_begin(other));
	world_ok(db_exec(other, "lock table t", ""));
	world_refused(insert(db, 1), ERROR_UNAVAILABLE, "lock timeout");
	assert_true(clock_mono_ms() - began_ms >= 4900);
	db_rollback(other);
	world_ok(insert(db, 1));
	mem_free(db);
	mem_free(other);
}

static bool appends_and_is_stopped(void *arg)
{
	struct db *db = opened();
	json_t *body = json_object();
	int64_t id = 0;

	world_ok(db_begin(db));
	world_ok(events_append(db, "a.b", "stopped", body, 0, &id));
	world_gate_open(arg);
	raise(SIGSTOP);
	world_refused(db_commit(db), ERROR_UNAVAILABLE, "");
	return true;
}

/* Who was stopped with the log's lock holds others up for 10 s, not for ever, and learns that it was undone. */
static void an_owner_that_sleeps(void **state)
{
	struct world_gate begun;
	struct db *db = opened();
	json_t *body = json_object();
	int64_t id = 0, until_ms;
	struct error *e;
	pid_t pid;

	(void)state;
	world_gate_make(&begun);
	pid = world_fork(appends_and_is_stopped, &begun);
	world_gate_pass(&begun);
	until_ms = clock_mono_ms() + 30000;
	while ((e = events_append(db, "a.b", "waiting", body, 0, &id)) != NULL && clock_mono_ms() < until_ms) {
		assert_int_equal(e->code, ERROR_UNAVAILABLE);
		error_free(e);
	}
	world_ok(e);
	kill(pid, SIGCONT);
	assert_int_equal(world_wait(pid), 0);
	assert_string_equal(world_ask(db, "select string_agg(subject, ' ') from event"), "waiting");
	json_decref(body);
	mem_free(db);
}

static void one_that_says_nothing(void **state)
{
	struct db *db = opened();
	int64_t began_ms, took_ms;
	struct error *e;

	(void)state;
	world_ok(db_begin(db));
	world_ok(insert(db, 1));
	world_server_is_told("freeze");
	began_ms = clock_mono_ms();
	e = insert(db, 2);
	took_ms = clock_mono_ms() - began_ms;
	world_server_is_told("thaw");
	world_refused(e, ERROR_UNAVAILABLE, "no answer in time, the connection was closed");
	/* It is not waited for as for one that works: that has its whole time (a_lock_of_somebody_else). */
	if (took_ms < 1900 || took_ms > 3500)
		fail_msg("it took %lld ms to notice", (long long)took_ms);
	db_rollback(db);
	/* Another try would be as long, so it is not made at once. */
	began_ms = clock_mono_ms();
	world_refused(insert(db, 3), ERROR_UNAVAILABLE, "no answer in time, the connection was closed");
	assert_true(clock_mono_ms() - began_ms < 500);
	while ((e = db_exec(db, "select 1", "")) != NULL && clock_mono_ms() - began_ms < 20000) {
		assert_int_equal(e->code, ERROR_UNAVAILABLE);
		error_free(e);
	}
	world_ok(e);
	assert_int_equal(world_number(db, "select count(*) from t"), 0);
	mem_free(db);
}

/* --- other servers --- */

static void is_not_let_in(const char *where)
{
	struct db *none = NULL;
	struct error *e = open_there(where, &none);

	assert_non_null(e);
	assert_null(none);
	assert_int_equal(e->code, ERROR_UNAVAILABLE);
	assert_non_null(strstr(e->message, "connecting: "));
	assert_null(strstr(e->message, "secret"));
	error_free(e);
}

static void one_with_a_password(void **state)
{
	struct world_server server = {0};
	char *wrong = file_join(world.ctx, world.folder, "wrong"), *cut;
	struct db *db = NULL;

	(void)state;
	assert_true(world_serve(&server, "password"));
	if (!server.url[0])
		skip();
	world_ok(open_there(server.url, &db));
	world_ok(insert(db, 1));
	assert_non_null(strstr(db_path(db), "postgresql://127.0.0.1:"));
	assert_null(strstr(db_path(db), "passfile"));
	world_ok(file_write_atomic(wrong, "*:*:*:*:another secret\n", 23, 0600));
	cut = strstr(server.url, "?passfile=");
	*cut = '\0';
	is_not_let_in(mem_printf(world.ctx, "%s?passfile=%s", server.url, wrong));

	mem_free(db);
	assert_int_equal(world_serve_end(&server), 0);
}

/* Its disk is full: what was there stays, of what did not fit there is nothing, and what fits goes on. */
static void one_with_a_full_disk(void **state)
{
	struct world_server server = {0};
	struct db *db = NULL;
	struct error *e = NULL;
	int64_t stored = 0;

	(void)state;
	assert_true(world_serve(&server, "small"));
	if (!server.url[0])
		skip();
	world_ok(open_there(mem_printf(world.ctx, "%sapplication_name=dsn", server.url), &db));
	world_ok(insert(db, 0));
	while (!e && stored < 1000) {
		e = db_exec(
			db,
			"insert into t select ?, string_agg(md5(random()::text), '') from generate_series(1, 30000)",
			"i", ++stored);
	}
	world_refused(e, ERROR_LIMIT, "No space left on device");
	assert_int_equal(world_number(db, "select count(*) from t"), stored);
	world_ok(db_exec(db, "drop table t", ""));
	world_ok(db_exec(db, "create table t(n bigint)", ""));
	world_ok(insert(db, 1));
	assert_int_equal(world_number(db, "select count(*) from t"), 1);
	mem_free(db);
	assert_int_equal(world_serve_end(&server), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_SERVER(a_lock_of_somebody_else), WORLD_SERVER(an_owner_that_sleeps),
		WORLD_SERVER(one_that_says_nothing),   WORLD_FILE(one_with_a_password),
		WORLD_FILE(one_with_a_full_disk),
	};

	mem_init();
	return cmocka_run_group_tests(tests, world_start, world_stop);
}
