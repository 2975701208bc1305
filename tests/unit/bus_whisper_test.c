/* The bus over Whisper above a port of the test's own: an ether that loses, doubles and delays what it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/bus.h"
#include "bus/keyring.h"
#include "bus/seal.h"
#include "bus/whisper_port.h"
#include "crypto/keccak.h"
#include "whisper/payload.h"

#define MOST 512
#define TTL_MS 60000
#define UNTIL_MS 120000 /* what takes parts of a second takes some of a busy machine */
#define ANY ((enum message_kind)99)
#define SEALED ((enum message_kind)98)

/* --- the ether --- */

struct packet {
	uint8_t topic[TOPIC_BYTES];
	uint8_t *data;
	size_t n;
	enum message_kind kind; /* SEALED, or what an open one is */
};

struct fault {
	enum message_kind kind; /* of packets that it is for */
	unsigned count;         /* so many of them */
};

static struct ether {
	uv_loop_t *loop;
	void *ctx;
	struct fake *ports;
	struct fault lose, twice;
	int64_t delay_ms, jitter_ms;
	unsigned posted[8];  /* by kind, SEALED last */
	struct packet *kept; /* the last of kind `keep` */
	enum message_kind keep;
	uint8_t key[SYM_KEY_BYTES];
	uint64_t number;
} ether;

struct fake {
	struct whisper_port head; /* first */
	struct fake *next;
	struct whisper_port_events events;
	void *arg;
	uint8_t (*topics)[TOPIC_BYTES];
	size_t topic_count;
	struct timer *state;
	bool up;
};

struct whisper_posting {
	struct fake *port;
	struct packet packet;
	struct timer *timer;
	whisper_posted_fn *fn;
	void *arg;
};

struct hop {
	struct packet *packet;
	uint8_t hash[ENVELOPE_HASH_BYTES];
	struct timer *timer;
};

static enum message_kind kind_of(const uint8_t *data, size_t n)
{
	struct payload p;
	struct message *m;
	struct error *e = payload_open_sym(NULL, ether.key, data, n, &p);
	enum message_kind kind = SEALED;

	if (e) {
		error_free(e);
		assert_int_equal(seal_form(data, n), SEAL_SEALED);
		return kind;
	}
	e = message_decode(NULL, (const char *)p.payload, p.payload_bytes, false, NULL, &m);
	assert_null(e);
	kind = m->kind;
	mem_free(m);
	mem_free(p.bytes);
	return kind;
}

static bool hit(struct fault *f, enum message_kind kind)
{
	if (!f->count || (f->kind != kind && f->kind != ANY))
		return false;
	f->count--;
	return true;
}

static void on_hop(void *arg)
{
	struct hop *h = arg;

	for (struct fake *p = ether.ports; p; p = p->next) {
		for (size_t i = 0; p->up && i < p->topic_count; i++) {
			if (memcmp(p->topics[i], h->packet->topic, TOPIC_BYTES) != 0)
				continue;
			p->events.envelope(h->packet->topic, h->hash, h->packet->data, h->packet->n, p->arg);
			break;
		}
	}
	mem_free(h);
}

static struct packet *packet_copy(const void *ctx, const struct packet *p)
{
	struct packet *copy = mem_new(ctx, struct packet);

	*copy = *p;
	copy->data = mem_memdup(copy, p->data, p->n);
	return copy;
}

/* Each time another envelope with the same data. */
static void travel(const struct packet *packet)
{
	struct hop *h = mem_new(ether.ctx, struct hop);

	h->packet = packet_copy(h, packet);
	ether.number++;
	keccak256(&ether.number, sizeof(ether.number), h->hash);
	h->timer = timer_start(h, ether.loop, ether.delay_ms + (ether.jitter_ms ? rand() % ether.jitter_ms : 0), 0,
			       on_hop, h);
}

static void on_mined(void *arg)
{
	struct whisper_posting *o = arg;
	struct packet *packet = &o->packet;

	packet->kind = kind_of(packet->data, packet->n);
	ether.posted[packet->kind == SEALED ? 7 : packet->kind]++;
	if (packet->kind == ether.keep) {
		mem_free(ether.kept);
		ether.kept = packet_copy(ether.ctx, packet);
	}
	if (!hit(&ether.lose, packet->kind)) {
		travel(packet);
		if (hit(&ether.twice, packet->kind))
			travel(packet);
	}
	o->fn(NULL, o->arg);
	mem_free(o);
}

