/* The event log, on files and on a PostgreSQL server. */
#include "store/world.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/events.h"

#define HOUR_MS (INT64_C(3600) * 1000)

static const char *const tables[] = {"create table done(id bigint primary key, subject text)", NULL};
static const struct db_migration steps[] = {{events_tables}, {tables}};

static struct db *opened(void)
{
	static struct db_schema schema = {
		.application_id = DB_APPLICATION_ID('t'), .name = "events", .migrations = NULL, .count = 2};
	struct db *db = NULL;

	schema.migrations = steps;
	world_ok(world_open(world.ctx, world.where, &schema, &db));
	return db;
}

static int64_t appended(struct db *db, const char *subject, int64_t cause)
{
	json_t *body = json_pack("{ss}", "of", subject);
	int64_t id = 0;

	world_ok(events_append(db, "job.placed", subject, body, cause, &id));
	json_decref(body);
	return id;
}

/* Subjects in the order in which they were told of. */
struct heard {
	char subjects[200];
	int64_t last;
};

static struct error *hear(struct db *db, const struct event *event, void *arg)
{
	struct heard *h = arg;
	size_t n = strlen(h->subjects);

	(void)db;
	assert_true(event->id > h->last);
	h->last = event->id;
	snprintf(h->subjects + n, sizeof(h->subjects) - n, "%s%s", n ? " " : "", event->subject);
	return NULL;
}

static const char *heard(struct db *db, int64_t after)
{
	static struct heard h;
	size_t count = 0;

	h = (struct heard){.last = after};
	world_ok(events_read(db, after, 100, hear, &h, &count));
	return h.subjects;
}

static struct error *look_at(struct db *db, const struct event *event, void *arg)
{
	(void)db;
	assert_string_equal(event->type, "job.placed");
	assert_string_equal(event->subject, "b");
	assert_string_equal(event->body, "{\"of\":\"b\"}");
	assert_int_equal(event->cause, *(int64_t *)arg);
	assert_true(clock_wall_ms() - event->at_ms < HOUR_MS);
	return NULL;
}

static void what_happened_in_its_order(void **state)
{
	struct db *db = opened();
	int64_t a = appended(db, "a", 0), b = appended(db, "b", a), last = 0;
	size_t count = 0;

	(void)state;
	assert_true(a > 0 && b > a);
	assert_string_equal(heard(db, 0), "a b");
	assert_string_equal(heard(db, a), "b");
	assert_string_equal(heard(db, b), "");
	world_ok(events_last(db, &last));
	assert_true(last == b);
	world_ok(events_read(db, a, 1, look_at, &a, &count));
	assert_int_equal(count, 1);
	mem_free(db);
	db = opened();
	assert_true(appended(db, "c", b) > b);
	assert_string_equal(heard(db, 0), "a b c");
	mem_free(db);
}

static struct error *one_by_one(struct db *db, const struct event *event, void *arg)
{
	return hear(db, event, arg);
}

static void in_batches(void **state)
{
	struct db *db = opened();
	struct heard h = {0};
	size_t count = 0;

	(void)state;
	for (int i = 0; i < 5; i++)
		appended(db, "e", 0);
	for (int i = 0; i < 2; i++) {
		world_ok(events_read(db, h.last, 2, one_by_one, &h, &count));
		assert_int_equal(count, 2);
	}
	world_ok(events_read(db, h.last, 2, one_by_one, &h, &count));
	assert_int_equal(count, 1);
	mem_free(db);
}

static void refuse_append(struct db *db, const char *type, const char *subject, const char *body, int64_t cause,
			  enum error_code code, const char *part)
{
	json_t *value = json_loads(body, JSON_DECODE_ANY, NULL);
	int64_t id = 77;

	assert_non_null(value);
	world_refused(events_append(db, type, subject, value, cause, &id), code, part);
	assert_int_equal(id, 77);
	json_decref(value);
}

