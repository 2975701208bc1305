/* p2p servers on one loop over loopback, with a protocol of the test's own, and a raw client that speaks RLPx by hand
 * to be wrong in every way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/wire.h"
#include "crypto/keccak.h"
#include "devp2p/address.h"
#include "devp2p/admit.h"
#include "devp2p/frame.h"
#include "devp2p/handshake.h"
#include "devp2p/peer.h"
#include "devp2p/server.h"

#define DEADLINE_MS 20000
#define LARGE (5 * 1024 * 1024)
#define NODES 32

struct node {
	struct p2p *p2p;
	struct secp_key key;
	char *url;
	int up, down, drained, messages;
	uint64_t bytes, last_code;
	uint8_t last_digest[32];
	struct p2p_peer *peer; /* the last that came up */
	char why[200];         /* the last one's end */
	bool complain;         /* about each message */
	bool hold;             /* each message */
	const uint8_t *held;   /* the last one's payload */
	size_t held_bytes;
	bool stopped;
};

struct bench {
	void *ctx;
	uv_loop_t loop;
	struct timer *beat; /* so that waiting ends */
	struct node nodes[NODES];
	uint8_t noise[51200];
};

static void on_beat(void *arg)
{
	(void)arg;
}

static int set_up(void **state)
{
	struct bench *b = mem_new(NULL, struct bench);

	b->ctx = mem_new(b, char);
	uv_loop_init(&b->loop);
	b->beat = timer_start(b->ctx, &b->loop, 5, 5, on_beat, NULL);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	mem_free(b->ctx);
	loop_drain(&b->loop);
	assert_int_equal(uv_loop_close(&b->loop), 0);
	mem_free(b);
	return 0;
}

