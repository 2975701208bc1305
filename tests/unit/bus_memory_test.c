/* The memory backend, the outbox and dedupe, with faults on demand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/bus.h"
#include "bus/dedupe.h"
#include "bus/memory.h"
#include "bus/outbox.h"

#define HUB "test"
#define NODE "1111111111111111111111111111111111111111"
#define CLIENT "2222222222222222222222222222222222222222"
#define NOBODY "3333333333333333333333333333333333333333"
#define MOST 64

enum mode { ACCEPT, REJECT, HOLD };

struct side {
	struct bus *bus;
	enum mode mode;
	struct bus_delivery *held;
	int got, ups, downs, refusals, statuses, served;
	char *bodies[MOST]; /* "n" of each message */
	enum error_code sent[MOST];
	int sent_count;
	struct outbox *outbox;
	enum error_code fates[MOST];
	int fate_count;
};

struct world {
	uv_loop_t loop;
	struct side node, client;
	char *folder;
	struct db *db;
	bool late;
};

static void on_state(bool up, const struct error *why, void *arg)
{
	struct side *s = arg;

	assert_true(up == !why);
	s->ups += up;
	s->downs += !up;
	if (up && s->outbox)
		outbox_kick(s->outbox);
}

static void on_message(struct bus_delivery *d, const struct message *m, void *arg)
{
	struct side *s = arg;

	assert_true(s->got < MOST);
	s->bodies[s->got++] = mem_strdup(s->bus, json_string_value(json_object_get(m->body, "n")));
	if (s->mode == ACCEPT)
		bus_accept(d);
	else if (s->mode == REJECT)
		bus_reject(d, "test");
	else
		s->held = d;
}

static void on_refused(const char *id, const struct error *why, void *arg)
{
	struct side *s = arg;

	assert_string_equal(id, NODE);
	assert_int_equal(why->code, ERROR_EXISTS);
	s->refusals++;
}

static void on_served(const char *id, void *arg)
{
	(void)id;
	((struct side *)arg)->served++;
}

static void on_status(const struct message *m, void *arg)
{
	struct side *s = arg;

	assert_int_equal(m->kind, MESSAGE_STATUS);
	s->statuses++;
}

static void on_sent(const struct error *e, void *arg)
{
	struct side *s = arg;

	s->sent[s->sent_count++] = e ? e->code : 0;
}

static void on_outcome(const char *id, const struct error *e, void *arg)
{
	struct side *s = arg;

	assert_int_equal(strlen(id), 32);
	s->fates[s->fate_count++] = e ? e->code : 0;
}

static void open_side(struct world *w, struct side *s)
{
	const struct bus_options options = {.url = "memory:" HUB, .prefetch = 4};
	const struct bus_handlers handlers = {.on_state = on_state,
					      .on_message = on_message,
					      .on_refused = on_refused,
					      .on_served = on_served,
					      .on_status = on_status,
					      .arg = s};

	assert_null(bus_open(w, &w->loop, &options, &handlers, &s->bus));
}

static void close_side(struct side *s)
{
	mem_free(s->outbox);
	mem_free(s->bus);
	memset(s, 0, sizeof(*s));
}

static void on_late(void *arg)
{
	((struct world *)arg)->late = true;
}

static void on_turn(void *arg)
{
	(void)arg;
}

/* Turn the loop until *counter reaches `want`; fails after five seconds. */
static void until(struct world *w, const int *counter, int want)
{
	struct timer *t = timer_start(w, &w->loop, 5000, 0, on_late, w);
	/* A turn that a timer has begun goes on to wait for an event, which may be none but the deadline. */
	struct timer *turns = timer_start(w, &w->loop, 1, 1, on_turn, NULL);

	w->late = false;
	while (*counter < want && !w->late)
		uv_run(&w->loop, UV_RUN_ONCE);
	mem_free(turns);
	mem_free(t);
	assert_int_equal(*counter, want);
}

static void send_n(struct side *s, const char *from, const char *to, const char *n, int64_t ttl_ms)
{
	json_t *body = json_pack("{s:s}", "n", n);
	enum message_kind kind = *to ? MESSAGE_COMMAND : MESSAGE_STATUS;
	struct message *m = message_new(NULL, kind, from, to, ttl_ms, body);

	bus_send(s->bus, m, on_sent, s);
	mem_free(m);
	json_decref(body);
}

static void put_n(struct side *s, const char *to, const char *n, int64_t ttl_ms)
{
	json_t *body = json_pack("{s:s}", "n", n);
	struct message *m = message_new(NULL, MESSAGE_COMMAND, CLIENT, to, ttl_ms, body);

	assert_null(outbox_put(s->outbox, m));
	mem_free(m);
	json_decref(body);
}