static char *repeated(const char *text, size_t n)
{
	char *all = mem_strdup(world.ctx, "");

	for (size_t i = 0; i < n; i++)
		all = mem_printf(world.ctx, "%s%s", all, text);
	return all;
}

static void what_is_no_event(void **state)
{
	static const char *const types[] = {
		"",      "job",   "job.",       ".job",        "job..placed", "Job.placed",   "job.Placed",
		"job.1", "1.job", "job placed", "job.placed ", "job._x",      "job.\xc3\xa4", "job-x.y"};
	struct db *db = opened();
	char *big = mem_array(world.ctx, char, EVENTS_BODY_MAX + 20);
	int64_t id = appended(db, "a", 0);

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		refuse_append(db, types[i], "s", "{}", 0, ERROR_INVALID, "is no type of event");
	refuse_append(db, repeated("abcdefgh.", 8), "s", "{}", 0, ERROR_INVALID, "is no type of event");
	refuse_append(db, repeated("a.abcdef", 9), "s", "{}", 0, ERROR_INVALID, "is no type of event");
	refuse_append(db, "job.placed", "", "{}", 0, ERROR_INVALID, "is no subject of an event");
	refuse_append(db, "job.placed", "a b", "{}", 0, ERROR_INVALID, "is no subject of an event");
	refuse_append(db, "job.placed", "a\n", "{}", 0, ERROR_INVALID, "is no subject of an event");
	refuse_append(db, "job.placed", repeated("x", EVENTS_SUBJECT_MAX + 1), "{}", 0, ERROR_INVALID,
		      "is no subject of an event");
	refuse_append(db, "job.placed", "s", "[]", 0, ERROR_INVALID, "the body of an event is a JSON object");
	refuse_append(db, "job.placed", "s", "\"x\"", 0, ERROR_INVALID, "the body of an event is a JSON object");
	refuse_append(db, "job.placed", "s", "{}", -1, ERROR_INVALID, "cannot be the cause");
	refuse_append(db, "job.placed", "s", "{}", id + 1000, ERROR_INVALID, "cannot be the cause");
	memset(big, 'x', EVENTS_BODY_MAX + 10);
	memcpy(big, "{\"a\":\"", 6);
	strcpy(big + EVENTS_BODY_MAX - 2 + 1, "\"}");
	refuse_append(db, "job.placed", "s", big, 0, ERROR_LIMIT, "65537 bytes long, 65536 at most");
	assert_string_equal(heard(db, 0), "a");
	mem_free(db);
}

static void at_the_bounds(void **state)
{
	struct db *db = opened();
	json_t *body;
	char *big = mem_array(world.ctx, char, EVENTS_BODY_MAX + 1);
	int64_t id = 0;

	(void)state;
	memset(big, 'x', EVENTS_BODY_MAX);
	memcpy(big, "{\"a\":\"", 6);
	memcpy(big + EVENTS_BODY_MAX - 2, "\"}", 3);
	body = json_loads(big, 0, NULL);
	world_ok(events_append(db, repeated("a.abcdef", 8), repeated("x", EVENTS_SUBJECT_MAX), body, 0, &id));
	json_decref(body);
	body = json_pack("{ss}", "a", "\xc3\xa4 ' \" \\ ?");
	world_ok(events_append(db, "a.b", "s", body, id, &id));
	json_decref(body);
	/* U+0000, which PostgreSQL's text cannot hold, is written as JSON writes it. */
	body = json_loads("{\"a\":\"\\u0000\"}", JSON_ALLOW_NUL, NULL);
	world_ok(events_append(db, "a.b", "s", body, id, &id));
	json_decref(body);
	mem_free(db);
}

