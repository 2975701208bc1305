/* Whole Whisper nodes in one process, joined over loopback: forwarding, what peers ask for, direct messages, refusals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "whisper/bloom.h"
#include "whisper/node.h"
#include "whisper/packet.h"
#include "whisper/pool.h"

#define NODES 3
#define DEADLINE_MS 20000
#define TTL 50

static const uint8_t topic_a[TOPIC_BYTES] = {0xaa, 0xbb, 0xcc, 0x01};
static const uint8_t topic_b[TOPIC_BYTES] = {0x11, 0x22, 0x33, 0x02};
static const uint8_t sym_key[SYM_KEY_BYTES] = {1, 2, 3};

struct inbox {
	size_t count;
	char last[64];
	bool is_signed;
	uint8_t signer[SECP_PUBLIC_BYTES];
	uint8_t hash[ENVELOPE_HASH_BYTES];
};

struct node {
	struct secp_key key;
	struct shh *shh;
	struct inbox inbox;
	char *enode;
};

struct net {
	uv_loop_t loop;
	void *ctx;
	struct node nodes[NODES];
	size_t posted, failed;
	char failure[200];
	uint8_t hash[ENVELOPE_HASH_BYTES];
	size_t stopped;
};

typedef bool condition_fn(struct net *n);

static void wake_up(void *arg)
{
	(void)arg;
}

static void wait_until(struct net *n, condition_fn *condition)
{
	int64_t until = clock_mono_ms() + DEADLINE_MS;
	struct timer *wake = timer_start(n->ctx, &n->loop, 10, 10, wake_up, NULL);

	while (!condition(n)) {
		assert_true(clock_mono_ms() < until);
		uv_run(&n->loop, UV_RUN_ONCE);
	}
	mem_free(wake);
}

static void open_node(struct net *n, size_t i, const struct shh_options *like, const char *peer)
{
	struct node *node = &n->nodes[i];
	struct shh_options options = *like;
	const char *peers[] = {peer, NULL};

	secp_key_new(&node->key);
	options.p2p.key = &node->key;
	options.p2p.client = "dsn/test";
	options.p2p.listen_address = "127.0.0.1";
	options.p2p.udp_port = -1;
	options.p2p.static_peers = peer ? peers : NULL;
	options.mining_threads = 1;
	assert_null(shh_open(n->ctx, &n->loop, &options, &node->shh));
	node->enode = enode_format(n->ctx, p2p_self(shh_p2p(node->shh)));
}

static void on_message(struct whisper_message *m, void *arg)
{
	struct inbox *in = arg;
	size_t len = m->payload.payload_bytes < 63 ? m->payload.payload_bytes : 63;

	in->count++;
	memcpy(in->last, m->payload.payload, len);
	in->last[len] = 0;
	in->is_signed = m->payload.is_signed;
	memcpy(in->signer, m->payload.signer, SECP_PUBLIC_BYTES);
	memcpy(in->hash, m->envelope->hash, sizeof(in->hash));
}

static void listen_sym(struct net *n, size_t i, bool direct)
{
	struct filter_options options = {
		.sym_key = sym_key,
		.topics = &topic_a,
		.topic_count = 1,
		.allow_direct = direct,
		.message = on_message,
		.arg = &n->nodes[i].inbox,
	};

	filter_add(shh_filters(n->nodes[i].shh), &options);
}

static void on_posted(struct error *e, const uint8_t *hash, void *arg)
{
	struct net *n = arg;

	n->posted++;
	n->failure[0] = 0;
	if (e) {
		n->failed++;
		strncpy(n->failure, e->message, sizeof(n->failure) - 1);
	} else {
		memcpy(n->hash, hash, sizeof(n->hash));
	}
	error_free(e);
}

static bool is_posted(struct net *n)
{
	return n->posted > 0;
}

static struct shh_post plain_post(const char *text)
{
	struct shh_post post = {
		.sym_key = sym_key,
		.ttl = TTL,
		.payload = (const uint8_t *)text,
		.payload_bytes = strlen(text),
		.pow_target = 0.2,
		.pow_time = 10,
	};

	memcpy(post.topic, topic_a, TOPIC_BYTES);
	return post;
}

static void post(struct net *n, size_t i, const struct shh_post *p)
{
	n->posted = 0;
	shh_post(n->nodes[i].shh, n->ctx, p, on_posted, n);
	wait_until(n, is_posted);
}

static void check_refused(struct error *e, const char *says)
{
	assert_non_null(e);
	assert_non_null(strstr(e->message, says));
	error_free(e);
}

static void post_text(struct net *n, size_t i, const char *text)
{
	struct shh_post p = plain_post(text);

	post(n, i, &p);
	assert_string_equal(n->failure, "");
}

static bool line_is_up(struct net *n)
{
	return p2p_peer_count(shh_p2p(n->nodes[0].shh)) == 1 && p2p_peer_count(shh_p2p(n->nodes[1].shh)) == 2 &&
	       p2p_peer_count(shh_p2p(n->nodes[2].shh)) == 1;
}

/* 0 - 1 - 2 */
static void open_line(struct net *n, const struct shh_options *options)
{
	open_node(n, 1, options, NULL);
	open_node(n, 0, options, n->nodes[1].enode);
	open_node(n, 2, options, n->nodes[1].enode);
	wait_until(n, line_is_up);
}