static struct whisper_posting *fake_post(struct whisper_port *port, const void *ctx, const uint8_t topic[TOPIC_BYTES],
					 uint32_t ttl_s, const uint8_t *data, size_t n, bool urgent,
					 whisper_posted_fn *fn, void *arg)
{
	struct whisper_posting *o = mem_new(ctx, struct whisper_posting);

	(void)urgent;
	assert_true(ttl_s >= 1 && n <= port->limit);
	o->port = (struct fake *)port;
	memcpy(o->packet.topic, topic, TOPIC_BYTES);
	o->packet.data = mem_memdup(o, data, n);
	o->packet.n = n;
	o->fn = fn;
	o->arg = arg;
	o->timer = timer_start(o, ether.loop, 0, 0, on_mined, o);
	return o;
}

static void fake_watch(struct whisper_port *port, const uint8_t (*topics)[TOPIC_BYTES], size_t count)
{
	struct fake *p = (struct fake *)port;

	mem_free(p->topics);
	p->topics = (uint8_t(*)[TOPIC_BYTES])mem_memdup(p, topics, count * TOPIC_BYTES);
	p->topic_count = count;
}

static void on_fake_up(void *arg)
{
	struct fake *p = arg;

	p->up = true;
	p->events.state(true, NULL, p->arg);
}

static int fake_destroy(struct fake *p)
{
	struct fake **at = &ether.ports;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	return 0;
}

/* In the place of the one in bus/whisper_port.c. */
struct error *whisper_port_open(const void *ctx, uv_loop_t *loop, const struct bus_options *options,
				const struct whisper_address *address, const struct whisper_port_events *events,
				void *arg, struct whisper_port **ret_port)
{
	struct fake *p = mem_new(ctx, struct fake);

	(void)options;
	assert_true(address->embedded);
	p->head = (struct whisper_port){.limit = 200000, .watch = fake_watch, .post = fake_post};
	p->events = *events;
	p->arg = arg;
	p->next = ether.ports;
	ether.ports = p;
	talloc_set_destructor(p, fake_destroy);
	p->state = timer_start(p, loop, 0, 0, on_fake_up, p);
	*ret_port = &p->head;
	return NULL;
}

/* --- participants --- */

enum mode { ACCEPT, REJECT, HOLD, CLOSE };

struct side {
	struct bus *bus;
	struct keyring *keys;
	struct fake *port;
	enum mode mode;
	struct bus_delivery *held;
	int got, ups, downs, refusals, served, statuses, sent_count;
	char *bodies[MOST]; /* "n" of each message */
	enum error_code sent[MOST];
	char said[200]; /* the last error */
};

struct world {
	uv_loop_t loop;
	void *ctx;
	struct secp_key node_key, client_key, strange_key;
	char node[KEYRING_ID_SIZE], client[KEYRING_ID_SIZE], strange[KEYRING_ID_SIZE];
	struct side a, b, c;
	bool late;
};

static void on_state(bool up, const struct error *why, void *arg)
{
	struct side *s = arg;

	assert_true(up == !why);
	s->ups += up;
	s->downs += !up;
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
	else if (s->mode == HOLD)
		s->held = d;
	else
		mem_free(s->bus);
}

static void on_refused(const char *id, const struct error *why, void *arg)
{
	struct side *s = arg;

	(void)id;
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
	(void)m;
	((struct side *)arg)->statuses++;
}

static void on_sent(const struct error *e, void *arg)
{
	struct side *s = arg;

	snprintf(s->said, sizeof(s->said), "%s", e ? e->message : "");
	s->sent[s->sent_count++] = e ? e->code : 0;
}

static void on_late(void *arg)
{
	((struct world *)arg)->late = true;
}

static void until(struct world *w, const int *counter, int want)
{
	struct timer *t = timer_start(w->ctx, &w->loop, UNTIL_MS, 0, on_late, w);

	w->late = false;
	while (*counter < want && !w->late)
		uv_run(&w->loop, UV_RUN_ONCE);
	mem_free(t);
	assert_int_equal(*counter, want);
}