static void places_that_are_none(void **state)
{
	struct db *db = opened();
	int64_t last = appended(db, "a", 0);
	size_t count = 77;

	(void)state;
	world_refused(events_read(db, -1, 10, hear, NULL, &count), ERROR_INVALID, "-1 is no id of an event");
	world_refused(events_read(db, last + 1, 10, hear, NULL, &count), ERROR_NOT_FOUND, "is no event of this log");
	world_refused(events_read(db, 0, 0, hear, NULL, &count), ERROR_INVALID, "0 events at once: 1 to 1000");
	world_refused(events_read(db, 0, 1001, hear, NULL, &count), ERROR_INVALID, "1001 events at once: 1 to 1000");
	assert_int_equal(count, 77);
	mem_free(db);
}

/* --- with what it tells of --- */

static void one_is_not_there_without_its_change(void **state)
{
	struct db *db = opened();

	(void)state;
	appended(db, "a", 0);
	world_ok(db_begin(db));
	world_ok(db_exec(db, "insert into done values(1, 'x')", ""));
	appended(db, "undone", 0);
	db_rollback(db);
	assert_string_equal(heard(db, 0), "a");
	world_ok(db_begin(db));
	world_ok(db_exec(db, "insert into done values(1, 'x')", ""));
	appended(db, "b", 0);
	world_ok(db_commit(db));
	assert_string_equal(heard(db, 0), "a b");
	mem_free(db);
}

struct two {
	struct world_gate written, may_commit, other_begins, other_done;
};

static bool slow_writer(void *arg)
{
	struct two *two = arg;
	struct db *db = opened();

	world_ok(db_begin(db));
	appended(db, "slow", 0);
	world_gate_open(&two->written);
	world_gate_pass(&two->may_commit);
	world_ok(db_commit(db));
	mem_free(db);
	return true;
}

static bool quick_writer(void *arg)
{
	struct two *two = arg;
	struct db *db = opened();

	world_gate_open(&two->other_begins);
	appended(db, "quick", 0);
	world_gate_open(&two->other_done);
	mem_free(db);
	return true;
}

/* Who reads while a transaction that has its id is not committed: nothing that comes behind it may be seen first. */
static void nobody_overtakes_a_slow_writer(void **state)
{
	struct two two;
	struct db *db = opened();
	struct heard h = {0};
	size_t count = 0;
	pid_t slow, quick;

	(void)state;
	world_gate_make(&two.written);
	world_gate_make(&two.may_commit);
	world_gate_make(&two.other_begins);
	world_gate_make(&two.other_done);
	slow = world_fork(slow_writer, &two);
	world_gate_pass(&two.written);
	quick = world_fork(quick_writer, &two);
	world_gate_pass(&two.other_begins);
	/* Were it not made to wait it would be done in a hundredth of this. */
	assert_false(world_gate_opens(&two.other_done, 1000));
	world_ok(events_read(db, h.last, 10, hear, &h, &count));
	assert_string_equal(h.subjects, "");
	world_gate_open(&two.may_commit);
	assert_int_equal(world_wait(slow), 0);
	assert_int_equal(world_wait(quick), 0);
	world_ok(events_read(db, h.last, 10, hear, &h, &count));
	assert_string_equal(h.subjects, "slow quick");
	mem_free(db);
}

#define WRITERS 4
#define EVENTS_EACH 25

static bool writes_many(void *arg)
{
	struct db *db = opened();

	(void)arg;
	for (int i = 0; i < EVENTS_EACH; i++)
		appended(db, "e", 0);
	mem_free(db);
	return true;
}

/* While others write as fast as they can, a reader misses none. */
static void none_is_missed(void **state)
{
	struct db *db = opened();
	struct heard h = {0};
	size_t count = 0, all = 0;
	pid_t writers[WRITERS];
	int64_t until_ms = clock_mono_ms() + 60000;

	(void)state;
	for (size_t i = 0; i < WRITERS; i++)
		writers[i] = world_fork(writes_many, NULL);
	while (all < WRITERS * EVENTS_EACH && clock_mono_ms() < until_ms) {
		h.subjects[0] = '\0';
		world_ok(events_read(db, h.last, 10, hear, &h, &count));
		all += count;
	}
	assert_int_equal(all, WRITERS * EVENTS_EACH);
	for (size_t i = 0; i < WRITERS; i++)
		assert_int_equal(world_wait(writers[i]), 0);
	mem_free(db);
}

