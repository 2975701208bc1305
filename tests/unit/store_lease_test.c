/* Leases, on files and on a PostgreSQL server. */
#include "store/world.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/lease.h"

/* Times that a test can wait for. */
static const struct lease_times quick = {.expire_ms = 900, .stop_ms = 600, .renew_ms = 200};

static const char *const tables[] = {"create table done(term bigint not null, n bigint not null)", NULL};
static const struct db_migration steps[] = {{lease_tables}, {tables}};

static struct db *opened(void)
{
	static struct db_schema schema = {
		.application_id = DB_APPLICATION_ID('t'), .name = "leases", .migrations = NULL, .count = 2};
	struct db *db = NULL;

	schema.migrations = steps;
	world_ok(world_open(world.ctx, world.where, &schema, &db));
	return db;
}

static struct lease *made(struct db *db, const char *holder, const struct lease_times *times)
{
	struct lease *lease = NULL;

	world_ok(lease_new(db, db, "jobs", holder, times, &lease));
	return lease;
}

/* The term after asking now. */
static int64_t asked(struct lease *lease)
{
	int64_t now_ms = lease_clock_ms();

	world_ok(lease_ask(lease, now_ms));
	assert_true(lease_due_ms(lease) > now_ms);
	return lease_term(lease, now_ms);
}

static void is_refused(const char *name, const char *holder, const struct lease_times *times, const char *part)
{
	struct lease *lease = NULL;

	world_refused(lease_new(world.ctx, NULL, name, holder, times, &lease), ERROR_INVALID, part);
	assert_null(lease);
}

static void what_is_no_lease(void **state)
{
	(void)state;
	is_refused("", "a", NULL, "1 to 64 printable");
	is_refused("a b", "a", NULL, "1 to 64 printable");
	is_refused("0123456789012345678901234567890123456789012345678901234567890123x", "a", NULL, "1 to 64 printable");
	is_refused("jobs", "", NULL, "1 to 64 printable");
	is_refused("jobs", "a\n", NULL, "1 to 64 printable");
	is_refused("jobs", "a", &(struct lease_times){15000, 10000, 0}, "each is longer than the one before");
	is_refused("jobs", "a", &(struct lease_times){15000, 10000, 10000}, "each is longer than the one before");
	is_refused("jobs", "a", &(struct lease_times){10000, 10000, 5000}, "each is longer than the one before");
}

static void one_has_it(void **state)
{
	struct db *one = opened(), *two = opened();
	struct lease *a = made(one, "a", NULL), *b = made(two, "b", NULL);
	int64_t term;

	(void)state;
	assert_int_equal(lease_term(a, lease_clock_ms()), 0); /* nothing was asked yet */
	assert_string_equal(lease_holder(a), "");
	term = asked(a);
	assert_true(term > 0);
	assert_int_equal(asked(b), 0);
	assert_string_equal(lease_holder(a), "a");
	assert_string_equal(lease_holder(b), "a");
	assert_true(asked(a) == term); /* renewed */
	assert_int_equal(asked(b), 0);
	world_ok(lease_release(a));
	assert_int_equal(lease_term(a, lease_clock_ms()), 0);
	assert_true(asked(b) > term);
	assert_int_equal(asked(a), 0);
	assert_string_equal(lease_holder(a), "b");
	mem_free(one);
	mem_free(two);
}

/* Of equal names each is one of its own. */
static void names_do_not_tell_holders_apart(void **state)
{
	struct db *one = opened(), *two = opened();
	struct lease *a = made(one, "dsnd", NULL), *b = made(two, "dsnd", NULL), *other = NULL;

	(void)state;
	assert_true(asked(a) > 0);
	assert_int_equal(asked(b), 0);
	world_ok(lease_new(two, two, "billing", "dsnd", NULL, &other));
	assert_true(asked(other) > 0);
	mem_free(one);
	mem_free(two);
}