/* Runs the loop until the condition holds or the deadline is over. */
#define WAIT(b, condition)                                             \
	do {                                                           \
		int64_t until_ms_ = clock_mono_ms() + DEADLINE_MS;     \
		while (!(condition) && clock_mono_ms() < until_ms_)    \
			uv_run(&(b)->loop, UV_RUN_ONCE);               \
		if (!(condition))                                      \
			fail_msg("waited in vain for %s", #condition); \
	} while (0)

static void run_for(struct bench *b, int64_t ms)
{
	int64_t until_ms = clock_mono_ms() + ms;

	while (clock_mono_ms() < until_ms)
		uv_run(&b->loop, UV_RUN_ONCE);
}

static void must(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static void *on_up(struct p2p_peer *peer, void *arg)
{
	struct node *n = arg;

	n->up++;
	n->peer = peer;
	return n;
}

static struct error *on_message(struct p2p_peer *peer, uint64_t code, const uint8_t *payload, size_t len, void *arg)
{
	struct node *n = arg;

	assert_ptr_equal(p2p_state(peer), n);
	n->messages++;
	n->bytes += len;
	n->last_code = code;
	keccak256(payload, len, n->last_digest);
	if (n->hold) {
		n->held = payload;
		n->held_bytes = len;
		p2p_hold(peer);
	}
	return n->complain ? error_new(ERROR_INVALID, "the test complains") : NULL;
}

static void on_drained(struct p2p_peer *peer, void *arg)
{
	struct node *n = arg;

	(void)peer;
	n->drained++;
}

static void on_down(struct p2p_peer *peer, const struct error *why, void *arg)
{
	struct node *n = arg;

	assert_ptr_equal(p2p_state(peer), n);
	n->down++;
	n->peer = n->peer == peer ? NULL : n->peer;
	snprintf(n->why, sizeof(n->why), "%s", why ? why->message : "");
}

static struct p2p_protocol protocol_of(struct node *n)
{
	return (struct p2p_protocol){
		.name = "tst",
		.version = 1,
		.length = 8,
		.payload_limit = 8 * 1024 * 1024,
		.up = on_up,
		.message = on_message,
		.drained = on_drained,
		.down = on_down,
		.arg = n,
	};
}

/* `wish` may be NULL; its key and address are set here. */
static struct node *open_at(struct bench *b, size_t i, const struct p2p_options *wish, int port)
{
	struct node *n = &b->nodes[i];
	struct p2p_options o = wish ? *wish : (struct p2p_options){.udp_port = -1};
	struct p2p_protocol protocol = protocol_of(n);
	static const uint8_t none[SECP_SECRET_BYTES];

	if (!memcmp(n->key.secret, none, sizeof(none)))
		secp_key_new(&n->key);
	o.key = &n->key;
	o.client = "test/v1";
	o.listen_address = "127.0.0.1";
	o.port = port;
	must(p2p_open(b->ctx, &b->loop, &o, &protocol, &n->p2p));
	n->url = enode_format(b->ctx, p2p_self(n->p2p));
	return n;
}

static struct node *open_node(struct bench *b, size_t i, const struct p2p_options *wish)
{
	return open_at(b, i, wish, 0);
}

static void on_stopped(void *arg)
{
	struct node *n = arg;

	n->stopped = true;
}

static void stop_node(struct bench *b, struct node *n)
{
	n->stopped = false;
	p2p_stop(n->p2p, on_stopped, n);
	WAIT(b, n->stopped);
	mem_free(n->p2p);
	n->p2p = NULL;
}

static void connect_nodes(struct bench *b, struct node *from, struct node *to)
{
	must(p2p_add_static(from->p2p, to->url));
	WAIT(b, from->up == 1 && to->up == 1);
}

static struct p2p_counters counters(const struct node *n)
{
	struct p2p_counters c;

	p2p_count(n->p2p, &c);
	return c;
}

/* ---- the raw client ---- */

struct raw {
	struct bench *b;
	struct secp_key key;
	uint8_t server[SECP_PUBLIC_BYTES];
	struct wire *wire;
	struct handshake *handshake;
	struct frames *frames;
	struct p2p_hello hello; /* that it says */
	bool quiet;             /* does not even begin */
	bool mute;              /* keeps its Hello to itself */
	bool hold_ack;          /* and its answer to the handshake, in `kept` */
	struct buf *kept;
	uv_tcp_t listener;
	bool noisy; /* much more follows its Hello */
	bool hasty; /* sends a Ping in place of Hello */
	bool connected, got_hello, closed;
	int reason; /* of the Disconnect that came; -1 */
	int pings, messages;
};

static void raw_send(struct raw *r, uint64_t code, const void *payload, size_t n)
{
	struct buf *out = buf_new(r, 100000);

	must(frames_write(r->frames, code, payload, n, out));
	must(wire_write(r->wire, out->data, out->len));
	mem_free(out);
}

static void raw_say_hello(struct raw *r)
{
	struct rlp_writer w;

	rlp_writer_init(&w, r);
	p2p_hello_write(&w, &r->hello);
	raw_send(r, BASE_HELLO, w.data, w.len);
	if (r->hello.version >= 5)
		frames_compress(r->frames);
	else
		frames_plain(r->frames);
}

static void raw_received(struct raw *r, const struct frame *f)
{

	if (f->code == BASE_HELLO) {
		r->got_hello = true;
		if (r->hasty)
			raw_send(r, BASE_PING, "\xc0", 1);
		else if (!r->mute)
			raw_say_hello(r);
		for (int i = 0; r->noisy && i < 40; i++)
			raw_send(r, BASE_LENGTH, r->b->noise, sizeof(r->b->noise));
	} else if (f->code == BASE_DISCONNECT) {
		r->reason = (int)p2p_disconnect_read(f->payload, f->n);
	} else if (f->code == BASE_PING) {
		r->pings++;
	} else if (f->code >= BASE_LENGTH) {
		r->messages++;
	}
}

static void raw_data(const char *bytes, ssize_t len, void *arg)
{
	struct raw *r = arg;
	size_t used = 0, n = len > 0 ? (size_t)len : 0;
	const uint8_t *at = (const uint8_t *)bytes;

	if (len <= 0) {
		r->closed = true;
		return;
	}
	if (r->handshake && !r->frames) {
		struct buf *out = buf_new(r, 4096);
		struct handshake_secrets secrets;
		bool done = false;

		must(handshake_receive(r->handshake, at, n, out, &used, &done, &secrets));
		at += used;
		n -= used;
		if (out->len && r->hold_ack)
			r->kept = out;
		else if (out->len)
			must(wire_write(r->wire, out->data, out->len));
		if (done)
			r->frames = frames_new(r, &secrets, 1024 * 1024);
	}
	while (n && r->frames) {
		struct frame f = {0};

		must(frames_read(r->frames, at, n, &used, &f));
		at += used;
		n -= used;
		if (f.complete)
			raw_received(r, &f);
	}
}

static void raw_connected(int status, void *arg)
{
	struct raw *r = arg;
	struct buf *out = buf_new(r, 4096);

	assert_int_equal(status, 0);
	r->connected = true;
	must(wire_read(r->wire));
	if (r->quiet)
		return;
	r->handshake = handshake_new(r, &r->key, r->server);
	must(handshake_begin(r->handshake, out));
	must(wire_write(r->wire, out->data, out->len));
}

static void raw_written(int status, void *arg)
{
	(void)status;
	(void)arg;
}

static const struct wire_events raw_events = {.connected = raw_connected, .data = raw_data, .written = raw_written};

/* A client that would be a good peer; change it, then raw_go(). */
static struct raw *raw_new(struct bench *b, const struct node *to)
{
	struct raw *r = mem_new(b->ctx, struct raw);

	r->b = b;
	r->reason = -1;
	secp_key_new(&r->key);
	memcpy(r->server, to->key.public, SECP_PUBLIC_BYTES);
	r->hello = (struct p2p_hello){.version = 5, .client = "raw", .caps = {{"tst", 1}}, .cap_count = 1};
	memcpy(r->hello.public, r->key.public, SECP_PUBLIC_BYTES);
	return r;
}

static void raw_go(struct raw *r, const struct node *to)
{
	struct sockaddr_storage address;

	must(address_parse("127.0.0.1", p2p_self(to->p2p)->tcp, &address));
	r->wire = wire_new(r, &r->b->loop, false, &raw_events, r);
	must(wire_connect_tcp(r->wire, (struct sockaddr *)&address));
}

static void raw_accept(uv_stream_t *listener, int status)
{
	struct raw *r = listener->data;

	assert_int_equal(status, 0);
	r->wire = wire_new(r, &r->b->loop, false, &raw_events, r);
	must(wire_accept(r->wire, listener));
	r->handshake = handshake_new(r, &r->key, NULL);
	must(wire_read(r->wire));
}

/* Waits to be dialed. */
static char *raw_listen(struct raw *r)
{
	struct enode e = {.host = "127.0.0.1"};
	struct sockaddr_storage address;
	int n = sizeof(address);

	must(address_parse("127.0.0.1", 0, &address));
	uv_tcp_init(&r->b->loop, &r->listener);
	r->listener.data = r;
	assert_int_equal(uv_tcp_bind(&r->listener, (struct sockaddr *)&address, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&r->listener, 5, raw_accept), 0);
	assert_int_equal(uv_tcp_getsockname(&r->listener, (struct sockaddr *)&address, &n), 0);
	e.tcp = e.udp = address_port(&address);
	memcpy(e.public, r->key.public, SECP_PUBLIC_BYTES);
	return enode_format(r, &e);
}

static void raw_unlisten(struct raw *r)
{
	uv_close((uv_handle_t *)&r->listener, NULL);
	uv_run(&r->b->loop, UV_RUN_NOWAIT);
}

/* ---- tests ---- */

static void test_messages_both_ways(void **state)
{
	struct bench *b = *state;
	struct node *a = open_node(b, 0, NULL), *c = open_node(b, 1, NULL);
	uint8_t *large = mem_array(b->ctx, uint8_t, LARGE), digest[32];

	connect_nodes(b, a, c);
	assert_int_equal(p2p_peer_count(a->p2p), 1);
	assert_ptr_equal(p2p_next_peer(a->p2p, NULL), a->peer);
	assert_null(p2p_next_peer(a->p2p, a->peer));
	assert_ptr_equal(p2p_find_peer(a->p2p, c->key.public), a->peer);
	assert_null(p2p_find_peer(a->p2p, a->key.public));
	assert_string_equal(p2p_client(a->peer), "test/v1");
	assert_false(p2p_inbound(a->peer));
	assert_true(p2p_inbound(c->peer));
	assert_true(p2p_static(a->peer));
	assert_string_equal(p2p_local_address(a->peer), p2p_remote_address(c->peer));

	must(p2p_send(a->peer, 7, "to c", 4));
	must(p2p_send(c->peer, 0, "to a", 4));
	WAIT(b, a->messages == 1 && c->messages == 1);
	keccak256("to c", 4, digest);
	assert_int_equal(c->last_code, 7);
	assert_memory_equal(c->last_digest, digest, 32);

	/* Nothing to compress in the first, everything in the second. */
	for (size_t i = 0; i < LARGE; i += 32)
		keccak256(&i, sizeof(i), large + i);
	must(p2p_send(a->peer, 1, large, LARGE));
	keccak256(large, LARGE, digest);
	WAIT(b, c->messages == 2);
	assert_memory_equal(c->last_digest, digest, 32);
	WAIT(b, p2p_backlog(a->peer) == 0);
	memset(large, 7, LARGE);
	must(p2p_send(c->peer, 1, large, LARGE));
	keccak256(large, LARGE, digest);
	WAIT(b, a->messages == 2);
	assert_memory_equal(a->last_digest, digest, 32);

	/* A message of nobody is a breach: 2. */
	must(p2p_send(a->peer, 8, "", 0));
	WAIT(b, a->down == 1 && c->down == 1);
	assert_int_equal(counters(c).disconnects[DISCONNECT_PROTOCOL], 1);
}

static void test_too_large_for_a_frame(void **state)
{
	struct bench *b = *state;
	struct node *a = open_node(b, 0, NULL), *c = open_node(b, 1, NULL);
	uint8_t *huge = mem_array(b->ctx, uint8_t, FRAME_LIMIT + 1);
	struct error *e;

	connect_nodes(b, a, c);
	e = p2p_send(a->peer, 1, huge, FRAME_LIMIT + 1);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	must(p2p_send(a->peer, 1, "well", 4));
	WAIT(b, c->messages == 1);
	/* It fits into a frame, but is more than the other side takes: that one closes. */
	must(p2p_send(a->peer, 1, huge, FRAME_LIMIT - 16));
	WAIT(b, c->down == 1);
	assert_int_equal(c->messages, 1);
}

static void test_water_marks(void **state)
{
	struct bench *b = *state;
	struct p2p_options o = {.udp_port = -1, .low_water = 10000, .high_water = 200000};
	struct node *a = open_node(b, 0, &o), *c = open_node(b, 1, NULL);
	uint8_t bytes[32768];
	int sent = 0;
	struct error *e = NULL;

	connect_nodes(b, a, c);
	for (size_t i = 0; i < sizeof(bytes); i += 32)
		keccak256(&i, sizeof(i), bytes + i);
	/* The other side cannot read as long as the loop does not run. */
	while (!(e = p2p_send(a->peer, 1, bytes, sizeof(bytes))) && sent < 10000)
		sent++;
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	assert_true(p2p_backlog(a->peer) > 200000);
	assert_true(p2p_backlog(a->peer) < 200000 + 2 * sizeof(bytes));
	assert_int_equal(a->drained, 0);
	WAIT(b, a->drained == 1);
	assert_true(p2p_backlog(a->peer) < 10000);
	WAIT(b, c->messages == sent);
	assert_int_equal(c->bytes, (uint64_t)sent * sizeof(bytes));
	assert_int_equal(a->drained, 1);
}

static void test_stop_tells(void **state)
{
	struct bench *b = *state;
	struct node *a = open_node(b, 0, NULL), *c = open_node(b, 1, NULL);
	struct raw *r = raw_new(b, a);
	int64_t began_ms;

	connect_nodes(b, c, a);
	raw_go(r, a);
	WAIT(b, a->up == 2);
	began_ms = clock_mono_ms();
	stop_node(b, a);
	assert_true(clock_mono_ms() - began_ms < 1500);
	assert_int_equal(a->down, 2);
	WAIT(b, r->reason >= 0 && c->down == 1);
	assert_int_equal(r->reason, DISCONNECT_QUITTING);
	assert_int_equal(counters(c).disconnects[DISCONNECT_QUITTING], 1);
}

static void test_both_dial(void **state)
{
	struct bench *b = *state;
	int64_t worst_ms = 0;

	for (int i = 0; i < 50; i++) {
		struct node *a = open_node(b, 0, NULL), *c = open_node(b, 1, NULL);
		int64_t began_ms = clock_mono_ms(), took_ms;

		must(p2p_add_static(a->p2p, c->url));
		must(p2p_add_static(c->p2p, a->url));
		WAIT(b, a->up > a->down && c->up > c->down);
		/* Until nothing but the one connection is left on either side, and it is the same one. */
		WAIT(b,
		     counters(a).disconnects[DISCONNECT_ALREADY] + counters(c).disconnects[DISCONNECT_ALREADY] >= 2 ||
			     counters(a).accepted + counters(c).accepted == 1);
		WAIT(b, a->peer && c->peer && p2p_peer_count(a->p2p) == 1 && p2p_peer_count(c->p2p) == 1 &&
				!strcmp(p2p_local_address(a->peer), p2p_remote_address(c->peer)));
		took_ms = clock_mono_ms() - began_ms;
		worst_ms = took_ms > worst_ms ? took_ms : worst_ms;
		must(p2p_send(a->peer, 1, "x", 1));
		must(p2p_send(c->peer, 1, "y", 1));
		WAIT(b, a->messages > 0 && c->messages > 0);
		mem_free(a->p2p);
		mem_free(c->p2p);
		memset(b->nodes, 0, sizeof(b->nodes));
	}
	print_message("both dial: worst %d ms\n", (int)worst_ms);
	assert_true(worst_ms < 5000);
}

/* Two connections between `a` and one raw node: a's own (`dialed`) and the raw node's. */
struct twins {
	struct node *a;
	struct raw *dialed, *dialing;
};

/* The raw node has been dialed and is mute; `a_decides`: whose key is the larger one. */
static struct twins twins_new(struct bench *b, bool a_decides, bool hold_ack)
{
	struct twins t = {.a = open_node(b, 0, NULL)};

	do {
		mem_free(t.dialed);
		t.dialed = raw_new(b, t.a);
	} while ((memcmp(t.a->key.public, t.dialed->key.public, SECP_PUBLIC_BYTES) > 0) != a_decides);
	t.dialed->mute = true;
	t.dialed->hold_ack = hold_ack;
	must(p2p_add_static(t.a->p2p, raw_listen(t.dialed)));
	WAIT(b, hold_ack ? t.dialed->kept != NULL : t.dialed->got_hello);
	t.dialing = raw_new(b, t.a);
	t.dialing->key = t.dialed->key;
	t.dialing->hello = t.dialed->hello;
	return t;
}

/* Both are done on both sides, and the remote keeps the one that came second here. */
static void test_remote_keeps_the_second(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < 2; i++) {
		struct twins t = twins_new(b, false, false);

		raw_go(t.dialing, t.a);
		WAIT(b, t.a->up == 1);
		assert_true(p2p_inbound(t.a->peer));
		raw_say_hello(t.dialed);
		raw_send(t.dialed, BASE_LENGTH + 2, "early", 5);
		run_for(b, 100);
		assert_int_equal(t.a->up, 1);
		assert_int_equal(t.a->messages, 0);
		raw_send(t.dialing, BASE_DISCONNECT, "\xc1\x05", 2);
		WAIT(b, t.a->up == 2 && t.a->down == 1);
		assert_false(p2p_inbound(t.a->peer));
		WAIT(b, t.a->messages == 1); /* what was said before is not lost */
		assert_int_equal(t.dialed->reason, -1);
		raw_unlisten(t.dialed);
		mem_free(t.dialed);
		mem_free(t.dialing);
		mem_free(t.a->p2p);
		memset(b->nodes, 0, sizeof(b->nodes));
	}
}

/* The remote keeps quiet about which one it wants: the first stays. */
static void test_second_is_refused_in_time(void **state)
{
	struct bench *b = *state;
	struct twins t = twins_new(b, false, false);

	raw_go(t.dialing, t.a);
	WAIT(b, t.a->up == 1);
	raw_say_hello(t.dialed);
	WAIT(b, t.dialed->reason >= 0);
	assert_int_equal(t.dialed->reason, DISCONNECT_ALREADY);
	assert_int_equal(t.a->up, 1);
	assert_int_equal(t.a->down, 0);
	raw_unlisten(t.dialed);
}

/* Who decides lets the other side's connection wait for its own. */
static void test_held_until_ours_is_up(void **state)
{
	struct bench *b = *state;
	struct twins t = twins_new(b, true, true);

	raw_go(t.dialing, t.a);
	WAIT(b, t.dialing->frames);
	run_for(b, 100);
	assert_false(t.dialing->got_hello);
	must(wire_write(t.dialed->wire, t.dialed->kept->data, t.dialed->kept->len));
	WAIT(b, t.dialed->got_hello);
	raw_say_hello(t.dialed);
	WAIT(b, t.a->up == 1 && t.dialing->reason >= 0);
	assert_int_equal(t.dialing->reason, DISCONNECT_ALREADY);
	assert_false(p2p_inbound(t.a->peer));
	raw_unlisten(t.dialed);
}

static void test_held_goes_on_when_ours_fails(void **state)
{
	struct bench *b = *state;

	for (int by_time = 0; by_time < 2; by_time++) {
		struct twins t = twins_new(b, true, true);

		raw_go(t.dialing, t.a);
		WAIT(b, t.dialing->frames);
		run_for(b, 50);
		assert_int_equal(t.a->up, 0);
		if (!by_time) {
			mem_free(t.dialed->wire);
			t.dialed->wire = NULL;
		}
		WAIT(b, t.a->up == 1);
		assert_true(p2p_inbound(t.a->peer));
		raw_unlisten(t.dialed);
		mem_free(t.dialed);
		mem_free(t.dialing);
		mem_free(t.a->p2p);
		memset(b->nodes, 0, sizeof(b->nodes));
	}
}

static void expect_reason(struct bench *b, struct raw *r, const struct node *to, enum p2p_disconnect_reason reason)
{
	raw_go(r, to);
	WAIT(b, r->reason >= 0);
	assert_int_equal(r->reason, reason);
	WAIT(b, r->closed || (mem_free(r->wire), r->wire = NULL, r->closed = true));
	assert_int_equal(to->up, 0);
}

static void test_refused_hellos(void **state)
{
	struct bench *b = *state;
	struct node *a = open_node(b, 0, NULL);
	struct raw *r;

	r = raw_new(b, a);
	r->key = a->key;
	expect_reason(b, r, a, DISCONNECT_SELF);
	assert_false(r->got_hello); /* in its place, and so not compressed */

	r = raw_new(b, a);
	r->hello.public[3] ^= 1;
	expect_reason(b, r, a, DISCONNECT_UNEXPECTED_IDENTITY);

	r = raw_new(b, a);
	memset(r->hello.public, 0, SECP_PUBLIC_BYTES);
	expect_reason(b, r, a, DISCONNECT_INVALID_IDENTITY);

	r = raw_new(b, a);
	r->hello.caps[0].version = 2;
	expect_reason(b, r, a, DISCONNECT_USELESS);

	r = raw_new(b, a);
	r->hello.cap_count = 0;
	expect_reason(b, r, a, DISCONNECT_USELESS);

	/* The reason arrives although bytes are left unread. */
	r = raw_new(b, a);
	for (size_t i = 0; i < sizeof(b->noise); i += 32)
		keccak256(&i, sizeof(i), b->noise + i);
	r->noisy = true;
	r->hello.cap_count = 0;
	expect_reason(b, r, a, DISCONNECT_USELESS);
	assert_int_equal(counters(a).refused, 6);
}

static void test_plain_before_version_5(void **state)
{
	struct bench *b = *state;
	struct node *a = open_node(b, 0, NULL);
	struct raw *r = raw_new(b, a);
	uint8_t bytes[5000] = {1, 2, 3};

	r->hello.version = 4;
	raw_go(r, a);
	WAIT(b, a->up == 1);
	raw_send(r, BASE_LENGTH + 3, bytes, sizeof(bytes));
	WAIT(b, a->messages == 1);
	assert_int_equal(a->last_code, 3);
	assert_int_equal(a->bytes, sizeof(bytes));
	must(p2p_send(a->peer, 1, bytes, sizeof(bytes)));
	WAIT(b, r->messages == 1);
}

static void test_message_before_hello(void **state)
{
	struct bench *b = *state;
	struct node *a = open_node(b, 0, NULL);
	struct raw *r = raw_new(b, a);

	r->hasty = true;
	raw_go(r, a);
	WAIT(b, r->reason >= 0);
	assert_int_equal(r->reason, DISCONNECT_PROTOCOL);
	assert_int_equal(a->up, 0);
}

static void test_protocol_error_drops(void **state)
{
	struct bench *b = *state;
	struct node *a = open_node(b, 0, NULL);
	struct raw *r = raw_new(b, a);

	a->complain = true;
	raw_go(r, a);
	WAIT(b, a->up == 1);
	raw_send(r, BASE_LENGTH, "\xc0", 1);
	WAIT(b, r->reason >= 0 && a->down == 1);
	assert_int_equal(r->reason, DISCONNECT_SUBPROTOCOL);
	assert_string_equal(a->why, "the test complains");
}

static void test_wrong_key_dialed(void **state)
{
	struct bench *b = *state;
	struct node *a = open_node(b, 0, NULL), *c = open_node(b, 1, NULL);
	struct enode wrong = *p2p_self(c->p2p);
	struct secp_key other;

	secp_key_new(&other);
	memcpy(wrong.public, other.public, SECP_PUBLIC_BYTES);
	must(p2p_add_static(a->p2p, enode_format(b->ctx, &wrong)));
	WAIT(b, counters(c).handshake_failed >= 2 && counters(a).handshake_failed >= 2); /* and tries again */
	assert_int_equal(a->up + c->up, 0);
	must(p2p_remove_static(a->p2p, enode_format(b->ctx, &wrong)));
}

static void test_never_dials_itself(void **state)
{
	struct bench *b = *state;
	struct node *a = open_node(b, 0, NULL);
	struct error *e;

	must(p2p_add_static(a->p2p, a->url));
	run_for(b, 600);
	assert_int_equal(counters(a).dialed, 0);
	e = p2p_add_static(a->p2p, "enode://12@127.0.0.1:1");
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_INVALID);
	error_free(e);
}