static void pass(struct world *w, int64_t ms)
{
	struct timer *t = timer_start(w->ctx, &w->loop, ms, 0, on_late, w);

	w->late = false;
	while (!w->late)
		uv_run(&w->loop, UV_RUN_ONCE);
	mem_free(t);
}

static void open_side(struct world *w, struct side *s, const struct secp_key *key)
{
	struct bus_options options = {.url = "shh:///?listen=127.0.0.1:0", .network = "test", .prefetch = 4};
	const struct bus_handlers handlers = {.on_state = on_state,
					      .on_message = on_message,
					      .on_refused = on_refused,
					      .on_served = on_served,
					      .on_status = on_status,
					      .arg = s};

	s->keys = keyring_new(w->ctx, NULL);
	keyring_add(s->keys, key);
	options.keyring = s->keys;
	assert_null(bus_open(w->ctx, &w->loop, &options, &handlers, &s->bus));
	s->port = ether.ports;
	until(w, &s->ups, 1);
	assert_true(bus_is_up(s->bus));
}

static void close_side(struct side *s)
{
	mem_free(s->bus);
	mem_free(s->keys);
	memset(s, 0, sizeof(*s));
}

/* a serves the node, b the client; each knows the other's key. */
static void open_pair(struct world *w)
{
	open_side(w, &w->a, &w->node_key);
	assert_null(bus_serve(w->a.bus, w->node, true));
	until(w, &w->a.served, 1);
	open_side(w, &w->b, &w->client_key);
	assert_null(bus_serve(w->b.bus, w->client, false));
	until(w, &w->b.served, 1);
	keyring_learn(w->b.keys, w->node_key.public);
	keyring_learn(w->a.keys, w->client_key.public);
}

static void send_sized(struct side *s, const char *from, const char *to, int n, int64_t ttl_ms, size_t bytes)
{
	json_t *body = json_object();
	struct message *m;
	char *filler = mem_array(NULL, char, bytes + 1);

	memset(filler, 'x', bytes);
	json_put_decimal(body, "n", n);
	json_put(body, "filler", filler);
	m = message_new(NULL, MESSAGE_COMMAND, from, to, ttl_ms, body);
	bus_send(s->bus, m, on_sent, s);
	mem_free(m);
	json_decref(body);
	mem_free(filler);
}

static void send_one(struct side *s, const char *from, const char *to, int n)
{
	send_sized(s, from, to, n, TTL_MS, 0);
}

/* Made once: it takes some thirtieths of a second. */
static uint8_t ether_key[SYM_KEY_BYTES];

static int setup(void **state)
{
	struct world *w = mem_new(NULL, struct world);

	uv_loop_init(&w->loop);
	w->ctx = mem_strdup(w, "world");
	secp_key_new(&w->node_key);
	secp_key_new(&w->client_key);
	secp_key_new(&w->strange_key);
	keyring_id(w->node_key.public, w->node);
	keyring_id(w->client_key.public, w->client);
	keyring_id(w->strange_key.public, w->strange);
	ether = (struct ether){.loop = &w->loop, .ctx = mem_strdup(w, "ether"), .delay_ms = 1, .keep = ANY};
	memcpy(ether.key, ether_key, sizeof(ether.key));
	srand(1);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	mem_free(w->ctx);
	mem_free(ether.ctx);
	loop_drain(&w->loop);
	uv_loop_close(&w->loop);
	mem_free(w);
	return 0;
}

/* --- delivery --- */

static void test_message_and_ack(void **state)
{
	struct world *w = *state;

	open_pair(w);
	send_one(&w->b, w->client, w->node, 1);
	until(w, &w->b.sent_count, 1);
	assert_int_equal(w->b.sent[0], 0);
	assert_int_equal(w->a.got, 1);
	assert_string_equal(w->a.bodies[0], "1");
	assert_int_equal(ether.posted[7], 1);
	assert_int_equal(ether.posted[MESSAGE_ACK], 1);
}

/* The bus asks for the key first; nobody has been told any. */
static void test_unknown_key_is_asked_for(void **state)
{
	struct world *w = *state;

	open_side(w, &w->a, &w->node_key);
	assert_null(bus_serve(w->a.bus, w->node, true));
	until(w, &w->a.served, 1);
	open_side(w, &w->b, &w->client_key);
	assert_null(bus_serve(w->b.bus, w->client, false));
	until(w, &w->b.served, 1);
	send_one(&w->b, w->client, w->node, 1);
	until(w, &w->b.sent_count, 1);
	assert_int_equal(w->b.sent[0], 0);
	assert_int_equal(w->a.got, 1);
}