/* --- cursors --- */

/* Its effect is in the database. */
static struct error *work(struct db *db, const struct event *event, void *arg)
{
	if (arg && strcmp(event->subject, arg) == 0)
		return error_new(ERROR_FAILED, "cannot do %s", event->subject);
	return db_exec(db, "insert into done values(?, ?)", "is", event->id, event->subject);
}

static struct error *pass(struct db *db, const struct event *event, void *arg)
{
	(void)db;
	(void)event;
	(void)arg;
	return NULL;
}

static size_t taken(struct db *db, const char *name, size_t limit, events_fn *fn)
{
	size_t count = 0;

	world_ok(events_take(db, name, limit, fn, NULL, &count));
	return count;
}

static void each_is_worked_on_once(void **state)
{
	struct db *db = opened();
	size_t count = 77;
	int64_t id = 0, b;

	(void)state;
	world_ok(events_cursor_make(db, "billing", false));
	appended(db, "a", 0);
	b = appended(db, "b", 0);
	appended(db, "c", 0);
	assert_int_equal(taken(db, "billing", 1, work), 1);
	world_refused(events_take(db, "billing", 10, work, "c", &count), ERROR_FAILED, "cannot do c");
	assert_int_equal(count, 77);
	/* Of the batch that failed nothing is done, b neither. */
	assert_int_equal(world_number(db, "select count(*) from done"), 1);
	assert_int_equal(taken(db, "billing", 1, work), 1);
	world_ok(events_cursor_get(db, "billing", &id));
	assert_true(id == b);
	mem_free(db);
	db = opened();
	assert_int_equal(taken(db, "billing", 10, work), 1);
	assert_int_equal(taken(db, "billing", 10, work), 0);
	assert_int_equal(world_number(db, "select count(*) from done"), 3);
	mem_free(db);
}

static void readers_do_not_meet(void **state)
{
	struct db *db = opened();
	int64_t id = 0, last;

	(void)state;
	world_ok(events_cursor_make(db, "billing", false));
	appended(db, "a", 0);
	world_ok(events_cursor_make(db, "notify", true));
	last = appended(db, "b", 0);
	world_ok(events_cursor_make(db, "notify", false));
	assert_int_equal(taken(db, "notify", 10, pass), 1);
	assert_int_equal(taken(db, "billing", 10, pass), 2);
	world_ok(events_cursor_move(db, "billing", 0));
	world_ok(events_cursor_get(db, "billing", &id));
	assert_true(id == last); /* never back */
	world_refused(events_cursor_move(db, "billing", last + 1000), ERROR_INVALID, "is no event yet");
	world_ok(events_cursor_remove(db, "notify"));
	world_refused(events_cursor_get(db, "notify", &id), ERROR_NOT_FOUND, "has no cursor \"notify\"");
	world_refused(events_cursor_move(db, "notify", 1), ERROR_NOT_FOUND, "has no cursor \"notify\"");
	world_refused(events_take(db, "notify", 1, pass, NULL, &(size_t){0}), ERROR_NOT_FOUND, "has no cursor");
	world_refused(events_cursor_make(db, "", false), ERROR_INVALID, "is no cursor");
	world_refused(events_cursor_make(db, "a b", false), ERROR_INVALID, "is no cursor");
	world_refused(events_take(db, "billing", 0, pass, NULL, &(size_t){0}), ERROR_INVALID, "events at once");
	mem_free(db);
}

static bool takes_all(void *arg)
{
	struct db *db = opened();
	int64_t until_ms = clock_mono_ms() + 60000;
	size_t count = 0;

	(void)arg;
	while (world_number(db, "select count(*) from done") < 40 && clock_mono_ms() < until_ms)
		world_ok_unless_busy(events_take(db, "billing", 3, work, NULL, &count));
	mem_free(db);
	return clock_mono_ms() < until_ms;
}