static int setup(void **state)
{
	struct net *n = mem_new(NULL, struct net);

	uv_loop_init(&n->loop);
	n->ctx = mem_strdup(n, "nodes");
	*state = n;
	return 0;
}

static void on_stopped(void *arg)
{
	((struct net *)arg)->stopped++;
}

static bool all_stopped(struct net *n)
{
	size_t open = 0;

	for (size_t i = 0; i < NODES; i++)
		open += n->nodes[i].shh != NULL;
	return n->stopped == open;
}

static int teardown(void **state)
{
	struct net *n = *state;

	for (size_t i = 0; i < NODES; i++) {
		if (n->nodes[i].shh)
			shh_stop(n->nodes[i].shh, on_stopped, n);
	}
	wait_until(n, all_stopped);
	mem_free(n->ctx);
	loop_drain(&n->loop);
	assert_int_equal(uv_loop_close(&n->loop), 0);
	mem_free(n);
	return 0;
}

static const struct shh_options defaults = {.min_pow = -1};
static const struct shh_options hard = {.min_pow = 1e6};

static bool far_got_one(struct net *n)
{
	return n->nodes[2].inbox.count == 1 && n->nodes[0].inbox.count == 1;
}

static void a_message_crosses_two_hops(void **state)
{
	struct net *n = *state;
	struct shh_counters middle;
	struct shh_post p = plain_post("over two hops");

	open_line(n, &defaults);
	listen_sym(n, 0, false);
	listen_sym(n, 2, false);
	p.sign = &n->nodes[0].key;
	post(n, 0, &p);
	wait_until(n, far_got_one); /* who posts gets its own, too */
	assert_string_equal(n->nodes[2].inbox.last, "over two hops");
	assert_true(n->nodes[2].inbox.is_signed);
	assert_memory_equal(n->nodes[2].inbox.signer, n->nodes[0].key.public, SECP_PUBLIC_BYTES);
	assert_memory_equal(n->nodes[2].inbox.hash, n->hash, ENVELOPE_HASH_BYTES);
	/* It came from the left and went to the right, and nowhere back. */
	shh_count(n->nodes[1].shh, &middle);
	assert_int_equal(middle.received, 1);
	assert_int_equal(middle.sent, 1);
	assert_int_equal(middle.duplicates, 0);
}

static bool far_got_hundred(struct net *n)
{
	return n->nodes[2].inbox.count == 100;
}