static void test_too_many_and_trusted(void **state)
{
	struct bench *b = *state;
	struct p2p_options o = {.udp_port = -1, .max_peers = 2};
	struct node *a = open_node(b, 0, &o);
	struct raw *r[3], *trusted = raw_new(b, a), *late;
	struct enode url = {.host = "127.0.0.1", .tcp = 1, .udp = 1};

	memcpy(url.public, trusted->key.public, SECP_PUBLIC_BYTES);
	must(p2p_add_trusted(a->p2p, enode_format(b->ctx, &url)));
	for (int i = 0; i < 2; i++) {
		r[i] = raw_new(b, a);
		raw_go(r[i], a);
	}
	WAIT(b, a->up == 2);
	r[2] = raw_new(b, a);
	raw_go(r[2], a);
	WAIT(b, r[2]->reason >= 0);
	assert_int_equal(r[2]->reason, DISCONNECT_TOO_MANY);
	assert_false(r[2]->got_hello);
	raw_go(trusted, a);
	WAIT(b, a->up == 3);
	assert_true(p2p_trusted(a->peer));
	/* Trusted ones take nobody's place. */
	mem_free(r[0]);
	WAIT(b, a->down == 1);
	late = raw_new(b, a);
	raw_go(late, a);
	WAIT(b, a->up == 4);
	must(p2p_remove_trusted(a->p2p, enode_format(b->ctx, &url)));
	assert_false(p2p_trusted(p2p_find_peer(a->p2p, trusted->key.public)));
}