static const struct db_schema schema = {
	.application_id = DB_APPLICATION_ID('t'),
	.name = "a test's database",
	.migrations = &(const struct db_migration){(const char *const[]){outbox_schema, dedupe_schema, NULL}},
	.count = 1,
};

static int set_up(void **state)
{
	struct world *w = mem_new(NULL, struct world);
	char template[] = "/tmp/dsn-bus-XXXXXX", *path;

	uv_loop_init(&w->loop);
	w->folder = mem_strdup(w, mkdtemp(template));
	path = file_join(w, w->folder, "db");
	if (db_open(w, path, &schema, &w->db))
		return -1;
	open_side(w, &w->node);
	open_side(w, &w->client);
	until(w, &w->node.ups, 1);
	until(w, &w->client.ups, 1);
	if (bus_serve(w->node.bus, NODE, true) || bus_serve(w->client.bus, CLIENT, false))
		return -1;
	until(w, &w->node.served, 1);
	until(w, &w->client.served, 1);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	struct error *e;

	close_side(&w->node);
	close_side(&w->client);
	memory_hub_free(HUB);
	loop_drain(&w->loop);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	mem_free(w->db);
	e = file_remove_tree(w->folder);
	mem_free(w);
	return e ? -1 : 0;
}

static void test_delivery(void **state)
{
	struct world *w = *state;

	send_n(&w->client, CLIENT, NODE, "1", 60000);
	assert_int_equal(w->client.sent_count, 0); /* never from inside bus_send() */
	send_n(&w->client, CLIENT, NODE, "2", 60000);
	send_n(&w->client, CLIENT, NOBODY, "3", 60000);
	until(w, &w->client.sent_count, 3);
	until(w, &w->node.got, 2);
	assert_string_equal(w->node.bodies[0], "1");
	assert_string_equal(w->node.bodies[1], "2");
	assert_int_equal(w->client.sent[0], 0);
	assert_int_equal(w->client.sent[2], ERROR_NOT_FOUND);
	assert_int_equal(memory_hub_waiting(HUB, NODE), 0);
}

static void test_second_server(void **state)
{
	struct world *w = *state;

	assert_null(bus_serve(w->client.bus, NODE, true));
	until(w, &w->client.refusals, 2);
	bus_unserve(w->node.bus, NODE, false);
	send_n(&w->client, CLIENT, NODE, "1", 60000);
	until(w, &w->client.got, 1);
	assert_int_equal(w->node.got, 0);
}

static void test_mailbox_lives_on(void **state)
{
	struct world *w = *state;

	w->node.mode = HOLD;
	send_n(&w->client, CLIENT, NODE, "1", 60000);
	until(w, &w->node.got, 1);
	close_side(&w->node);
	assert_int_equal(memory_hub_waiting(HUB, NODE), 1);
	open_side(w, &w->node);
	assert_null(bus_serve(w->node.bus, NODE, true));
	until(w, &w->node.got, 1);
	assert_int_equal(memory_hub_waiting(HUB, NODE), 0);
	bus_unserve(w->node.bus, NODE, true);
	send_n(&w->client, CLIENT, NODE, "2", 60000);
	until(w, &w->client.sent_count, 2);
	assert_int_equal(w->client.sent[1], ERROR_NOT_FOUND);
}

static void test_client_mailbox_goes(void **state)
{
	struct world *w = *state;

	close_side(&w->client);
	send_n(&w->node, NODE, CLIENT, "1", 60000);
	until(w, &w->node.sent_count, 1);
	assert_int_equal(w->node.sent[0], ERROR_NOT_FOUND);
}

static void test_drop(void **state)
{
	struct world *w = *state;

	w->node.mode = HOLD;
	send_n(&w->client, CLIENT, NODE, "1", 60000);
	until(w, &w->node.got, 1);
	memory_hub_refuse(HUB, true);
	memory_hub_drop(HUB);
	assert_int_equal(w->node.downs, 1);
	bus_accept(w->node.held); /* too late: it comes again */
	send_n(&w->client, CLIENT, NODE, "2", 60000);
	until(w, &w->client.sent_count, 2);
	assert_int_equal(w->client.sent[1], ERROR_UNAVAILABLE);
	w->node.mode = ACCEPT;
	memory_hub_refuse(HUB, false);
	until(w, &w->node.ups, 2);
	until(w, &w->node.got, 2);
	assert_string_equal(w->node.bodies[1], "1");
}