static void nothing_is_lost_or_doubled(void **state)
{
	struct net *n = *state;
	struct shh_counters c;

	open_line(n, &defaults);
	listen_sym(n, 2, false);
	for (int i = 0; i < 100; i++) {
		struct shh_post p = plain_post("one of many");

		shh_post(n->nodes[0].shh, n->ctx, &p, on_posted, n);
	}
	wait_until(n, far_got_hundred);
	shh_count(n->nodes[2].shh, &c);
	assert_int_equal(c.received, 100);
	assert_int_equal(pool_count(shh_pool(n->nodes[2].shh)), 100);
}

static bool far_has_all(struct net *n)
{
	return pool_count(shh_pool(n->nodes[2].shh)) == pool_count(shh_pool(n->nodes[0].shh));
}

static void who_comes_later_gets_what_lives(void **state)
{
	struct net *n = *state;

	open_node(n, 1, &defaults, NULL);
	open_node(n, 0, &defaults, n->nodes[1].enode);
	post_text(n, 0, "before you came");
	post_text(n, 0, "and this");
	open_node(n, 2, &defaults, n->nodes[1].enode);
	wait_until(n, far_has_all);
	assert_int_equal(pool_count(shh_pool(n->nodes[2].shh)), 2);
}

static bool middle_has_one(struct net *n)
{
	return pool_count(shh_pool(n->nodes[1].shh)) == 1;
}

static bool middle_has_two(struct net *n)
{
	return pool_count(shh_pool(n->nodes[1].shh)) == 2;
}

static void a_peers_work_requirement_is_kept(void **state)
{
	struct net *n = *state;
	struct shh_options picky = {.min_pow = 4};
	struct shh_post strong = plain_post("more work");
	struct shh_counters c;

	open_node(n, 1, &picky, NULL);
	open_node(n, 0, &defaults, n->nodes[1].enode);
	open_node(n, 2, &defaults, n->nodes[1].enode);
	wait_until(n, line_is_up);
	post_text(n, 0, "little work");
	strong.pow_target = 5;
	post(n, 0, &strong);
	wait_until(n, middle_has_one);
	shh_count(n->nodes[1].shh, &c);
	assert_int_equal(c.received, 1); /* the weak one was not even sent */
	/* It lowers its requirement: what waits in the pool comes after all. */
	assert_null(shh_set_min_pow(n->nodes[1].shh, 0.1));
	wait_until(n, middle_has_two);
	shh_count(n->nodes[1].shh, &c);
	assert_int_equal(c.received, 2);
}

static void a_peers_bloom_is_kept(void **state)
{
	struct net *n = *state;
	uint8_t bloom[BLOOM_BYTES] = {0};
	struct shh_post other = plain_post("of another topic");
	struct shh_counters c;

	open_line(n, &defaults);
	bloom_add(bloom, topic_a);
	check_refused(shh_set_bloom(n->nodes[1].shh, bloom, 63), "invalid bloom filter size: 63");
	assert_null(shh_set_bloom(n->nodes[1].shh, bloom, BLOOM_BYTES));
	/* Its packet goes before anything it forwards: once this one is there, so is the bloom. */
	post_text(n, 1, "after the bloom");
	wait_until(n, far_has_all);
	memcpy(other.topic, topic_b, TOPIC_BYTES);
	post(n, 0, &other);
	post_text(n, 0, "of this topic");
	wait_until(n, middle_has_two);
	shh_count(n->nodes[1].shh, &c);
	assert_int_equal(c.received, 1);
}

static bool middle_got_direct(struct net *n)
{
	return n->nodes[1].inbox.count == 1;
}