static void test_lost_message_is_repeated(void **state)
{
	struct world *w = *state;
	int64_t began_ms;

	open_pair(w);
	ether.lose = (struct fault){SEALED, 2};
	began_ms = clock_mono_ms();
	send_one(&w->b, w->client, w->node, 1);
	until(w, &w->b.sent_count, 1);
	assert_int_equal(w->b.sent[0], 0);
	assert_int_equal(w->a.got, 1);
	assert_int_equal(ether.posted[7], 3);
	/* After one second and two. */
	assert_in_range(clock_mono_ms() - began_ms, 2900, 4500);
}

static void test_lost_ack_is_repeated_without_delivery(void **state)
{
	struct world *w = *state;

	open_pair(w);
	ether.lose = (struct fault){MESSAGE_ACK, 2};
	send_one(&w->b, w->client, w->node, 1);
	until(w, &w->b.sent_count, 1);
	assert_int_equal(w->b.sent[0], 0);
	assert_int_equal(w->a.got, 1);
	assert_int_equal(ether.posted[7], 3);
	assert_int_equal(ether.posted[MESSAGE_ACK], 3);
}

static void test_order_and_once_through_a_bad_ether(void **state)
{
	struct world *w = *state;

	open_pair(w);
	ether.jitter_ms = 20;
	ether.twice = (struct fault){ANY, 1000};
	for (int n = 0; n < 50; n++)
		send_one(&w->b, w->client, w->node, n);
	until(w, &w->b.sent_count, 50);
	for (int n = 0; n < 50; n++) {
		assert_int_equal(w->b.sent[n], 0);
		assert_int_equal(atoi(w->a.bodies[n]), n);
	}
	pass(w, 100);
	assert_int_equal(w->a.got, 50);
}

static void test_repetition_while_it_is_held(void **state)
{
	struct world *w = *state;

	open_pair(w);
	w->a.mode = HOLD;
	send_one(&w->b, w->client, w->node, 1);
	until(w, &w->a.got, 1);
	pass(w, 1500);
	assert_true(ether.posted[7] >= 2);
	assert_int_equal(w->a.got, 1);
	assert_int_equal(ether.posted[MESSAGE_ACK], 0);
	bus_accept(w->a.held);
	until(w, &w->b.sent_count, 1);
	assert_int_equal(w->b.sent[0], 0);
	assert_int_equal(w->a.got, 1);
}

/* It has arrived: its sender must not go on. */
static void test_rejected_is_acknowledged(void **state)
{
	struct world *w = *state;

	open_pair(w);
	w->a.mode = REJECT;
	send_one(&w->b, w->client, w->node, 1);
	until(w, &w->b.sent_count, 1);
	assert_int_equal(w->b.sent[0], 0);
}

static void test_prefetch_bounds_what_is_held(void **state)
{
	struct world *w = *state;
	struct secp_key keys[6];

	open_pair(w);
	w->a.mode = HOLD;
	for (int i = 0; i < 6; i++) {
		char id[KEYRING_ID_SIZE];

		/* A lane each. */
		secp_key_new(&keys[i]);
		keyring_add(w->b.keys, &keys[i]);
		keyring_id(keys[i].public, id);
		send_one(&w->b, id, w->node, i);
	}
	until(w, &w->a.got, 4);
	pass(w, 1300);
	assert_int_equal(w->a.got, 4);
	w->a.mode = ACCEPT;
	bus_accept(w->a.held);
	until(w, &w->a.got, 6);
}

static void test_deadline(void **state)
{
	struct world *w = *state;

	open_pair(w);
	ether.lose = (struct fault){SEALED, 1000};
	send_sized(&w->b, w->client, w->node, 1, 1000, 0);
	send_sized(&w->b, w->client, w->node, 2, 1000, 0);
	until(w, &w->b.sent_count, 2);
	assert_int_equal(w->b.sent[0], ERROR_TIMEOUT);
	assert_int_equal(w->b.sent[1], ERROR_TIMEOUT);
	assert_non_null(strstr(w->b.said, w->node));
	/* The way is free again. */
	ether.lose.count = 0;
	send_one(&w->b, w->client, w->node, 3);
	until(w, &w->b.sent_count, 3);
	assert_int_equal(w->b.sent[2], 0);
}