/* By its own clock, which it tells: 10 s from before it asked. */
static void who_cannot_renew_stops(void **state)
{
	struct db *db = opened();
	struct lease *a = made(db, "a", NULL);
	int64_t now_ms = lease_clock_ms(), term;

	(void)state;
	world_ok(lease_ask(a, now_ms));
	term = lease_term(a, now_ms);
	assert_true(term > 0);
	assert_true(lease_due_ms(a) == now_ms + LEASE_RENEW_MS);
	assert_true(lease_term(a, now_ms + LEASE_STOP_MS - 1) == term);
	assert_int_equal(lease_term(a, now_ms + LEASE_STOP_MS), 0);
	world_ok(lease_ask(a, now_ms + 5000));
	assert_true(lease_term(a, now_ms + 5000 + LEASE_STOP_MS - 1) == term);
	/* Late: another term, although nobody else had one. */
	world_ok(lease_ask(a, now_ms + 5000 + LEASE_STOP_MS));
	assert_true(lease_term(a, now_ms + 5000 + LEASE_STOP_MS) > term);
	mem_free(db);
}

static void when_it_cannot_ask(void **state)
{
	struct db *db = opened();
	struct lease *a = made(db, "a", NULL);
	int64_t now_ms = lease_clock_ms();

	(void)state;
	world_ok(lease_ask(a, now_ms));
	world_ok(db_exec(db, "alter table lease rename to away", ""));
	world_refused(lease_ask(a, now_ms + 5000), ERROR_IO, "lease");
	assert_true(lease_due_ms(a) == now_ms + 10000);
	assert_true(lease_term(a, now_ms + 9999) > 0);
	assert_int_equal(lease_term(a, now_ms + 10000), 0);
	mem_free(db);
}

static int64_t wait_for_term(struct lease *lease)
{
	int64_t until_ms = lease_clock_ms() + 20000, term = 0;

	while (!(term = asked(lease)) && lease_clock_ms() < until_ms)
		poll(NULL, 0, 10);
	assert_true(term > 0);
	return term;
}

/* Its holder is not there any more. */
static void it_expires(void **state)
{
	struct db *one = opened(), *two = opened();
	struct lease *a = made(one, "a", &quick), *b = made(two, "b", &quick);
	int64_t began_ms = lease_clock_ms(), term = asked(a), next;

	(void)state;
	next = wait_for_term(b);
	assert_true(next > term);
	assert_true(lease_clock_ms() - began_ms >= quick.expire_ms);
	assert_int_equal(lease_term(a, lease_clock_ms()), 0);
	assert_int_equal(asked(a), 0);
	assert_string_equal(lease_holder(a), "b");
	mem_free(one);
	mem_free(two);
}

/* An instant of a clock that has begun anew since: its machine was started again, so its holder is gone. */
static void of_another_clock(void **state)
{
	struct db *db = opened();
	struct lease *a = made(db, "a", NULL), *b = made(db, "b", NULL);
	int64_t term = asked(a);

	(void)state;
	world_ok(db_exec(db, "update lease set clock = 'another', until_ms = 9000000000000000", ""));
	assert_true(asked(b) > term);
	assert_int_equal(asked(a), 0);
	mem_free(db);
}

static void what_is_of_an_older_term_is_refused(void **state)
{
	struct db *one = opened(), *two = opened();
	struct lease *a = made(one, "a", &quick), *b = made(two, "b", &quick);

	(void)state;
	world_refused(lease_fence(a), ERROR_REFUSED, "lease \"jobs\"");
	asked(a);
	world_ok(db_begin(one));
	world_ok(lease_fence(a));
	world_ok(db_exec(one, "insert into done values(1, 1)", ""));
	world_ok(db_commit(one));
	wait_for_term(b);
	world_ok(db_begin(one));
	world_refused(lease_fence(a), ERROR_REFUSED, "\"b\" has it since term 2, and what is begun here is of term 1");
	db_rollback(one);
	mem_free(one);
	mem_free(two);
}

/* --- processes --- */

#define RACERS 5

struct race {
	struct world_gate start, won, may_end;
};

static bool races(void *arg)
{
	struct race *race = arg;
	struct db *db = opened();
	struct lease *lease = made(db, "racer", NULL);

	world_gate_pass(&race->start);
	if (asked(lease))
		world_gate_open(&race->won);
	world_gate_pass(&race->may_end);
	return true;
}

