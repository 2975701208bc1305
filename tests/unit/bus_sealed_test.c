/* The bus with keys, over the memory backend: hello, who may read what, plain beside sealed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/bus.h"
#include "bus/keyring.h"
#include "bus/memory.h"

#define HUB "sealed"
#define NOBODY "3333333333333333333333333333333333333333"
#define MOST 16

struct side {
	struct bus *bus;
	struct keyring *ring;
	const char *id;
	int got, statuses, sent_count;
	char signer[KEYRING_ID_SIZE];
	enum error_code sent[MOST];
};

struct world {
	uv_loop_t loop;
	struct side node, client;
	bool late;
};

static void on_state(bool up, const struct error *why, void *arg)
{
	(void)up;
	(void)why;
	(void)arg;
}

static void note_signer(struct side *s, const struct message *m)
{
	s->signer[0] = '\0';
	if (m->signer)
		memcpy(s->signer, m->signer, KEYRING_ID_SIZE);
}

static void on_message(struct bus_delivery *d, const struct message *m, void *arg)
{
	struct side *s = arg;

	s->got++;
	note_signer(s, m);
	bus_accept(d);
}

static void on_status(const struct message *m, void *arg)
{
	struct side *s = arg;

	s->statuses++;
	note_signer(s, m);
}

static void on_sent(const struct error *e, void *arg)
{
	struct side *s = arg;

	assert_true(s->sent_count < MOST);
	s->sent[s->sent_count++] = e ? e->code : 0;
}

static void on_late(void *arg)
{
	((struct world *)arg)->late = true;
}

/* Runs the loop until *count has come to `want`; false: not within a second. */
static bool until(struct world *w, const int *count, int want)
{
	struct timer *t = timer_start(NULL, &w->loop, 1000, 0, on_late, w);

	w->late = false;
	while (*count < want && !w->late)
		uv_run(&w->loop, UV_RUN_ONCE);
	mem_free(t);
	return *count >= want;
}

static void pass(struct world *w, int64_t ms)
{
	struct timer *t = timer_start(NULL, &w->loop, ms, 0, on_late, w);

	w->late = false;
	while (!w->late)
		uv_run(&w->loop, UV_RUN_ONCE);
	mem_free(t);
}

static void open_side(struct world *w, struct side *s, bool keys, bool plain)
{
	struct bus_options options = {.url = "memory:" HUB, .accept_plain = plain};
	const struct bus_handlers handlers = {
		.on_state = on_state, .on_message = on_message, .on_status = on_status, .arg = s};
	struct secp_key key;

	s->ring = keyring_new(w, NULL);
	secp_key_new(&key);
	s->id = keyring_add(s->ring, &key);
	options.keyring = keys ? s->ring : NULL;
	assert_null(bus_open(w, &w->loop, &options, &handlers, &s->bus));
	assert_null(bus_serve(s->bus, s->id, true));
	assert_null(bus_watch_status(s->bus));
}

static void begin(struct world *w, bool node_keys, bool node_plain, bool client_keys, bool client_plain)
{
	open_side(w, &w->node, node_keys, node_plain);
	open_side(w, &w->client, client_keys, client_plain);
	while (!bus_is_up(w->node.bus) || !bus_is_up(w->client.bus))
		uv_run(&w->loop, UV_RUN_ONCE);
	pass(w, 20);
}

static int setup(void **state)
{
	struct world *w = mem_new(NULL, struct world);

	uv_loop_init(&w->loop);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	mem_free(w->node.bus);
	mem_free(w->client.bus);
	loop_drain(&w->loop);
	uv_loop_close(&w->loop);
	memory_hub_free(HUB);
	mem_free(w);
	return 0;
}

static void send_kind(struct side *from, enum message_kind kind, const char *to, int64_t ttl_ms)
{
	json_t *body = json_object();
	struct message *m = message_new(NULL, kind, from->id, to, ttl_ms, body);

	bus_send(from->bus, m, on_sent, from);
	json_decref(body);
	mem_free(m);
}

static void send_command(struct side *from, const char *to)
{
	send_kind(from, MESSAGE_COMMAND, to, 60000);
}