static void on_never(const struct error *e, void *arg)
{
	(void)e;
	(void)arg;
	fail();
}

static struct message *command(struct world *w, const char *to)
{
	json_t *body = json_pack("{s:s}", "n", "0");
	struct message *m = message_new(w->ctx, MESSAGE_COMMAND, w->client, to, TTL_MS, body);

	json_decref(body);
	return m;
}

/* What was given up holds up nobody: neither the messages after it, nor who has no key yet. */
static void test_forgotten(void **state)
{
	struct world *w = *state;
	struct message *m, *waits;
	int mine = 0, other = 0;

	open_pair(w);
	ether.lose = (struct fault){SEALED, 1};
	m = command(w, w->node);
	bus_send(w->b.bus, m, on_never, &mine);
	send_one(&w->b, w->client, w->node, 2);
	pass(w, 50);
	assert_int_equal(w->b.sent_count, 0);
	assert_false(bus_forget(w->b.bus, m, &other));
	assert_true(bus_forget(w->b.bus, m, &mine));
	assert_false(bus_forget(w->b.bus, m, &mine));
	until(w, &w->b.sent_count, 1);
	assert_int_equal(w->b.sent[0], 0);
	assert_string_equal(w->a.bodies[0], "2");
	waits = command(w, w->strange);
	bus_send(w->b.bus, waits, on_never, &mine);
	assert_false(bus_forget(w->b.bus, waits, &other));
	assert_true(bus_forget(w->b.bus, waits, &mine));
	assert_false(bus_forget(w->b.bus, waits, &mine));
	pass(w, 100);
	assert_int_equal(ether.posted[MESSAGE_HELLO], 0);
	assert_int_equal(w->a.got, 1);
}

static void test_limits(void **state)
{
	struct world *w = *state;
	int before;

	open_pair(w);
	send_sized(&w->b, w->client, w->node, 1, TTL_MS, 200000);
	until(w, &w->b.sent_count, 1);
	assert_int_equal(w->b.sent[0], ERROR_LIMIT);
	assert_non_null(strstr(w->b.said, "the Whisper network takes"));
	send_sized(&w->b, w->client, w->node, 1, TTL_MS, 190000);
	until(w, &w->b.sent_count, 2);
	assert_int_equal(w->b.sent[1], 0);

	ether.lose = (struct fault){SEALED, 100000};
	before = w->b.sent_count;
	for (int i = 0; i < 1024; i++)
		send_one(&w->b, w->client, w->node, i);
	pass(w, 50);
	assert_int_equal(w->b.sent_count, before);
	send_one(&w->b, w->client, w->node, 0);
	until(w, &w->b.sent_count, before + 1);
	assert_int_equal(w->b.sent[before], ERROR_LIMIT);
	assert_non_null(strstr(w->b.said, "not yet acknowledged"));
}

/* --- what is forged --- */

static void forge(struct world *w, const struct message *m, const struct secp_key *key)
{
	struct payload_to to = {.sym_key = ether.key, .sign = key};
	char *text = message_encode(w->ctx, m), *name = mem_printf(w->ctx, "dsn/test/%s", m->to);
	struct packet p = {.kind = m->kind};
	uint8_t digest[KECCAK_BYTES];

	keccak256(name, strlen(name), digest);
	memcpy(p.topic, digest, TOPIC_BYTES);
	assert_null(payload_seal(w->ctx, &to, (uint8_t *)text, strlen(text), &p.data, &p.n));
	travel(&p);
}

static char *hash_of(struct world *w, const struct packet *p)
{
	uint8_t digest[KECCAK_BYTES];

	keccak256(p->data, p->n, digest);
	return hex_encode(w->ctx, digest, 16);
}

static char *key_text(struct world *w, const struct secp_key *key)
{
	return hex_encode(w->ctx, key->public, SECP_PUBLIC_BYTES);
}