static void test_dialed_ones_take_places_too(void **state)
{
	struct bench *b = *state;
	struct p2p_options o = {.udp_port = -1, .max_peers = 1};
	struct node *a = open_node(b, 0, &o), *c = open_node(b, 1, NULL), *d = open_node(b, 2, NULL);
	struct raw *r = raw_new(b, a);

	connect_nodes(b, a, c);
	raw_go(r, a);
	WAIT(b, r->reason >= 0);
	assert_int_equal(r->reason, DISCONNECT_TOO_MANY);
	/* What the operator wishes goes beyond. */
	must(p2p_add_static(a->p2p, d->url));
	WAIT(b, a->up == 2);
}

static void test_static_comes_back(void **state)
{
	struct bench *b = *state;
	struct node *a = open_node(b, 0, NULL), *c = open_node(b, 1, NULL);
	int port = p2p_self(c->p2p)->tcp;

	connect_nodes(b, a, c);
	stop_node(b, c);
	WAIT(b, a->down == 1);
	WAIT(b, counters(a).dial_failed >= 1);
	open_at(b, 1, NULL, port);
	WAIT(b, a->up == 2 && c->up == 2);
	/* Until it is no longer wanted. */
	must(p2p_remove_static(a->p2p, c->url));
	WAIT(b, a->down == 2 && c->down == 2);
	assert_int_equal(counters(c).disconnects[DISCONNECT_REQUESTED], 1);
	run_for(b, 800);
	assert_int_equal(a->up, 2);
}