static void direct_messages_need_trust(void **state)
{
	struct net *n = *state;
	struct shh_post p = plain_post("straight to you");
	struct shh_counters c;

	open_line(n, &defaults);
	listen_sym(n, 1, true);
	p.pow_target = 0;
	p.target_peer = n->nodes[1].enode;
	post(n, 0, &p); /* not trusted: dropped without a word */
	assert_string_equal(n->failure, "");
	assert_null(shh_trust_peer(n->nodes[1].shh, n->nodes[0].enode));
	post(n, 0, &p);
	wait_until(n, middle_got_direct);
	assert_string_equal(n->nodes[1].inbox.last, "straight to you");
	shh_count(n->nodes[1].shh, &c);
	assert_int_equal(c.direct_in, 1);
	assert_int_equal(pool_count(shh_pool(n->nodes[1].shh)), 0); /* neither kept nor passed on */
	p.target_peer = n->nodes[2].enode;                          /* no peer of node 0 */
	post(n, 0, &p);
	assert_non_null(strstr(n->failure, "could not find peer with ID: "));
	p.target_peer = "enode://nothing";
	post(n, 0, &p);
	assert_non_null(strstr(n->failure, "failed to parse target peer: "));
}

static void posts_are_refused_as_geth_does(void **state)
{
	struct net *n = *state;
	struct shh_post p = plain_post("x");

	open_node(n, 0, &defaults, NULL);
	p.pow_target = 0.1;
	post(n, 0, &p);
	assert_string_equal(n->failure, "message rejected, PoW too low");
	p.pow_target = 0.2;
	p.pow_time = 0;
	post(n, 0, &p);
	assert_string_equal(n->failure,
			    "failed to reach the PoW target, specified pow time (0 seconds) was insufficient");
	p.pow_time = 10;
	assert_null(shh_set_max_message(n->nodes[0].shh, 100));
	post(n, 0, &p);
	assert_non_null(strstr(n->failure, "huge messages are not allowed ["));
	check_refused(shh_set_max_message(n->nodes[0].shh, 10485761), "message size too large [10485761>10485760]");
	check_refused(shh_set_min_pow(n->nodes[0].shh, -1), "invalid PoW: -1.000000");
}

/* An envelope made by hand, with `ahead` seconds on the sender's clock. */
static struct envelope *envelope_at(int64_t ahead, uint32_t ttl)
{
	uint8_t data[64] = {7};
	uint32_t expiry = (uint32_t)(clock_wall_ms() / 1000 + ahead) + ttl;

	return envelope_new(expiry, ttl, topic_a, data, sizeof(data), (uint64_t)ahead + 1000000);
}

static void check_submit(struct shh *shh, struct envelope *e, const char *says)
{
	struct error *err = shh_submit(shh, e);

	if (!says) {
		assert_null(err);
	} else {
		assert_non_null(err);
		assert_non_null(strstr(err->message, says));
	}
	error_free(err);
	envelope_unref(e);
}

static void clocks_may_differ_a_little(void **state)
{
	struct net *n = *state;
	struct shh_options lenient = {.min_pow = 0};
	struct shh_counters c;
	struct envelope *twice;

	open_node(n, 0, &lenient, NULL);
	check_submit(n->nodes[0].shh, envelope_at(0, 20), NULL);
	check_submit(n->nodes[0].shh, envelope_at(8, 20), NULL);
	check_submit(n->nodes[0].shh, envelope_at(30, 20), "envelope created in the future");
	check_submit(n->nodes[0].shh, envelope_at(-30, 20), "expired message");
	check_submit(n->nodes[0].shh, envelope_at(-60, 20), "very old message");
	twice = envelope_at(1, 20);
	check_submit(n->nodes[0].shh, envelope_ref(twice), NULL);
	check_submit(n->nodes[0].shh, twice, NULL);
	shh_count(n->nodes[0].shh, &c);
	assert_int_equal(c.accepted, 3);
	assert_int_equal(c.duplicates, 1);
	assert_int_equal(c.refused[SHH_FUTURE], 1);
	assert_int_equal(c.refused[SHH_OLD], 2);
}

static bool expired(struct net *n)
{
	return pool_count(shh_pool(n->nodes[0].shh)) == 0;
}