static void one_of_many_gets_it(void **state)
{
	struct race race;
	struct db *db = opened();
	pid_t pids[RACERS];
	char winners[RACERS];

	(void)state;
	world_gate_make(&race.start);
	world_gate_make(&race.won);
	world_gate_make(&race.may_end);
	for (size_t i = 0; i < RACERS; i++)
		pids[i] = world_fork(races, &race);
	for (size_t i = 0; i < RACERS; i++)
		world_gate_open(&race.start);
	world_gate_pass(&race.won);
	for (size_t i = 0; i < RACERS; i++)
		world_gate_open(&race.may_end);
	for (size_t i = 0; i < RACERS; i++)
		assert_int_equal(world_wait(pids[i]), 0);
	close(race.won.ends[1]);
	assert_int_equal(read(race.won.ends[0], winners, sizeof(winners)), 0); /* no second one */
	assert_int_equal(world_number(db, "select term from lease"), 1);
	mem_free(db);
}

/* Holders that act as often as they can: each act is stored with its term, which is asked just before, and fenced. */
static bool acts(void *arg)
{
	struct db *db = opened();
	struct lease *lease = made(db, "actor", &quick);
	int64_t until_ms = lease_clock_ms() + 30000;

	while (world_number(db, "select coalesce(max(n), 0) from done") < 60 && lease_clock_ms() < until_ms) {
		int64_t now_ms = lease_clock_ms(), term;
		struct error *e = NULL;

		if (now_ms >= lease_due_ms(lease))
			world_ok_unless_busy(lease_ask(lease, now_ms));
		term = lease_term(lease, lease_clock_ms());
		if (!term) {
			poll(NULL, 0, 5);
			continue;
		}
		world_ok(db_begin(db));
		e = lease_fence(lease);
		if (!e)
			e = db_exec(db, "insert into done select ?, coalesce(max(n), 0) + 1 from done", "i", term);
		if (!e)
			e = db_commit(db);
		if (e) /* met another one: it is asked again */
			db_rollback(db);
		error_free(e);
		if (world_number(db, "select coalesce(max(n), 0) from done") % 20 == 0)
			world_ok_unless_busy(lease_release(lease));
	}
	(void)arg;
	mem_free(db);
	return lease_clock_ms() < until_ms;
}

static void terms_never_fall(void **state)
{
	struct db *db = opened();
	pid_t one = world_fork(acts, NULL), two = world_fork(acts, NULL);

	(void)state;
	assert_int_equal(world_wait(one), 0);
	assert_int_equal(world_wait(two), 0);
	assert_int_equal(world_number(db, "select count(*) from done a join done b on a.n < b.n and a.term > b.term"),
			 0);
	assert_int_equal(world_number(db, "select count(*) - count(distinct n) from done"), 0);
	assert_true(world_number(db, "select max(term) from done") > 1);
	mem_free(db);
}

/* Holds it, is stopped, and says what it believes when it goes on. */
struct sleeper {
	struct world_gate holds, woken;
};

static bool sleeps(void *arg)
{
	struct sleeper *s = arg;
	struct db *db = opened();
	struct lease *lease = made(db, "sleeper", &quick);

	if (!asked(lease))
		return false;
	world_gate_open(&s->holds);
	/* Stopped in here; the test lets it pass while it does not run yet. */
	world_gate_pass(&s->woken);
	return lease_term(lease, lease_clock_ms()) == 0;
}

static void who_was_stopped_learns_it_before_it_acts(void **state)
{
	struct sleeper s;
	struct db *db = opened();
	struct lease *b = made(db, "b", &quick);
	pid_t pid;

	(void)state;
	world_gate_make(&s.holds);
	world_gate_make(&s.woken);
	pid = world_fork(sleeps, &s);
	world_gate_pass(&s.holds);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	world_gate_open(&s.woken);
	assert_true(wait_for_term(b) > 1);
	assert_int_equal(kill(pid, SIGCONT), 0);
	assert_int_equal(world_wait(pid), 0);
	mem_free(db);
}