static void test_dials_a_name(void **state)
{
	struct bench *b = *state;
	struct node *a = open_node(b, 0, NULL), *c = open_node(b, 1, NULL);
	struct enode named = *p2p_self(c->p2p);

	/* Often ::1 first, where nobody listens: the next address is tried. */
	snprintf(named.host, sizeof(named.host), "localhost");
	must(p2p_add_static(a->p2p, enode_format(b->ctx, &named)));
	WAIT(b, a->up == 1 && c->up == 1);
}

static void test_silence_ends_it(void **state)
{
	struct bench *b = *state;
	struct p2p_options o = {.udp_port = -1, .frame_timeout_ms = 300};
	struct node *a = open_node(b, 0, &o), *c = open_node(b, 1, &o);
	struct raw *r = raw_new(b, a);

	connect_nodes(b, c, a);
	raw_go(r, a);
	WAIT(b, a->up == 2);
	WAIT(b, r->reason >= 0);
	assert_int_equal(r->reason, DISCONNECT_READ_TIMEOUT);
	assert_true(r->pings >= 1);
	WAIT(b, a->down == 1);
	/* Two that answer pings stay together. */
	run_for(b, 1000);
	assert_int_equal(a->down, 1);
	assert_int_equal(c->down, 0);
}

static void test_disconnect_from_a_callback_or_not(void **state)
{
	struct bench *b = *state;
	struct node *a = open_node(b, 0, NULL), *c = open_node(b, 1, NULL);
	struct error *e;
	struct p2p_peer *peer;

	connect_nodes(b, a, c);
	peer = a->peer;
	p2p_disconnect(peer, DISCONNECT_USELESS, "enough");
	assert_int_equal(a->down, 0); /* never from within */
	assert_int_equal(p2p_peer_count(a->p2p), 0);
	assert_null(p2p_next_peer(a->p2p, NULL));
	assert_null(p2p_next_peer(a->p2p, peer));
	e = p2p_send(peer, 1, "x", 1);
	assert_non_null(e);
	error_free(e);
	WAIT(b, a->down == 1 && c->down == 1);
	assert_string_equal(a->why, "enough");
	assert_int_equal(counters(c).disconnects[DISCONNECT_USELESS], 1);
}