static void what_expires_leaves_the_pool(void **state)
{
	struct net *n = *state;
	struct shh_options lenient = {.min_pow = 0};

	open_node(n, 0, &lenient, NULL);
	check_submit(n->nodes[0].shh, envelope_at(0, 1), NULL);
	assert_int_equal(pool_count(shh_pool(n->nodes[0].shh)), 1);
	wait_until(n, expired);
}

static bool middle_has_counted(struct net *n)
{
	struct shh_counters c;

	shh_count(n->nodes[1].shh, &c);
	return c.received == 100;
}

static void a_flooding_peer_is_held_back(void **state)
{
	struct net *n = *state;
	struct shh_options limited = {.min_pow = -1, .peer_envelopes_per_s = 10};
	struct shh_counters c;

	open_node(n, 1, &limited, NULL);
	open_node(n, 0, &defaults, n->nodes[1].enode);
	open_node(n, 2, &defaults, n->nodes[1].enode);
	wait_until(n, line_is_up);
	for (int i = 0; i < 100; i++) {
		struct shh_post p = plain_post("flood");

		shh_post(n->nodes[0].shh, n->ctx, &p, on_posted, n);
	}
	wait_until(n, middle_has_counted);
	shh_count(n->nodes[1].shh, &c);
	assert_true(c.accepted >= 10);
	assert_int_equal(c.accepted + c.refused[SHH_RATE], 100);
	assert_true(c.refused[SHH_RATE] > 0);
	assert_int_equal(p2p_peer_count(shh_p2p(n->nodes[1].shh)), 2); /* and kept */
}

static bool ends_have_all(struct net *n)
{
	return pool_count(shh_pool(n->nodes[1].shh)) == 2 && pool_count(shh_pool(n->nodes[2].shh)) == 1 &&
	       n->nodes[1].inbox.count == 2;
}

static void a_light_node_passes_nothing_on(void **state)
{
	struct net *n = *state;
	struct shh_options light = {.min_pow = -1, .light = true};

	open_node(n, 1, &light, NULL);
	open_node(n, 0, &defaults, n->nodes[1].enode);
	open_node(n, 2, &defaults, n->nodes[1].enode);
	listen_sym(n, 1, false);
	wait_until(n, line_is_up);
	post_text(n, 0, "for the light one");
	wait_until(n, middle_has_one);
	post_text(n, 1, "its own");
	wait_until(n, ends_have_all);
	assert_string_equal(n->nodes[1].inbox.last, "its own");
}

/* --- a peer that speaks shh/6 badly --- */

struct rude {
	struct p2p *p2p;
	struct secp_key key;
	uint64_t code;
	const char *payload;
	size_t payload_bytes;
	bool status_first, is_down;
};

static void *rude_up(struct p2p_peer *peer, void *arg)
{
	static const uint8_t status[] = {0xc4, 0x06, 0x80, 0x80, 0x80};
	struct rude *r = arg;

	if (r->status_first)
		error_free(p2p_send(peer, SHH_STATUS, status, sizeof(status)));
	error_free(p2p_send(peer, r->code, r->payload, r->payload_bytes));
	return r;
}

static struct error *rude_message(struct p2p_peer *peer, uint64_t code, const uint8_t *payload, size_t n, void *arg)
{
	(void)peer, (void)code, (void)payload, (void)n, (void)arg;
	return NULL;
}

static void rude_down(struct p2p_peer *peer, const struct error *why, void *arg)
{
	(void)peer, (void)why;
	((struct rude *)arg)->is_down = true;
}

static struct rude *the_rude;

static bool rude_is_dropped(struct net *n)
{
	(void)n;
	return the_rude->is_down;
}

static uint64_t malformed(const struct net *n)
{
	struct shh_counters c;

	shh_count(n->nodes[0].shh, &c);
	return c.refused[SHH_MALFORMED];
}