static void test_forged_acks(void **state)
{
	struct world *w = *state;
	json_t *body = json_object();
	struct message *m;

	open_pair(w);
	w->a.mode = HOLD;
	ether.keep = SEALED;
	send_one(&w->b, w->client, w->node, 1);
	until(w, &w->a.got, 1);

	/* Of the right message, by somebody else, in his own name and in the recipient's. */
	m = message_new(w->ctx, MESSAGE_ACK, w->strange, w->client, TTL_MS, body);
	m->re = hash_of(w, ether.kept);
	forge(w, m, &w->strange_key);
	m->from = w->node;
	forge(w, m, &w->strange_key);
	/* Vouching for the recipient: his public key is known to all. */
	m->key = key_text(w, &w->node_key);
	forge(w, m, &w->strange_key);
	/* By the recipient, of another message; and what is too old. */
	m->key = NULL;
	m->re = "00112233445566778899aabbccddeeff";
	forge(w, m, &w->node_key);
	m->re = hash_of(w, ether.kept);
	m->time_ms -= (TTL_MS + MESSAGE_CLOCKS_MS + 1000);
	forge(w, m, &w->node_key);
	pass(w, 200);
	assert_int_equal(w->b.sent_count, 0);
	m->time_ms += (TTL_MS + MESSAGE_CLOCKS_MS + 1000);
	forge(w, m, &w->node_key);
	until(w, &w->b.sent_count, 1);
	assert_int_equal(w->b.sent[0], 0);
	json_decref(body);
}

static void test_noise(void **state)
{
	struct world *w = *state;
	static uint8_t zeros[1000];
	struct packet p = {.data = zeros, .kind = SEALED};
	struct payload_to to = {.public = w->strange_key.public};
	char *name = mem_printf(w->ctx, "dsn/test/%s", w->node);
	uint8_t digest[KECCAK_BYTES];

	open_pair(w);
	keccak256(name, strlen(name), digest);
	memcpy(p.topic, digest, TOPIC_BYTES);
	for (p.n = 0; p.n < 300; p.n++)
		travel(&p);
	zeros[0] = 4;
	for (p.n = 0; p.n < 300; p.n++)
		travel(&p);
	/* Sealed to somebody else with our topic, several times. */
	assert_null(payload_seal(w->ctx, &to, zeros, 100, &p.data, &p.n));
	for (int i = 0; i < 10; i++)
		travel(&p);
	/* To us, unsigned; with the network's key, unsigned. */
	to.public = w->node_key.public;
	assert_null(payload_seal(w->ctx, &to, zeros, 100, &p.data, &p.n));
	travel(&p);
	to = (struct payload_to){.sym_key = ether.key};
	assert_null(payload_seal(w->ctx, &to, zeros, 100, &p.data, &p.n));
	travel(&p);
	pass(w, 300);
	assert_int_equal(w->a.got, 0);
	assert_int_equal(ether.posted[MESSAGE_ACK], 0);
	send_one(&w->b, w->client, w->node, 1);
	until(w, &w->b.sent_count, 1);
	assert_int_equal(w->b.sent[0], 0);
}

/* --- state --- */

static void set_port(struct side *s, bool up)
{
	struct error *e = error_new(ERROR_UNAVAILABLE, "no peer");

	s->port->up = up;
	s->port->events.state(up, up ? NULL : e, s->port->arg);
	error_free(e);
}

static void test_down_and_up(void **state)
{
	struct world *w = *state;

	open_pair(w);
	ether.lose = (struct fault){SEALED, 2};
	send_one(&w->b, w->client, w->node, 1);
	send_one(&w->b, w->client, w->node, 2);
	pass(w, 50);
	set_port(&w->b, false);
	until(w, &w->b.sent_count, 2);
	assert_int_equal(w->b.sent[0], ERROR_UNAVAILABLE);
	assert_int_equal(w->b.sent[1], ERROR_UNAVAILABLE);
	assert_int_equal(w->b.downs, 1);
	send_one(&w->b, w->client, w->node, 3);
	until(w, &w->b.sent_count, 3);
	assert_int_equal(w->b.sent[2], ERROR_UNAVAILABLE);
	set_port(&w->b, false);
	assert_int_equal(w->b.downs, 1);
	ether.lose.count = 0;
	set_port(&w->b, true);
	assert_int_equal(w->b.ups, 2);
	until(w, &w->b.served, 2);
	send_one(&w->b, w->client, w->node, 4);
	until(w, &w->b.sent_count, 4);
	assert_int_equal(w->b.sent[3], 0);
	assert_int_equal(w->a.got, 1);
}