/* Two processes that work behind one cursor: `done` has a key, so twice would fail. */
static void two_take_by_one_name(void **state)
{
	struct db *db = opened();
	pid_t one, two;

	(void)state;
	world_ok(events_cursor_make(db, "billing", false));
	for (int i = 0; i < 40; i++)
		appended(db, "e", 0);
	one = world_fork(takes_all, NULL);
	two = world_fork(takes_all, NULL);
	assert_int_equal(world_wait(one), 0);
	assert_int_equal(world_wait(two), 0);
	assert_int_equal(world_number(db, "select count(*) from done"), 40);
	mem_free(db);
}

static struct error *work_and_wait(struct db *db, const struct event *event, void *arg)
{
	struct error *e = work(db, event, NULL);

	world_gate_open(arg);
	pause();
	return e;
}

static bool takes_and_hangs(void *arg)
{
	struct db *db = opened();
	size_t count = 0;

	world_ok(events_take(db, "billing", 10, work_and_wait, arg, &count));
	return true;
}

static void killed_in_its_middle(void **state)
{
	struct world_gate begun;
	struct db *db = opened();
	pid_t pid;

	(void)state;
	world_ok(events_cursor_make(db, "billing", false));
	appended(db, "a", 0);
	appended(db, "b", 0);
	world_gate_make(&begun);
	pid = world_fork(takes_and_hangs, &begun);
	world_gate_pass(&begun);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(world_wait(pid), SIGKILL);
	assert_int_equal(world_number(db, "select count(*) from done"), 0);
	assert_int_equal(taken(db, "billing", 10, work), 2);
	assert_int_equal(world_number(db, "select count(*) from done"), 2);
	mem_free(db);
}

/* --- removing --- */

static size_t expired(struct db *db, size_t limit)
{
	const struct events_bounds bounds = {.now_ms = clock_wall_ms() + HOUR_MS,
					     .age_ms = HOUR_MS / 2,
					     .silent_ms = EVENTS_SILENT_MIN_MS,
					     .limit = limit};
	size_t removed = 77;

	world_ok(events_expire(db, &bounds, &removed));
	return removed;
}

static void old_ones_go(void **state)
{
	struct db *db = opened();
	struct heard h = {0};
	int64_t a = appended(db, "a", 0), last;
	char part[80];

	(void)state;
	appended(db, "b", 0);
	appended(db, "c", 0);
	last = appended(db, "d", 0);
	assert_int_equal(expired(db, 2), 2);
	assert_int_equal(expired(db, 2), 1);
	assert_int_equal(expired(db, 2), 0); /* the newest stays, so that ids go on */
	snprintf(part, sizeof(part), "what was read last is %lld: begin behind", (long long)a);
	world_refused(events_read(db, a, 10, hear, &h, &(size_t){0}), ERROR_NOT_FOUND, part);
	assert_string_equal(h.subjects, "");
	assert_string_equal(heard(db, last - 1), "d");
	assert_true(appended(db, "e", 0) > last);
	world_ok(events_cursor_make(db, "late", false));
	assert_int_equal(taken(db, "late", 10, pass), 2);
	mem_free(db);
}

static void young_ones_stay(void **state)
{
	const struct events_bounds bounds = {
		.now_ms = clock_wall_ms(), .age_ms = HOUR_MS, .silent_ms = EVENTS_SILENT_MIN_MS, .limit = 10};
	struct events_bounds wrong = bounds;
	struct db *db = opened();
	size_t removed = 77;

	(void)state;
	appended(db, "a", 0);
	appended(db, "b", 0);
	/* What is old behind a young one stays too: the log has no hole. */
	world_ok(db_exec(db, "update event set at_ms = 0 where subject = 'b'", ""));
	appended(db, "c", 0);
	world_ok(events_expire(db, &bounds, &removed));
	assert_int_equal(removed, 0);
	assert_string_equal(heard(db, 0), "a b c");
	wrong.age_ms = -1;
	world_refused(events_expire(db, &wrong, &removed), ERROR_INVALID, "not less than");
	wrong = bounds;
	wrong.silent_ms--;
	world_refused(events_expire(db, &wrong, &removed), ERROR_INVALID, "not less than");
	wrong = bounds;
	wrong.limit = EVENTS_BATCH_MAX + 1;
	world_refused(events_expire(db, &wrong, &removed), ERROR_INVALID, "events at once");
	mem_free(db);
}