static void expect_held(const struct node *n, const void *bytes, size_t len)
{
	assert_int_equal(n->held_bytes, len);
	assert_memory_equal(n->held, bytes, len);
}

/* One after the other, each for as long as it is worked on. */
static void test_messages_are_held(void **state)
{
	struct bench *b = *state;
	struct node *a = open_node(b, 0, NULL), *c = open_node(b, 1, NULL), *d = open_node(b, 2, NULL);
	uint8_t *large = mem_array(b->ctx, uint8_t, LARGE);

	c->hold = true;
	connect_nodes(b, a, c);
	memset(large, 7, LARGE);
	must(p2p_send(a->peer, 1, "first", 5));
	must(p2p_send(a->peer, 2, "second", 6));
	must(p2p_send(a->peer, 3, large, LARGE));
	WAIT(b, c->messages == 1);
	/* Others come and go meanwhile. */
	connect_nodes(b, d, c);
	p2p_disconnect(d->peer, DISCONNECT_USELESS, "enough");
	WAIT(b, c->down == 1);
	assert_int_equal(c->messages, 1);
	expect_held(c, "first", 5);
	struct p2p_peer *peer = p2p_next_peer(c->p2p, NULL);
	p2p_go_on(peer);
	WAIT(b, c->messages == 2);
	expect_held(c, "second", 6);
	p2p_go_on(peer);
	WAIT(b, c->messages == 3);
	expect_held(c, large, LARGE);
	c->hold = false;
	p2p_go_on(peer);
	p2p_go_on(peer); /* nothing: it does not wait */
	must(p2p_send(a->peer, 4, "last", 4));
	WAIT(b, c->messages == 4);
	assert_int_equal(c->last_code, 4);
	assert_int_equal(a->down, 0);
}