static void check_dropped(struct net *n, bool status_first, uint64_t code, const char *payload, size_t payload_bytes)
{
	struct rude r = {
		.code = code, .payload = payload, .payload_bytes = payload_bytes, .status_first = status_first};
	struct p2p_protocol protocol = {"shh",        SHH_VERSION, SHH_LENGTH, 65536, rude_up,
					rude_message, NULL,        rude_down,  &r};
	const char *peers[] = {n->nodes[0].enode, NULL};
	uint64_t before = malformed(n);
	struct p2p_options options = {.client = "rude", .udp_port = -1, .static_peers = peers};

	secp_key_new(&r.key);
	options.key = &r.key;
	assert_null(p2p_open(n->ctx, &n->loop, &options, &protocol, &r.p2p));
	the_rude = &r;
	wait_until(n, rude_is_dropped);
	assert_true(malformed(n) > before);
	mem_free(r.p2p);
}

static void malformed_packets_drop_their_sender(void **state)
{
	struct net *n = *state;

	open_node(n, 0, &defaults, NULL);
	check_dropped(n, false, SHH_MESSAGES, "\xc0", 1);               /* before the status */
	check_dropped(n, false, SHH_STATUS, "\xc1\x05", 2);             /* version 5 */
	check_dropped(n, false, SHH_STATUS, "\x80", 1);                 /* no list */
	check_dropped(n, true, SHH_MESSAGES, "\x80", 1);                /* no list */
	check_dropped(n, true, SHH_MESSAGES, "\xc2\xc1\x01", 3);        /* an envelope of one element */
	check_dropped(n, true, SHH_POW, "\x88\x7f\xf0\0\0\0\0\0\0", 9); /* infinite */
	check_dropped(n, true, SHH_BLOOM, "\x80", 1);                   /* empty */
}

#define MANY 5000

/* More than a slice's worth of envelopes, none with the work it needs; `tail` is the last item. */
static struct rlp_writer many_envelopes(struct net *n, const char *tail, size_t tail_bytes)
{
	struct rlp_writer w;

	rlp_writer_init(&w, n->ctx);
	rlp_list_begin(&w);
	for (uint64_t i = 0; i < MANY; i++) {
		struct envelope *e = envelope_new((uint32_t)(clock_wall_ms() / 1000) + TTL, TTL, topic_a,
						  (const uint8_t *)&i, sizeof(i), i);

		rlp_write_raw(&w, e->raw, e->raw_bytes);
		envelope_unref(e);
	}
	rlp_write_raw(&w, (const uint8_t *)tail, tail_bytes);
	rlp_list_end(&w);
	return w;
}

static struct shh_counters counters(const struct net *n)
{
	struct shh_counters c;

	shh_count(n->nodes[0].shh, &c);
	return c;
}

static void a_breach_in_a_later_slice_drops_its_sender(void **state)
{
	struct net *n = *state;
	struct rlp_writer w = many_envelopes(n, "\xc1\x01", 2);

	open_node(n, 0, &hard, NULL);
	check_dropped(n, true, SHH_MESSAGES, (const char *)w.data, w.len);
	assert_int_equal(counters(n).received, MANY + 1);
	assert_int_equal(counters(n).refused[SHH_LOW_POW], MANY);
}

static bool has_begun(struct net *n)
{
	return counters(n).received > 0;
}

static bool nobody_is_left(struct net *n)
{
	return !p2p_next_peer(shh_p2p(n->nodes[0].shh), NULL) && the_rude->is_down;
}

/* A sender whose packet is worked off, right after the first slice. */
static struct rude *in_the_middle(struct net *n)
{
	struct rude *r = mem_new(n->ctx, struct rude);
	struct rlp_writer w = many_envelopes(n, "", 0);
	struct p2p_protocol protocol = {"shh",        SHH_VERSION, SHH_LENGTH, 65536, rude_up,
					rude_message, NULL,        rude_down,  r};
	const char *peers[] = {NULL, NULL};
	struct p2p_options options = {.client = "rude", .udp_port = -1, .static_peers = peers};