static void none_that_a_reader_is_to_see(void **state)
{
	struct db *db = opened();

	(void)state;
	world_ok(events_cursor_make(db, "billing", false));
	world_ok(events_cursor_make(db, "notify", false));
	appended(db, "a", 0);
	appended(db, "b", 0);
	appended(db, "c", 0);
	assert_int_equal(taken(db, "notify", 3, pass), 3);
	assert_int_equal(expired(db, 10), 0);
	assert_int_equal(taken(db, "billing", 1, pass), 1);
	assert_int_equal(expired(db, 10), 1);
	assert_int_equal(taken(db, "billing", 10, pass), 2);
	mem_free(db);
}

static void a_reader_that_is_gone_keeps_nothing(void **state)
{
	struct db *db = opened();
	int64_t id = 0;

	(void)state;
	world_ok(events_cursor_make(db, "gone", false));
	appended(db, "a", 0);
	appended(db, "b", 0);
	/* Of a clock that has begun anew since: nobody knows how long it was silent. */
	world_ok(db_exec(db, "update event_cursor set seen_ms = 0, seen_clock = 'another'", ""));
	assert_int_equal(expired(db, 10), 0);
	world_ok(events_cursor_get(db, "gone", &id));
	world_ok(db_exec(db, "update event_cursor set seen_ms = seen_ms - ?", "i", EVENTS_SILENT_MIN_MS + 1000));
	assert_int_equal(expired(db, 10), 1);
	world_refused(events_take(db, "gone", 10, pass, NULL, &(size_t){0}), ERROR_NOT_FOUND, "not used for so long");
	mem_free(db);
}

/* Looking for events is a use, also when there are none. */
static void a_reader_that_only_waits_is_alive(void **state)
{
	struct db *db = opened();

	(void)state;
	appended(db, "a", 0);
	world_ok(events_cursor_make(db, "billing", true));
	world_ok(db_exec(db, "update event_cursor set seen_ms = seen_ms - ?", "i", EVENTS_SILENT_MIN_MS + 1000));
	assert_int_equal(taken(db, "billing", 10, pass), 0);
	appended(db, "b", 0);
	appended(db, "c", 0);
	assert_int_equal(expired(db, 10), 1);
	assert_int_equal(taken(db, "billing", 10, pass), 2);
	mem_free(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_BOTH(what_happened_in_its_order),
		WORLD_BOTH(in_batches),
		WORLD_BOTH(what_is_no_event),
		WORLD_BOTH(at_the_bounds),
		WORLD_BOTH(places_that_are_none),
		WORLD_BOTH(one_is_not_there_without_its_change),
		WORLD_BOTH(nobody_overtakes_a_slow_writer),
		WORLD_BOTH(none_is_missed),
		WORLD_BOTH(each_is_worked_on_once),
		WORLD_BOTH(readers_do_not_meet),
		WORLD_BOTH(two_take_by_one_name),
		WORLD_BOTH(killed_in_its_middle),
		WORLD_BOTH(old_ones_go),
		WORLD_BOTH(young_ones_stay),
		WORLD_BOTH(none_that_a_reader_is_to_see),
		WORLD_BOTH(a_reader_that_is_gone_keeps_nothing),
		WORLD_BOTH(a_reader_that_only_waits_is_alive),
	};

	mem_init();
	return cmocka_run_group_tests(tests, world_start, world_stop);
}