/* It has gone, or is sent away, while its message is held: valid until `down`, and nothing comes after it. */
static void test_end_while_held(void **state)
{
	struct bench *b = *state;
	struct node *a = open_node(b, 0, NULL), *c = open_node(b, 1, NULL);
	struct p2p_peer *peer;

	c->hold = true;
	connect_nodes(b, a, c);
	must(p2p_send(a->peer, 1, "first", 5));
	must(p2p_send(a->peer, 2, "second", 6));
	WAIT(b, c->messages == 1);
	p2p_disconnect(a->peer, DISCONNECT_USELESS, "enough");
	WAIT(b, a->down == 1);
	assert_int_equal(c->down, 0); /* what was sent before is taken before */
	peer = p2p_next_peer(c->p2p, NULL);
	p2p_go_on(peer);
	WAIT(b, c->messages == 2);
	p2p_disconnect(peer, DISCONNECT_USELESS, "enough");
	expect_held(c, "second", 6);
	p2p_go_on(peer);
	WAIT(b, c->down == 1);
	assert_int_equal(c->messages, 2);
	assert_string_equal(c->why, "enough");
}

static void test_garbage(void **state)
{
	struct bench *b = *state;
	struct node *a = open_node(b, 0, NULL), *c = open_node(b, 1, NULL);
	uint8_t bytes[3000];

	for (int i = 0; i < 30; i++) {
		struct raw *r = raw_new(b, a);

		r->quiet = true;
		raw_go(r, a);
		WAIT(b, r->connected);
		secp_key_new(&r->key); /* something random */
		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = r->key.public[k % SECP_PUBLIC_BYTES] + (uint8_t)k;
		if (i % 3 == 0)
			bytes[0] = 4; /* as the legacy form begins */
		if (i % 3 == 1)
			bytes[0] = 1, bytes[1] = 200; /* a plausible size */
		must(wire_write(r->wire, (char *)bytes, sizeof(bytes)));
		WAIT(b, r->closed);
	}
	assert_int_equal(counters(a).handshake_failed, 30);
	connect_nodes(b, c, a);
}

static void test_500_silent_connections(void **state)
{
	struct bench *b = *state;
	struct node *a = open_node(b, 0, NULL), *c = open_node(b, 1, NULL);
	struct raw *silent[500];
	int64_t began_ms = clock_mono_ms();
	size_t open = 0;

	for (int i = 0; i < 500; i++) {
		silent[i] = raw_new(b, a);
		silent[i]->quiet = true;
		raw_go(silent[i], a);
	}
	WAIT(b, counters(a).accepted == 500);
	assert_true(counters(a).refused >= 450);
	connect_nodes(b, c, a);
	assert_true(clock_mono_ms() - began_ms < 4000);
	run_for(b, 50);
	for (int i = 0; i < 500; i++)
		open += !silent[i]->closed;
	assert_true(open > 0 && open <= 50);
	/* Those that were left are shown out in time; the peer stays. */
	for (int i = 0; i < 500; i++)
		WAIT(b, silent[i]->closed);
	assert_true(clock_mono_ms() - began_ms >= 4000);
	assert_int_equal(a->down, 0);
}

/* Addresses are put on by hand: all of a test's connections come from loopback. */
static void test_one_address_crowds_out_nobody(void **state)
{
	struct bench *b = *state;
	struct p2p_options o = {.udp_port = -1, .max_pending = 10};
	struct node *a = open_node(b, 0, &o);
	struct raw *honest = raw_new(b, a), *r[30];
	struct p2p_peer *first, *oldest_of_crowd;
	size_t n = 0;

	honest->quiet = true;
	raw_go(honest, a);
	WAIT(b, counters(a).accepted == 1);
	first = a->p2p->first;
	memcpy(first->remote_endpoint.ip, (uint8_t[]){9, 9, 9, 9}, 4);
	for (int i = 0; i < 30; i++) {
		r[i] = raw_new(b, a);
		r[i]->quiet = true;
		raw_go(r[i], a);
	}
	WAIT(b, counters(a).accepted == 31);
	run_for(b, 100);
	assert_ptr_equal(a->p2p->first, first); /* the oldest, but not of the crowd */
	assert_int_equal(first->state, PEER_HANDSHAKE);
	assert_int_equal(counters(a).refused, 21);

	/* Half of the places at most for one address. */
	oldest_of_crowd = first->next;
	for (struct p2p_peer *q = first->next; q && n < 6; q = q->next, n++)
		memcpy(q->remote_endpoint.ip, (uint8_t[]){8, 8, 8, 8}, 4);
	admit_make_room(oldest_of_crowd->next);
	assert_int_equal(oldest_of_crowd->state, PEER_CLOSING);
	assert_int_equal(counters(a).refused, 22);
	admit_make_room(first);
	assert_int_equal(counters(a).refused, 22);
}