	open_node(n, 0, &hard, NULL);
	peers[0] = n->nodes[0].enode;
	*r = (struct rude){
		.code = SHH_MESSAGES, .payload = (const char *)w.data, .payload_bytes = w.len, .status_first = true};
	secp_key_new(&r->key);
	options.key = &r->key;
	assert_null(p2p_open(n->ctx, &n->loop, &options, &protocol, &r->p2p));
	the_rude = r;
	wait_until(n, has_begun);
	assert_true(counters(n).received < MANY);
	return r;
}

static bool all_is_received(struct net *n)
{
	return counters(n).received == MANY;
}

static void a_large_packet_is_worked_off_in_slices(void **state)
{
	struct net *n = *state;

	in_the_middle(n);
	wait_until(n, all_is_received);
	assert_int_equal(counters(n).refused[SHH_LOW_POW], MANY);
	assert_int_equal(p2p_peer_count(shh_p2p(n->nodes[0].shh)), 1);
}

static void a_sender_is_sent_away_between_slices(void **state)
{
	struct net *n = *state;
	struct rude *r = in_the_middle(n);

	p2p_disconnect(p2p_next_peer(shh_p2p(n->nodes[0].shh), NULL), DISCONNECT_USELESS, "enough");
	wait_until(n, nobody_is_left);
	assert_true(counters(n).received < MANY);
	mem_free(r->p2p);
}

static void a_node_is_freed_between_slices(void **state)
{
	struct net *n = *state;

	in_the_middle(n);
	mem_free(n->nodes[0].shh);
	n->nodes[0].shh = NULL;
}

struct watcher {
	size_t count;
	uint8_t data[64], hash[ENVELOPE_HASH_BYTES];
	size_t data_bytes;
};

static void on_envelope(const struct envelope *e, void *arg)
{
	struct watcher *w = arg;

	w->count++;
	w->data_bytes = e->data_bytes;
	memcpy(w->data, e->data, e->data_bytes < sizeof(w->data) ? e->data_bytes : sizeof(w->data));
	memcpy(w->hash, e->hash, sizeof(w->hash));
}

static struct watcher watchers[NODES];

static bool all_watchers_got(struct net *n)
{
	(void)n;
	return watchers[0].count == 1 && watchers[1].count == 1 && watchers[2].count == 1;
}

static struct shh_post ready_post(const char *data)
{
	struct shh_post post = {.ttl = TTL,
				.data = (const uint8_t *)data,
				.data_bytes = strlen(data),
				.pow_target = 0.2,
				.pow_time = 10};

	memcpy(post.topic, topic_a, TOPIC_BYTES);
	return post;
}

/* What is sealed already goes as it is, and comes raw, also at home; other topics do not. */
static void test_ready_data_and_watches(void **state)
{
	struct net *n = *state;
	struct shh_options options = {.min_pow = 0.2};
	struct shh_post post_a = ready_post("ready made");
	struct shh_watch *watch;

	memset(watchers, 0, sizeof(watchers));
	open_line(n, &options);
	for (size_t i = 0; i < NODES; i++)
		shh_watch(n->nodes[i].shh, n->ctx, &topic_a, 1, on_envelope, &watchers[i]);
	post(n, 0, &post_a);
	assert_string_equal(n->failure, "");
	wait_until(n, all_watchers_got);
	for (size_t i = 0; i < NODES; i++) {
		assert_int_equal(watchers[i].data_bytes, 10);
		assert_memory_equal(watchers[i].data, "ready made", 10);
		assert_memory_equal(watchers[i].hash, n->hash, ENVELOPE_HASH_BYTES);
	}
	memcpy(post_a.topic, topic_b, TOPIC_BYTES);
	post(n, 0, &post_a);
	assert_int_equal(watchers[0].count, 1);

	/* One that comes later gets what lives, once; one that has gone gets nothing. */
	memset(watchers, 0, sizeof(watchers));
	watch = shh_watch(n->nodes[2].shh, n->ctx, &topic_a, 1, on_envelope, &watchers[0]);
	assert_int_equal(watchers[0].count, 0);
	mem_free(watch);
	shh_watch(n->nodes[2].shh, n->ctx, &topic_a, 1, on_envelope, &watchers[1]);
	post_a = ready_post("another");
	post(n, 2, &post_a);
	assert_int_equal(watchers[0].count, 0);
	assert_int_equal(watchers[1].count, 2);
}