static void test_dead(void **state)
{
	struct world *w = *state;

	w->node.mode = REJECT;
	send_n(&w->client, CLIENT, NODE, "1", 60000);
	until(w, &w->node.got, 1);
	assert_int_equal(memory_hub_dead(HUB), 1);
	assert_int_equal(memory_hub_waiting(HUB, NODE), 0);
}

static void test_status(void **state)
{
	struct world *w = *state;

	assert_null(bus_watch_status(w->client.bus));
	send_n(&w->node, NODE, "", "1", 60000);
	until(w, &w->client.statuses, 1);
}

static void test_delay(void **state)
{
	struct world *w = *state;
	int64_t began_ms = clock_mono_ms();

	memory_hub_delay(HUB, 60);
	send_n(&w->client, CLIENT, NODE, "1", 60000);
	until(w, &w->node.got, 1);
	until(w, &w->client.sent_count, 1);
	assert_true(clock_mono_ms() - began_ms >= 60);
}

static void open_outbox(struct world *w)
{
	assert_null(outbox_open(w, w->db, w->client.bus, &w->loop, on_outcome, &w->client, &w->client.outbox));
}

/* Nothing is lost over an outage; what was unconfirmed comes twice. */
static void test_outbox_outage(void **state)
{
	struct world *w = *state;

	open_outbox(w);
	memory_hub_lose_confirms(HUB, 1);
	put_n(&w->client, NODE, "1", 60000);
	put_n(&w->client, NODE, "2", 60000);
	assert_int_equal(outbox_pending(w->client.outbox), 2);
	until(w, &w->client.fate_count, 2);
	assert_int_equal(outbox_pending(w->client.outbox), 0);
	until(w, &w->node.got, 3);
	assert_string_equal(w->node.bodies[0], "1");
	assert_string_equal(w->node.bodies[1], "2");
	assert_string_equal(w->node.bodies[2], "1"); /* the copy that dedupe is for */

	memory_hub_refuse(HUB, true);
	memory_hub_drop(HUB);
	put_n(&w->client, NODE, "3", 60000);
	put_n(&w->client, NOBODY, "4", 60000);
	assert_int_equal(outbox_pending(w->client.outbox), 2);
	memory_hub_refuse(HUB, false);
	until(w, &w->client.fate_count, 4);
	assert_int_equal(w->client.fates[2], 0);
	assert_int_equal(w->client.fates[3], ERROR_NOT_FOUND);
}

/* What was put by an earlier self is sent by the next. */
static void test_outbox_restart(void **state)
{
	struct world *w = *state;

	memory_hub_refuse(HUB, true);
	memory_hub_drop(HUB);
	open_outbox(w);
	put_n(&w->client, NODE, "1", 60000);
	put_n(&w->client, NODE, "2", 60000);
	mem_free(w->client.outbox);
	open_outbox(w);
	memory_hub_refuse(HUB, false);
	until(w, &w->client.fate_count, 2);
	until(w, &w->node.got, 2);
	assert_string_equal(w->node.bodies[0], "1");
	assert_string_equal(w->node.bodies[1], "2");
}

/* It goes while a message is unconfirmed; the bus stays, and the next one sends it again. */
static void test_outbox_freed_early(void **state)
{
	struct world *w = *state;

	open_outbox(w);
	memory_hub_delay(HUB, 60);
	put_n(&w->client, NODE, "1", 60000);
	while (memory_hub_waiting(HUB, NODE) == 0)
		uv_run(&w->loop, UV_RUN_ONCE);
	mem_free(w->client.outbox);
	open_outbox(w);
	until(w, &w->node.got, 2);
	until(w, &w->client.fate_count, 1);
	assert_int_equal(w->client.fates[0], 0);
	assert_int_equal(outbox_pending(w->client.outbox), 0);
}

static void on_look(void *arg)
{
	outbox_look(((struct world *)arg)->client.outbox);
}

/* A broker that is slow to confirm gets nothing twice, however often the outbox is looked into; what another process
 * has put there goes too. */
static void test_outbox_look(void **state)
{
	struct world *w = *state;
	json_t *body = json_pack("{s:s}", "n", "2");
	struct message *m = message_new(w, MESSAGE_COMMAND, CLIENT, NODE, 60000, body);

	open_outbox(w);
	memory_hub_delay(HUB, 200);
	put_n(&w->client, NODE, "1", 60000);
	assert_null(db_exec(w->db, "insert into outbox(id, message) values(?, ?)", "ss", m->id, message_encode(m, m)));
	timer_start(w->client.outbox, &w->loop, 10, 10, on_look, w);
	until(w, &w->client.fate_count, 2);
	until(w, &w->node.got, 2);
	put_n(&w->client, NODE, "3", 60000);
	until(w, &w->node.got, 3);
	until(w, &w->client.fate_count, 3);
	assert_string_equal(w->node.bodies[1], "2");
	assert_string_equal(w->node.bodies[2], "3"); /* copies of the first two would have come before it */
	json_decref(body);
}