/* A frame of n bytes, all but the last of them; returns the rest. */
static struct buf *raw_send_part(struct raw *r, size_t n, size_t rest)
{
	struct buf *out = buf_new(r, 1 << 20);
	uint8_t *payload = mem_array(out, uint8_t, n);

	for (size_t i = 0; i < n; i++)
		payload[i] = r->b->noise[i % sizeof(r->b->noise)] ^ (uint8_t)(i / sizeof(r->b->noise) * 37);
	must(frames_write(r->frames, BASE_LENGTH, payload, n, out));
	must(wire_write(r->wire, out->data, out->len - rest));
	buf_consume(out, out->len - rest);
	return out;
}

static void test_unfinished_messages_are_bounded(void **state)
{
	struct bench *b = *state;
	struct p2p_options o = {.udp_port = -1, .unfinished_limit = 500000};
	struct node *a = open_node(b, 0, &o);
	struct raw *r[3];
	struct buf *rest;

	for (size_t i = 0; i < 3; i++) {
		r[i] = raw_new(b, a);
		r[i]->hello.version = 4; /* plain */
		raw_go(r[i], a);
		WAIT(b, r[i]->got_hello && p2p_peer_count(a->p2p) == i + 1);
	}
	rest = raw_send_part(r[0], 100000, 32);
	raw_send_part(r[1], 300000, 32);
	run_for(b, 100);
	assert_int_equal(counters(a).cuts[P2P_CUT_HOARD], 0);
	raw_send_part(r[2], 200000, 32);
	WAIT(b, r[1]->closed); /* who holds most goes */
	run_for(b, 100);
	assert_false(r[0]->closed || r[2]->closed);
	assert_int_equal(counters(a).cuts[P2P_CUT_HOARD], 1);
	assert_int_equal(a->messages, 0);
	must(wire_write(r[0]->wire, rest->data, rest->len));
	WAIT(b, a->messages == 1);
}

static void test_25_nodes_by_bootnode(void **state)
{
	struct bench *b = *state;
	struct p2p_options boot = {.max_peers = 50}, o = {.max_peers = 50};
	const char *bootnodes[] = {open_node(b, 0, &boot)->url, NULL};
	int64_t began_ms = clock_mono_ms();
	size_t fewest;

	o.bootnodes = bootnodes;
	for (size_t i = 1; i < 25; i++)
		open_node(b, i, &o);
	do {
		fewest = 100;
		uv_run(&b->loop, UV_RUN_ONCE);
		for (size_t i = 0; i < 25; i++) {
			size_t n = p2p_peer_count(b->nodes[i].p2p);

			fewest = n < fewest ? n : fewest;
		}
	} while (fewest < 6 && clock_mono_ms() - began_ms < DEADLINE_MS);
	print_message("25 nodes: each has 6 peers after %d ms\n", (int)(clock_mono_ms() - began_ms));
	assert_true(fewest >= 6);
	assert_true(counters(&b->nodes[3]).known_nodes >= 6);
}

static void test_bad_options(void **state)
{
	struct bench *b = *state;
	struct node *n = &b->nodes[0];
	struct p2p_protocol protocol = protocol_of(n);
	const char *bad[] = {"enode://nonsense", NULL};
	struct p2p_options o = {.key = &n->key, .client = "x", .listen_address = "127.0.0.1", .bootnodes = bad};
	struct error *e;

	secp_key_new(&n->key);
	e = p2p_open(b->ctx, &b->loop, &o, &protocol, &n->p2p);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_INVALID);
	error_free(e);
	o.bootnodes = NULL;
	o.listen_address = "no address";
	e = p2p_open(b->ctx, &b->loop, &o, &protocol, &n->p2p);
	assert_non_null(e);
	error_free(e);
	struct node *other = open_node(b, 1, NULL);
	o.listen_address = "127.0.0.1";
	o.udp_port = -1;
	o.port = p2p_self(other->p2p)->tcp;
	e = p2p_open(b->ctx, &b->loop, &o, &protocol, &n->p2p);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_EXISTS);
	error_free(e);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_messages_both_ways),
		TEST(test_too_large_for_a_frame),
		TEST(test_water_marks),
		TEST(test_stop_tells),
		TEST(test_both_dial),
		TEST(test_remote_keeps_the_second),
		TEST(test_second_is_refused_in_time),
		TEST(test_held_until_ours_is_up),
		TEST(test_held_goes_on_when_ours_fails),
		TEST(test_refused_hellos),
		TEST(test_plain_before_version_5),
		TEST(test_message_before_hello),
		TEST(test_protocol_error_drops),
		TEST(test_wrong_key_dialed),
		TEST(test_never_dials_itself),
		TEST(test_too_many_and_trusted),
		TEST(test_dialed_ones_take_places_too),
		TEST(test_static_comes_back),
		TEST(test_dials_a_name),
		TEST(test_silence_ends_it),
		TEST(test_disconnect_from_a_callback_or_not),
		TEST(test_messages_are_held),
		TEST(test_end_while_held),
		TEST(test_garbage),
		TEST(test_500_silent_connections),
		TEST(test_one_address_crowds_out_nobody),
		TEST(test_unfinished_messages_are_bounded),
		TEST(test_25_nodes_by_bootnode),
		TEST(test_bad_options),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