static void test_status(void **state)
{
	struct world *w = *state;
	json_t *body = json_object();
	struct message *m = message_new(w->ctx, MESSAGE_STATUS, w->node, "", TTL_MS, body);

	open_pair(w);
	bus_send(w->a.bus, m, on_sent, &w->a);
	until(w, &w->a.sent_count, 1);
	assert_int_equal(w->a.sent[0], 0);
	pass(w, 20); /* nobody watches */
	assert_null(bus_watch_status(w->b.bus));
	bus_send(w->a.bus, m, on_sent, &w->a);
	until(w, &w->b.statuses, 1);
	json_decref(body);
}

static void test_plain_is_refused(void **state)
{
	struct world *w = *state;
	struct bus_options options = {.url = "shh:///?listen=127.0.0.1:0"};
	const struct bus_handlers handlers = {0};
	struct bus *bus;
	struct error *e = bus_open(w->ctx, &w->loop, &options, &handlers, &bus);

	assert_int_equal(e->code, ERROR_INVALID);
	assert_non_null(strstr(e->message, "key"));
	error_free(e);
	open_pair(w);
	e = bus_serve(w->a.bus, w->strange, true);
	assert_int_equal(e->code, ERROR_INVALID);
	error_free(e);
}

static void test_bus_freed_in_a_handler(void **state)
{
	struct world *w = *state;

	open_pair(w);
	w->a.mode = CLOSE;
	send_one(&w->b, w->client, w->node, 1);
	until(w, &w->a.got, 1);
	pass(w, 50);
	w->a.bus = NULL;
}

/* --- claims --- */

static void test_second_server_is_refused(void **state)
{
	struct world *w = *state;

	open_pair(w);
	open_side(w, &w->c, &w->node_key);
	assert_null(bus_serve(w->c.bus, w->node, true));
	until(w, &w->c.refusals, 1);
	assert_int_equal(w->c.served, 0);
	assert_int_equal(w->a.refusals, 0);
	send_one(&w->b, w->client, w->node, 1);
	until(w, &w->b.sent_count, 1);
	pass(w, 50);
	assert_int_equal(w->a.got, 1);
	assert_int_equal(w->c.got, 0);
	assert_int_equal(ether.posted[MESSAGE_ACK], 1);
}

/* Parted when the second one came, joined later: the first one keeps it. */
static void test_second_server_leaves_when_joined(void **state)
{
	struct world *w = *state;

	open_pair(w);
	w->a.port->up = false; /* deaf, and does not know */
	open_side(w, &w->c, &w->node_key);
	assert_null(bus_serve(w->c.bus, w->node, true));
	until(w, &w->c.served, 1);
	w->a.port->up = true;
	until(w, &w->c.refusals, 1); /* by the next claim of either */
	assert_int_equal(w->a.refusals, 0);
	send_one(&w->b, w->client, w->node, 1);
	until(w, &w->b.sent_count, 1);
	assert_int_equal(w->a.got, 1);
	assert_int_equal(w->c.got, 0);
}

static void test_both_at_the_same_time(void **state)
{
	struct world *w = *state;

	open_side(w, &w->a, &w->node_key);
	open_side(w, &w->c, &w->node_key);
	assert_null(bus_serve(w->a.bus, w->node, true));
	assert_null(bus_serve(w->c.bus, w->node, true));
	pass(w, 600);
	assert_int_equal(w->a.served + w->c.served, 1);
	assert_int_equal(w->a.refusals + w->c.refusals, 1);
	assert_int_equal(w->a.served, w->c.refusals);
}

/* Restarted within a moment: claims of before are still about, and must not keep it from its own. */
static void test_stale_claim_keeps_nobody_out(void **state)
{
	struct world *w = *state;
	int64_t began_ms;

	ether.keep = MESSAGE_CLAIM;
	open_side(w, &w->a, &w->node_key);
	assert_null(bus_serve(w->a.bus, w->node, true));
	until(w, &w->a.served, 1);
	close_side(&w->a);
	open_side(w, &w->a, &w->node_key);
	ether.keep = ANY;
	began_ms = clock_mono_ms();
	assert_null(bus_serve(w->a.bus, w->node, true));
	for (int i = 0; i < 5; i++) {
		travel(ether.kept);
		pass(w, 20);
	}
	until(w, &w->a.served, 1);
	assert_int_equal(w->a.refusals, 0);
	assert_in_range(clock_mono_ms() - began_ms, 250, 2000);
	travel(ether.kept);
	pass(w, 100);
	assert_int_equal(w->a.refusals, 0);
}