static void test_outbox_many(void **state)
{
	struct world *w = *state;
	char n[16];

	open_outbox(w);
	for (int i = 0; i < MOST; i++) {
		snprintf(n, sizeof(n), "%d", i);
		put_n(&w->client, NODE, n, 60000);
	}
	until(w, &w->client.fate_count, MOST);
	until(w, &w->node.got, MOST);
	for (int i = 0; i < MOST; i++)
		assert_int_equal(atoi(w->node.bodies[i]), i);
}

static void test_outbox_expiry(void **state)
{
	struct world *w = *state;

	memory_hub_refuse(HUB, true);
	memory_hub_drop(HUB);
	open_outbox(w);
	put_n(&w->client, NODE, "1", 1000);
	usleep(1100000);
	memory_hub_refuse(HUB, false);
	until(w, &w->client.fate_count, 1);
	assert_int_equal(w->client.fates[0], ERROR_TIMEOUT);
	assert_int_equal(w->node.got, 0);
}

static void test_outbox_too_large(void **state)
{
	struct world *w = *state;
	char *filler = mem_zalloc_(w, MESSAGE_LIMIT + 1, "filler");
	struct message *m;
	struct error *e;
	json_t *body;

	open_outbox(w);
	memset(filler, 'x', MESSAGE_LIMIT);
	body = json_pack("{s:s}", "n", filler);
	m = message_new(w, MESSAGE_COMMAND, CLIENT, NODE, 60000, body);
	e = outbox_put(w->client.outbox, m);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	json_decref(body);
	assert_int_equal(outbox_pending(w->client.outbox), 0);
}

static void test_dedupe(void **state)
{
	struct world *w = *state;
	json_t *body = json_object();
	struct message *m = message_new(w, MESSAGE_COMMAND, CLIENT, NODE, 60000, body);
	char *result = "untouched";
	bool is_new = false;

	m->time_ms = 500;
	m->ttl_ms = 400; /* void at 900, and here at 1000 */
	assert_null(dedupe_accept(w, w->db, m, 1000, &is_new, &result));
	assert_true(is_new);
	assert_null(result);
	assert_null(dedupe_accept(w, w->db, m, 1001, &is_new, &result));
	assert_false(is_new);
	assert_null(result);
	assert_null(dedupe_finish(w->db, m->id, "the result"));
	assert_null(dedupe_accept(w, w->db, m, 1002, &is_new, &result));
	assert_false(is_new);
	assert_string_equal(result, "the result");
	assert_null(dedupe_expire(w->db, 1000));
	assert_null(dedupe_accept(w, w->db, m, 1003, &is_new, &result));
	assert_false(is_new);
	assert_null(dedupe_expire(w->db, 1001));
	/* From now on by the message: a clock that was behind when it came does not shorten it. */
	m->ttl_ms = 60000;
	assert_null(dedupe_accept(w, w->db, m, 1004, &is_new, &result));
	assert_true(is_new);
	assert_null(dedupe_expire(w->db, 60500));
	assert_null(dedupe_accept(w, w->db, m, 1005, &is_new, &result));
	assert_false(is_new);
	assert_null(dedupe_expire(w->db, 60501));
	assert_null(dedupe_accept(w, w->db, m, 1006, &is_new, &result));
	assert_true(is_new);
	json_decref(body);
}

/* A transaction that is rolled back has not seen the command. */
static void test_dedupe_joins(void **state)
{
	struct world *w = *state;
	json_t *body = json_object();
	struct message *m = message_new(w, MESSAGE_COMMAND, CLIENT, NODE, 60000, body);
	bool is_new = false;
	char *result;

	assert_null(db_begin(w->db));
	assert_null(dedupe_accept(w, w->db, m, 1000, &is_new, &result));
	db_rollback(w->db);
	assert_null(dedupe_accept(w, w->db, m, 1000, &is_new, &result));
	assert_true(is_new);
	json_decref(body);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_delivery),
		TEST(test_second_server),
		TEST(test_mailbox_lives_on),
		TEST(test_client_mailbox_goes),
		TEST(test_drop),
		TEST(test_dead),
		TEST(test_status),
		TEST(test_delay),
		TEST(test_outbox_outage),
		TEST(test_outbox_restart),
		TEST(test_outbox_freed_early),
		TEST(test_outbox_look),
		TEST(test_outbox_many),
		TEST(test_outbox_expiry),
		TEST(test_outbox_too_large),
		TEST(test_dedupe),
		TEST(test_dedupe_joins),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