/* The first message is preceded by a hello, later ones are not; the answer needs none. */
static void test_hello(void **state)
{
	struct world *w = *state;

	begin(w, true, false, true, false);
	assert_null(keyring_public(w->client.ring, w->node.id));
	send_command(&w->client, w->node.id);
	send_command(&w->client, w->node.id);
	assert_true(until(w, &w->node.got, 2));
	assert_string_equal(w->node.signer, w->client.id);
	assert_true(until(w, &w->client.sent_count, 2));
	assert_int_equal(w->client.sent[0], 0);
	assert_non_null(keyring_public(w->client.ring, w->node.id));
	send_command(&w->node, w->client.id);
	assert_true(until(w, &w->client.got, 1));
	assert_string_equal(w->client.signer, w->node.id);
	assert_int_equal(memory_hub_dead(HUB), 0);
}

static void test_nobody(void **state)
{
	struct world *w = *state;

	begin(w, true, false, true, false);
	send_command(&w->client, NOBODY);
	assert_true(until(w, &w->client.sent_count, 1));
	assert_int_equal(w->client.sent[0], ERROR_NOT_FOUND);
}

/* Who is away when asked is asked again; what has become void meanwhile is told. */
static void test_away(void **state)
{
	struct world *w = *state;

	begin(w, true, false, true, false);
	bus_unserve(w->node.bus, w->node.id, false);
	send_command(&w->client, w->node.id);
	send_kind(&w->client, MESSAGE_COMMAND, w->node.id, 1000);
	pass(w, 200);
	assert_int_equal(w->client.sent_count, 0);
	pass(w, 3000);
	assert_int_equal(w->client.sent_count, 1);
	assert_int_equal(w->client.sent[0], ERROR_TIMEOUT);
	assert_null(bus_serve(w->node.bus, w->node.id, true));
	assert_true(until(w, &w->node.got, 1));
}

static void test_lost(void **state)
{
	struct world *w = *state;

	begin(w, true, false, true, false);
	bus_unserve(w->node.bus, w->node.id, false);
	send_command(&w->client, w->node.id);
	pass(w, 50);
	memory_hub_drop(HUB);
	assert_true(until(w, &w->client.sent_count, 1));
	assert_int_equal(w->client.sent[0], ERROR_UNAVAILABLE);
	send_command(&w->client, w->node.id);
	assert_true(until(w, &w->client.sent_count, 2));
	assert_int_equal(w->client.sent[1], ERROR_UNAVAILABLE);
}

static void test_plain_refused(void **state)
{
	struct world *w = *state;

	begin(w, true, false, false, false);
	send_command(&w->client, w->node.id);
	pass(w, 100);
	assert_int_equal(w->node.got, 0);
	assert_int_equal(memory_hub_dead(HUB), 1);
	/* And what is sealed cannot be read without keys. */
	keyring_learn(w->node.ring, keyring_public(w->client.ring, w->client.id));
	send_command(&w->node, w->client.id);
	pass(w, 100);
	assert_int_equal(w->client.got, 0);
	assert_int_equal(memory_hub_dead(HUB), 2);
}

/* With accept_plain both come in, and each is answered in its own way. */
static void test_plain_accepted(void **state)
{
	struct world *w = *state;

	begin(w, true, true, false, false);
	send_command(&w->client, w->node.id);
	assert_true(until(w, &w->node.got, 1));
	assert_string_equal(w->node.signer, "");
	send_command(&w->node, w->client.id);
	assert_true(until(w, &w->client.got, 1));
	assert_int_equal(memory_hub_dead(HUB), 0);
}

/* A status can be read by everybody, and bears its sender's signature. */
static void test_status(void **state)
{
	struct world *w = *state;

	begin(w, true, false, false, false);
	send_kind(&w->node, MESSAGE_STATUS, "", 60000);
	assert_true(until(w, &w->client.statuses, 1));
	assert_string_equal(w->client.signer, w->node.id);
	/* A plain one is not believed. */
	w->node.statuses = 0;
	send_kind(&w->client, MESSAGE_STATUS, "", 60000);
	pass(w, 100);
	assert_int_equal(w->node.statuses, 0);
}

/* Signed but readable by the broker: not for commands. */
static void test_not_sealed(void **state)
{
	struct world *w = *state;

	begin(w, true, true, true, false);
	send_kind(&w->client, MESSAGE_ACK, w->node.id, 60000);
	assert_false(until(w, &w->node.got, 1));
	assert_int_equal(memory_hub_dead(HUB), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hello, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_away, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plain_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plain_accepted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_status, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_sealed, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