/* Of the last claim that was posted. */
static char *instance_of(struct world *w, const struct packet *p)
{
	struct payload opened;
	struct message *m;
	char *instance;

	assert_null(payload_open_sym(w->ctx, ether.key, p->data, p->n, &opened));
	assert_null(message_decode(w->ctx, (const char *)opened.payload, opened.payload_bytes, false, NULL, &m));
	instance = mem_strdup(w->ctx, json_string_value(json_object_get(m->body, "instance")));
	mem_free(m);
	return instance;
}

static void test_forged_claims(void **state)
{
	struct world *w = *state;
	json_t *body = json_object();
	struct message *m;

	ether.keep = MESSAGE_CLAIM;
	open_pair(w);
	json_put(body, "instance", "00000000000000000000000000000000");
	json_put_decimal(body, "since", 1);
	json_put(body, "against", instance_of(w, ether.kept));
	m = message_new(w->ctx, MESSAGE_CLAIM, w->node, w->node, TTL_MS, body);
	/* By somebody else: in the id's name, in his own, vouching for the id. */
	forge(w, m, &w->strange_key);
	m->from = w->strange;
	forge(w, m, &w->strange_key);
	m->from = w->node;
	m->key = key_text(w, &w->node_key);
	forge(w, m, &w->strange_key);
	/* Too old; with parts missing or wrong. */
	m->key = NULL;
	m->time_ms -= 2 * TTL_MS;
	forge(w, m, &w->node_key);
	m->time_ms += 2 * TTL_MS;
	json_object_del(body, "since");
	forge(w, m, &w->node_key);
	json_put(body, "since", "-1");
	forge(w, m, &w->node_key);
	json_put_decimal(body, "since", 1);
	json_put(body, "more", "1");
	forge(w, m, &w->node_key);
	json_object_del(body, "more");
	json_object_del(body, "instance");
	forge(w, m, &w->node_key);
	pass(w, 200);
	assert_int_equal(w->a.refusals, 0);
	/* The right one is heard. */
	json_put(body, "instance", "00000000000000000000000000000000");
	forge(w, m, &w->node_key);
	until(w, &w->a.refusals, 1);
	json_decref(body);
}

/* What comes before it is certain that nobody else has the mailbox waits so long. */
static void test_what_comes_while_claiming(void **state)
{
	struct world *w = *state;

	open_side(w, &w->b, &w->client_key);
	keyring_learn(w->b.keys, w->node_key.public);
	open_side(w, &w->a, &w->node_key);
	assert_null(bus_serve(w->a.bus, w->node, true));
	send_one(&w->b, w->client, w->node, 1);
	pass(w, 150);
	assert_int_equal(w->a.got, 0);
	until(w, &w->a.got, 1);
	assert_int_equal(w->a.served, 1);
	until(w, &w->b.sent_count, 1);
	assert_int_equal(ether.posted[7], 1);
}

static void test_unserved(void **state)
{
	struct world *w = *state;

	open_pair(w);
	w->a.mode = HOLD;
	send_sized(&w->b, w->client, w->node, 1, 1200, 0);
	until(w, &w->a.got, 1);
	bus_unserve(w->a.bus, w->node, true);
	bus_accept(w->a.held);
	until(w, &w->b.sent_count, 1);
	assert_int_equal(w->b.sent[0], ERROR_TIMEOUT);
	assert_int_equal(w->a.got, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_message_and_ack, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_key_is_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_message_is_repeated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_ack_is_repeated_without_delivery, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order_and_once_through_a_bad_ether, setup, teardown),
		cmocka_unit_test_setup_teardown(test_repetition_while_it_is_held, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rejected_is_acknowledged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prefetch_bounds_what_is_held, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forged_acks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_noise, setup, teardown),
		cmocka_unit_test_setup_teardown(test_down_and_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_status, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plain_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bus_freed_in_a_handler, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_server_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_server_leaves_when_joined, setup, teardown),
		cmocka_unit_test_setup_teardown(test_both_at_the_same_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_claim_keeps_nobody_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forged_claims, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_comes_while_claiming, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unserved, setup, teardown),
	};

	payload_key_from_password("dsn/test", ether_key);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