/* Who is alone need not wait for what one before him has left. */
static void who_is_alone_takes_it(void **state)
{
	struct db *one = opened(), *two = opened();
	struct lease *a = made(one, "a", NULL), *b = made(two, "b", NULL);
	int64_t term;

	(void)state;
	term = asked(a);
	world_ok(lease_take(b));
	assert_true(lease_term(b, lease_clock_ms()) == term + 1);
	/* For good. */
	assert_true(lease_term(b, lease_clock_ms() + INT64_C(1000) * 86400 * 365) == term + 1);
	world_refused(lease_fence(a), ERROR_REFUSED, "\"b\" has it since term");
	world_ok(db_begin(two));
	world_ok(lease_fence(b));
	world_ok(db_commit(two));
	mem_free(one);
	mem_free(two);
}

static void terms_have_a_floor(void **state)
{
	struct db *db = opened();
	struct lease *a = made(db, "a", NULL), *b = made(db, "b", NULL);

	(void)state;
	lease_least_term(a, 1000);
	assert_int_equal(asked(a), 1000);
	assert_int_equal(asked(a), 1000);
	world_ok(lease_release(a));
	/* A clock that was set back: they rise all the same. */
	lease_least_term(b, 500);
	assert_int_equal(asked(b), 1001);
	world_ok(lease_release(b));
	lease_least_term(b, 1001);
	assert_int_equal(asked(b), 1002);
	mem_free(db);
}

/* --- views that are fenced --- */

static struct error *fence(struct db *db, const void *arg)
{
	(void)db;
	return lease_fence(arg);
}

static struct error *insert_two(struct db *db, const void *arg)
{
	(void)arg;
	TRY(db_exec(db, "insert into done values(1, 1)", ""));
	return db_exec(db, "insert into done values(1, 2)", "");
}

static void what_is_written_with_a_fence(void **state)
{
	struct db *one = opened(), *two = opened();
	struct lease *a = made(one, "a", NULL), *b = made(two, "b", NULL);
	struct db *view = db_fenced(one, one, fence, a);

	(void)state;
	world_refused(db_exec(view, "insert into done values(0, 0)", ""), ERROR_REFUSED, "lease \"jobs\"");
	assert_true(asked(a) > 0);
	world_ok(db_exec(view, "insert into done values(1, 0)", ""));
	assert_int_equal(db_changes(view), 1);
	world_ok(db_together(view, insert_two, NULL));
	assert_int_equal(world_number(view, "select count(*) from done"), 3);
	world_ok(db_begin(view));
	world_ok(db_exec(view, "insert into done values(1, 3)", ""));
	world_ok(db_commit(view));

	world_ok(lease_take(b));
	world_refused(db_exec(view, "insert into done values(0, 0)", ""), ERROR_REFUSED, "\"b\" has it");
	world_refused(db_together(view, insert_two, NULL), ERROR_REFUSED, "\"b\" has it");
	world_refused(db_begin(view), ERROR_REFUSED, "\"b\" has it");
	/* Nothing is left open, and what is read is not fenced. */
	assert_int_equal(world_number(view, "select count(*) from done"), 4);
	world_ok(db_exec(one, "insert into done values(2, 0)", ""));
	mem_free(one);
	mem_free(two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_FILE(what_is_no_lease),
		WORLD_BOTH(one_has_it),
		WORLD_BOTH(names_do_not_tell_holders_apart),
		WORLD_BOTH(who_cannot_renew_stops),
		WORLD_BOTH(when_it_cannot_ask),
		WORLD_BOTH(it_expires),
		WORLD_BOTH(of_another_clock),
		WORLD_BOTH(what_is_of_an_older_term_is_refused),
		WORLD_BOTH(one_of_many_gets_it),
		WORLD_BOTH(terms_never_fall),
		WORLD_BOTH(who_was_stopped_learns_it_before_it_acts),
		WORLD_BOTH(who_is_alone_takes_it),
		WORLD_BOTH(terms_have_a_floor),
		WORLD_BOTH(what_is_written_with_a_fence),
	};

	mem_init();
	return cmocka_run_group_tests(tests, world_start, world_stop);
}