/* A light node asks for what is watched. */
static void test_watch_of_a_light_node(void **state)
{
	struct net *n = *state;
	struct shh_options full = {.min_pow = 0.2}, light = {.min_pow = 0.2, .light = true};
	struct shh_post post_a = ready_post("for the light one");

	memset(watchers, 0, sizeof(watchers));
	watchers[1].count = watchers[2].count = 1;
	open_node(n, 0, &full, NULL);
	open_node(n, 1, &light, n->nodes[0].enode);
	listen_sym(n, 1, false); /* else it would ask for everything */
	shh_watch(n->nodes[1].shh, n->ctx, &topic_b, 1, on_envelope, &watchers[0]);
	memcpy(post_a.topic, topic_b, TOPIC_BYTES);
	post(n, 0, &post_a);
	wait_until(n, all_watchers_got);
}

static size_t peers_told;

static void on_peers(size_t count, void *arg)
{
	(void)arg;
	peers_told = count;
}

static bool one_is_told(struct net *n)
{
	(void)n;
	return peers_told == 1;
}

static bool none_is_told(struct net *n)
{
	(void)n;
	return peers_told == 0;
}

static void test_peers_are_told(void **state)
{
	struct net *n = *state;
	struct shh_options options = {.min_pow = 0.2};

	peers_told = 0;
	open_node(n, 0, &options, NULL);
	shh_on_peers(n->nodes[0].shh, on_peers, NULL);
	open_node(n, 1, &options, n->nodes[0].enode);
	wait_until(n, one_is_told);
	assert_int_equal(shh_peer_count(n->nodes[0].shh), 1);
	mem_free(n->nodes[1].shh);
	n->nodes[1].shh = NULL;
	wait_until(n, none_is_told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_message_crosses_two_hops, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_lost_or_doubled, setup, teardown),
		cmocka_unit_test_setup_teardown(who_comes_later_gets_what_lives, setup, teardown),
		cmocka_unit_test_setup_teardown(a_peers_work_requirement_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(a_peers_bloom_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(direct_messages_need_trust, setup, teardown),
		cmocka_unit_test_setup_teardown(posts_are_refused_as_geth_does, setup, teardown),
		cmocka_unit_test_setup_teardown(clocks_may_differ_a_little, setup, teardown),
		cmocka_unit_test_setup_teardown(what_expires_leaves_the_pool, setup, teardown),
		cmocka_unit_test_setup_teardown(a_flooding_peer_is_held_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_light_node_passes_nothing_on, setup, teardown),
		cmocka_unit_test_setup_teardown(malformed_packets_drop_their_sender, setup, teardown),
		cmocka_unit_test_setup_teardown(a_breach_in_a_later_slice_drops_its_sender, setup, teardown),
		cmocka_unit_test_setup_teardown(a_large_packet_is_worked_off_in_slices, setup, teardown),
		cmocka_unit_test_setup_teardown(a_sender_is_sent_away_between_slices, setup, teardown),
		cmocka_unit_test_setup_teardown(a_node_is_freed_between_slices, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ready_data_and_watches, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watch_of_a_light_node, setup, teardown),
		cmocka_unit_test_setup_teardown(test_peers_are_told, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
