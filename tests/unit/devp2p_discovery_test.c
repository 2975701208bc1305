/* Discovery v4 over loopback: nodes that find each other, the dead leave, and a raw socket that breaks the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "crypto/keccak.h"
#include "crypto/secret.h"
#include "devp2p/address.h"
#include "devp2p/contact.h"
#include "devp2p/discovery.h"
#include "devp2p/discv4_packet.h"
#include "devp2p/table.h"

#define DEADLINE_MS 20000
#define NODES 40

struct node {
	struct discovery *discovery;
	struct secp_key key;
	int found;
};

struct bench {
	void *ctx;
	uv_loop_t loop;
	struct node nodes[NODES];
	const char *boot[2];
	/* The raw side. */
	int fd;
	struct secp_key key;
	struct discv4_endpoint endpoint;
	struct discv4_packet got[8];
	size_t got_count;
	bool silent; /* does not answer pings */
};

static void must(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static void on_beat(void *arg)
{
	(void)arg;
}

static void on_found(const struct enode *e, void *arg)
{
	struct node *n = arg;

	assert_string_equal(e->host, "127.0.0.1");
	n->found++;
}

static struct discovery_counters counters(const struct node *n)
{
	struct discovery_counters c;

	discovery_count(n->discovery, &c);
	return c;
}

/* ---- the raw side ---- */

static void raw_open(struct bench *b)
{
	struct sockaddr_storage address;
	socklen_t n = sizeof(address);

	must(address_parse("127.0.0.1", 0, &address));
	b->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(b->fd >= 0);
	assert_int_equal(bind(b->fd, (struct sockaddr *)&address, sizeof(struct sockaddr_in)), 0);
	assert_int_equal(getsockname(b->fd, (struct sockaddr *)&address, &n), 0);
	discv4_endpoint_of((struct sockaddr *)&address, &b->endpoint);
	b->endpoint.tcp = 4711;
	secp_key_new(&b->key);
}

static uint64_t in_20_s(void)
{
	return (uint64_t)(clock_wall_ms() / 1000) + 20;
}

static void raw_bytes(struct bench *b, const struct node *to, const uint8_t *bytes, size_t n)
{
	struct sockaddr_storage address;

	must(address_parse("127.0.0.1", (uint16_t)discovery_port(to->discovery), &address));
	assert_int_equal(sendto(b->fd, bytes, n, 0, (struct sockaddr *)&address, sizeof(struct sockaddr_in)), n);
}

static void raw_send(struct bench *b, const struct node *to, struct discv4_packet *p)
{
	uint8_t bytes[DISCV4_LIMIT];
	size_t n = discv4_write(&b->key, p, bytes);

	raw_bytes(b, to, bytes, n);
}

/* Takes what has come; answers pings, unless it is to be silent. */
static void raw_receive(struct bench *b)
{
	uint8_t bytes[2000];
	ssize_t n;

	while (b->fd >= 0 && (n = recv(b->fd, bytes, sizeof(bytes), 0)) > 0) {
		struct discv4_packet *p = &b->got[b->got_count % 8];

		must(discv4_read(bytes, (size_t)n, p));
		b->got_count++;
		if (p->type == DISCV4_PING && !b->silent) {
			struct discv4_packet pong = {.type = DISCV4_PONG, .to = p->from, .expiration = in_20_s()};

			memcpy(pong.reply_to, p->hash, 32);
			for (size_t i = 0; i < NODES; i++) {
				if (b->nodes[i].discovery &&
				    !memcmp(b->nodes[i].key.public, p->sender, SECP_PUBLIC_BYTES))
					raw_send(b, &b->nodes[i], &pong);
			}
		}
	}
}

static const struct discv4_packet *raw_got(const struct bench *b, enum discv4_type type)
{
	for (size_t i = 0; i < b->got_count && i < 8; i++) {
		if (b->got[i].type == type)
			return &b->got[i];
	}
	return NULL;
}

static void raw_forget(struct bench *b)
{
	b->got_count = 0;
	memset(b->got, 0, sizeof(b->got));
}

/* ---- */

static bool turn(struct bench *b)
{
	uv_run(&b->loop, UV_RUN_ONCE);
	raw_receive(b);
	return true;
}

#define WAIT(b, condition)                                             \
	do {                                                           \
		int64_t until_ms_ = clock_mono_ms() + DEADLINE_MS;     \
		while (!(condition) && clock_mono_ms() < until_ms_)    \
			turn(b);                                       \
		if (!(condition))                                      \
			fail_msg("waited in vain for %s", #condition); \
	} while (0)

static int set_up(void **state)
{
	struct bench *b = mem_new(NULL, struct bench);

	b->ctx = mem_new(b, char);
	b->fd = -1;
	uv_loop_init(&b->loop);
	timer_start(b->ctx, &b->loop, 5, 5, on_beat, NULL);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	if (b->fd >= 0)
		close(b->fd);
	mem_free(b->ctx);
	loop_drain(&b->loop);
	assert_int_equal(uv_loop_close(&b->loop), 0);
	mem_free(b);
	return 0;
}

static struct node *open_node(struct bench *b, size_t i, int64_t revalidate_ms)
{
	struct node *n = &b->nodes[i];
	struct discovery_options o = {.key = &n->key,
				      .address = "127.0.0.1",
				      .tcp_port = (uint16_t)(5000 + i),
				      .bootnodes = b->boot[0] ? b->boot : NULL,
				      .revalidate_ms = revalidate_ms,
				      .found = on_found,
				      .arg = n};

	secp_key_new(&n->key);
	must(discovery_open(b->ctx, &b->loop, &o, &n->discovery));
	return n;
}

/* Node 0; the others then know it. */
static struct node *open_boot(struct bench *b, int64_t revalidate_ms)
{
	struct node *n = open_node(b, 0, revalidate_ms);
	struct enode e = {.host = "127.0.0.1", .tcp = 5000, .udp = (uint16_t)discovery_port(n->discovery)};

	memcpy(e.public, n->key.public, SECP_PUBLIC_BYTES);
	b->boot[0] = enode_format(b->ctx, &e);
	return n;
}

static bool all_know(const struct bench *b, size_t nodes, size_t others)
{
	for (size_t i = 0; i < nodes; i++) {
		if (b->nodes[i].discovery && counters(&b->nodes[i]).nodes != others)
			return false;
	}
	return true;
}

static void test_ten_find_each_other(void **state)
{
	struct bench *b = *state;
	int64_t began_ms = clock_mono_ms();
	struct enode known[16];

	open_boot(b, 0);
	for (size_t i = 1; i < 10; i++)
		open_node(b, i, 0);
	WAIT(b, all_know(b, 10, 9));
	print_message("10 nodes know each other after %d ms\n", (int)(clock_mono_ms() - began_ms));
	assert_true(clock_mono_ms() - began_ms < 5000);
	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(b->nodes[i].found, 9);
		assert_int_equal(discovery_random(b->nodes[i].discovery, known, 16), 9);
		for (size_t k = 0; k < 9; k++) {
			assert_in_range(known[k].tcp, 5000, 5009);
			assert_memory_equal(known[k].public, b->nodes[known[k].tcp - 5000].key.public,
					    SECP_PUBLIC_BYTES);
			assert_int_equal(known[k].udp, discovery_port(b->nodes[known[k].tcp - 5000].discovery));
			for (size_t j = 0; j < k; j++)
				assert_int_not_equal(known[k].tcp, known[j].tcp);
		}
		assert_int_equal(counters(&b->nodes[i]).refused, 0);
	}
	assert_int_equal(discovery_random(b->nodes[1].discovery, known, 4), 4);
}

static void test_late_one_finds_all_by_lookups(void **state)
{
	struct bench *b = *state;
	struct node *late;

	open_boot(b, 0);
	for (size_t i = 1; i < 39; i++)
		open_node(b, i, 0);
	WAIT(b, counters(&b->nodes[0]).nodes >= 20);
	late = open_node(b, 39, 0);
	/* One answer holds 16 nodes, a bucket as many: further lookups bring more. */
	int64_t until_ms = clock_mono_ms() + DEADLINE_MS;
	while (late->found < 35 && clock_mono_ms() < until_ms) {
		discovery_lookup(late->discovery);
		turn(b);
	}
	assert_true(late->found >= 35);
}

static void test_dead_nodes_leave(void **state)
{
	struct bench *b = *state;

	open_boot(b, 60);
	for (size_t i = 1; i < 6; i++)
		open_node(b, i, 60);
	WAIT(b, all_know(b, 6, 5));
	for (size_t i = 4; i < 6; i++) {
		mem_free(b->nodes[i].discovery);
		b->nodes[i].discovery = NULL;
	}
	WAIT(b, all_know(b, 6, 3));
	/* And those that live stay, many checks later. */
	int64_t until_ms = clock_mono_ms() + 1500;
	while (clock_mono_ms() < until_ms) {
		turn(b);
		assert_true(all_know(b, 6, 3));
	}
}

static void test_bootnode_that_comes_later(void **state)
{
	struct bench *b = *state;
	struct node *boot = open_boot(b, 0), *n;
	struct secp_key key = boot->key;
	int port = discovery_port(boot->discovery);
	struct discovery_options o = {.key = &boot->key, .address = "127.0.0.1", .udp_port = port};

	mem_free(boot->discovery);
	boot->discovery = NULL;
	n = open_node(b, 1, 0);
	WAIT(b, counters(n).out >= 2); /* it asks again */
	assert_int_equal(counters(n).nodes, 0);
	boot->key = key;
	must(discovery_open(b->ctx, &b->loop, &o, &boot->discovery));
	WAIT(b, counters(n).nodes == 1 && counters(boot).nodes == 1);
}

static struct discv4_packet ping_of(struct bench *b, const struct node *to)
{
	struct discv4_packet p = {.type = DISCV4_PING, .version = 4, .from = b->endpoint, .expiration = in_20_s()};

	p.to = b->endpoint;
	p.to.udp = (uint16_t)discovery_port(to->discovery);
	return p;
}

static void test_refused_packets(void **state)
{
	struct bench *b = *state;
	struct node *n = open_node(b, 0, 0);
	struct discv4_packet p;
	uint8_t bytes[DISCV4_LIMIT + 20] = {0};
	uint64_t refused = 0;
	size_t len;

	raw_open(b);
	p = ping_of(b, n);
	p.expiration = (uint64_t)(clock_wall_ms() / 1000) - 2;
	raw_send(b, n, &p);
	refused++;
	WAIT(b, counters(n).refused == refused);

	p = ping_of(b, n);
	len = discv4_write(&b->key, &p, bytes);
	bytes[5] ^= 1; /* of the hash */
	raw_bytes(b, n, bytes, len);
	refused++;
	WAIT(b, counters(n).refused == refused);
	bytes[5] ^= 1;
	bytes[40] ^= 1; /* of the signature: the hash does not fit either */
	raw_bytes(b, n, bytes, len);
	raw_bytes(b, n, bytes, 10);
	raw_bytes(b, n, bytes, 0);
	raw_bytes(b, n, bytes, sizeof(bytes));
	refused += 4;
	WAIT(b, counters(n).refused == refused);

	/* Answers to nothing. */
	p = (struct discv4_packet){.type = DISCV4_PONG, .to = b->endpoint, .expiration = in_20_s()};
	raw_send(b, n, &p);
	p = (struct discv4_packet){.type = DISCV4_NEIGHBORS, .expiration = in_20_s(), .node_count = 1};
	p.nodes[0].endpoint = b->endpoint;
	memcpy(p.nodes[0].public, b->key.public, SECP_PUBLIC_BYTES);
	raw_send(b, n, &p);
	refused += 2;
	WAIT(b, counters(n).refused == refused);
	raw_receive(b);
	assert_int_equal(counters(n).out, 0);
	assert_int_equal(counters(n).nodes, 0);
	assert_int_equal(b->got_count, 0);
}

static void test_endpoint_proof(void **state)
{
	struct bench *b = *state;
	struct node *n = open_node(b, 0, 0);
	struct discv4_packet find = {.type = DISCV4_FIND_NODE, .expiration = in_20_s()}, ping, p;
	const struct discv4_packet *got;
	uint64_t out;

	raw_open(b);
	memcpy(find.target, b->key.public, SECP_PUBLIC_BYTES);
	raw_send(b, n, &find);
	WAIT(b, counters(n).refused == 1);
	assert_int_equal(counters(n).out, 0);

	/* Our ping is answered, and it pings back; as long as we do not answer that, we have proven nothing. */
	b->silent = true;
	ping = ping_of(b, n);
	raw_send(b, n, &ping);
	WAIT(b, raw_got(b, DISCV4_PONG) && raw_got(b, DISCV4_PING));
	got = raw_got(b, DISCV4_PONG);
	assert_memory_equal(got->reply_to, ping.hash, 32);
	assert_memory_equal(got->sender, n->key.public, SECP_PUBLIC_BYTES);
	assert_int_equal(got->to.udp, b->endpoint.udp);
	assert_int_equal(got->to.tcp, 4711);
	assert_int_equal(raw_got(b, DISCV4_PING)->from.tcp, 5000);
	assert_int_equal(raw_got(b, DISCV4_PING)->version, 4);
	raw_send(b, n, &find);
	WAIT(b, counters(n).refused == 2);
	/* An answer with the wrong hash is none. */
	p = (struct discv4_packet){.type = DISCV4_PONG, .to = b->endpoint, .expiration = in_20_s()};
	raw_send(b, n, &p);
	WAIT(b, counters(n).refused == 3);
	assert_int_equal(counters(n).nodes, 0);

	/* Let that ping's time pass, then prove it. */
	int64_t until_ms = clock_mono_ms() + 700;
	while (clock_mono_ms() < until_ms)
		turn(b);
	raw_forget(b);
	b->silent = false;
	ping = ping_of(b, n);
	raw_send(b, n, &ping);
	WAIT(b, counters(n).nodes == 1 && n->found == 1);
	/* It looks for nodes now and asks us; and it answers us: with nobody but ourselves. */
	raw_send(b, n, &find);
	WAIT(b, raw_got(b, DISCV4_NEIGHBORS));
	got = raw_got(b, DISCV4_NEIGHBORS);
	assert_int_equal(got->node_count, 1);
	assert_memory_equal(got->nodes[0].public, b->key.public, SECP_PUBLIC_BYTES);
	assert_int_equal(got->nodes[0].endpoint.tcp, 4711);
	assert_int_equal(counters(n).refused, 3);

	/* No second ping back while the proof holds. */
	raw_forget(b);
	ping = ping_of(b, n);
	raw_send(b, n, &ping);
	WAIT(b, raw_got(b, DISCV4_PONG));
	out = counters(n).out;
	raw_send(b, n, &ping);
	WAIT(b, counters(n).out > out);
	assert_null(raw_got(b, DISCV4_PING));
}

/* What we tell it in answer to FindNode: who may stand in its table, and who is only pinged. */
static void test_neighbors_that_are_no_good(void **state)
{
	struct bench *b = *state;
	struct node *n = open_node(b, 0, 0);
	struct discv4_packet ping, answer = {.type = DISCV4_NEIGHBORS, .expiration = in_20_s()};
	uint64_t out;

	raw_open(b);
	ping = ping_of(b, n);
	raw_send(b, n, &ping);
	WAIT(b, raw_got(b, DISCV4_FIND_NODE));
	for (size_t i = 0; i < 4; i++) {
		struct secp_key key;

		secp_key_new(&key);
		memcpy(answer.nodes[i].public, key.public, SECP_PUBLIC_BYTES);
		answer.nodes[i].endpoint = b->endpoint;
	}
	answer.nodes[0].endpoint.udp = 1024;
	memcpy(answer.nodes[1].endpoint.ip, (uint8_t[]){224, 0, 0, 1}, 4);
	answer.nodes[2].public[0] ^= 1; /* no point of the curve */
	memcpy(answer.nodes[3].public, n->key.public, SECP_PUBLIC_BYTES);
	answer.node_count = 4;
	out = counters(n).out;
	raw_send(b, n, &answer);
	/* The next thing that happens is the answer to another ping. */
	ping = ping_of(b, n);
	raw_send(b, n, &ping);
	int64_t until_ms = clock_mono_ms() + 300;
	while (clock_mono_ms() < until_ms)
		turn(b);
	size_t pings = 0;
	for (size_t i = 0; i < b->got_count && i < 8; i++)
		pings += b->got[i].type == DISCV4_PING;
	assert_int_equal(pings, 1); /* its first one, to us */
	/* All it sent has come to us. */
	assert_true(counters(n).out > out);
	assert_int_equal(counters(n).out, b->got_count);
	assert_int_equal(counters(n).refused, 0);
	assert_int_equal(counters(n).nodes, 1);
}

static void test_flood(void **state)
{
	struct bench *b = *state;
	struct node *n = open_boot(b, 0), *honest;
	struct discv4_packet p;
	uint64_t sent = 0;

	raw_open(b);
	/* Pings of ever new nodes that never answer. */
	b->silent = true;
	for (int i = 0; i < 600; i++) {
		secp_key_new(&b->key);
		p = ping_of(b, n);
		raw_send(b, n, &p);
		sent++;
		if (i % 16 == 0)
			turn(b);
	}
	WAIT(b, counters(n).in >= sent / 2);
	assert_int_equal(counters(n).nodes, 0);
	honest = open_node(b, 1, 0);
	WAIT(b, counters(n).nodes == 1 && counters(honest).nodes == 1);
}

/* ---- the table and the addresses, without a network ---- */

static struct discv4_endpoint at(const char *ip, uint16_t udp)
{
	struct sockaddr_storage address;
	struct discv4_endpoint e;

	must(address_parse(ip, udp, &address));
	discv4_endpoint_of((struct sockaddr *)&address, &e);
	return e;
}

static void add(struct table *t, uint8_t first, uint32_t number, const char *ip)
{
	uint8_t id[32] = {first}, public[SECP_PUBLIC_BYTES] = {0};
	struct discv4_endpoint e = at(ip, 30303);

	memcpy(id + 20, &number, sizeof(number));
	table_answered(t, public, id, &e);
}

static void test_table_bounds(void **state)
{
	static const uint8_t self[32];
	struct table *t = table_new(NULL, self);
	const struct table_node *near[20];
	uint8_t id[32] = {0x80};

	(void)state;
	/* Of one public /24: two in a bucket, ten in all. */
	for (uint32_t i = 0; i < 5; i++)
		add(t, 0x80, i, "8.8.8.1");
	assert_int_equal(table_count(t), 2);
	for (uint32_t bit = 1; bit < 8; bit++) {
		for (uint32_t i = 0; i < 5; i++)
			add(t, (uint8_t)(0x80 >> bit), 100 * bit + i, "8.8.8.2");
	}
	assert_int_equal(table_count(t), 10);
	/* Private networks and loopback: a bucket's worth, and replacements. */
	for (uint32_t i = 0; i < 40; i++)
		add(t, 0x80, 1000 + i, i % 2 ? "192.168.7.7" : "127.0.0.1");
	assert_int_equal(table_count(t), 10 + 14);
	assert_false(table_has_room(t, id));
	add(t, 0, 0, "10.0.0.1"); /* ourselves */
	assert_int_equal(table_count(t), 24);

	/* The third failure removes it, a replacement comes in. */
	memcpy(id + 20, (uint32_t[]){1000}, 4);
	assert_non_null(table_find(t, id));
	table_failed(t, id, 3);
	assert_memory_equal(table_to_check(t)->id, id, 32);
	table_failed(t, id, 3);
	assert_non_null(table_find(t, id));
	table_failed(t, id, 3);
	assert_null(table_find(t, id));
	assert_int_equal(table_count(t), 24);
	id[0] = 0x80;
	assert_true(table_has_room(t, id));

	memset(id, 0, sizeof(id));
	size_t n = table_closest(t, id, near, 20);
	assert_int_equal(n, 20);
	for (size_t i = 1; i < n; i++)
		assert_false(table_id_nearer(id, near[i]->id, near[i - 1]->id));
	mem_free(t);
}

static void test_contacts_are_bounded(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct contacts c = {0};
	struct discv4_endpoint e = at("127.0.0.1", 30303), other = at("127.0.0.1", 30304);
	uint8_t id[32] = {0};
	bool is_new;

	(void)state;
	for (uint32_t i = 0; i < CONTACTS_MAX + 10; i++) {
		memcpy(id, &i, sizeof(i));
		contact_answered(ctx, &c, id, &e, 1000 + i, &is_new);
		assert_true(is_new);
	}
	assert_int_equal(c.n, CONTACTS_MAX);
	assert_non_null(contact_find(&c, id, &e, 2000));
	assert_null(contact_find(&c, id, &other, 2000));
	assert_null(contact_find(&c, id, &e, 2000 + PROOF_MS));
	memset(id, 0, sizeof(id)); /* the oldest */
	assert_null(contact_find(&c, id, &e, 2000));
	contact_answered(ctx, &c, (uint8_t[32]){20}, &other, 3000, &is_new);
	assert_true(is_new);
	assert_int_equal(c.n, CONTACTS_MAX); /* an address per node */
	contact_forget(&c, (uint8_t[32]){20});
	assert_int_equal(c.n, CONTACTS_MAX - 1);
	mem_free(ctx);
}

static void test_networks(void **state)
{
	static const struct {
		const char *ip;
		enum address_network network;
	} rows[] = {
		{"127.0.0.1", NETWORK_LOOPBACK},
		{"::1", NETWORK_LOOPBACK},
		{"::ffff:127.0.0.1", NETWORK_LOOPBACK},
		{"10.1.2.3", NETWORK_PRIVATE},
		{"172.16.0.1", NETWORK_PRIVATE},
		{"172.31.255.1", NETWORK_PRIVATE},
		{"172.32.0.1", NETWORK_PUBLIC},
		{"192.168.1.1", NETWORK_PRIVATE},
		{"169.254.9.9", NETWORK_PRIVATE},
		{"fc00::1", NETWORK_PRIVATE},
		{"fe80::1", NETWORK_PRIVATE},
		{"8.8.8.8", NETWORK_PUBLIC},
		{"2a00::1", NETWORK_PUBLIC},
		{"0.0.0.0", NETWORK_NONE},
		{"224.0.0.1", NETWORK_NONE},
		{"255.255.255.255", NETWORK_NONE},
		{"::", NETWORK_NONE},
		{"ff02::1", NETWORK_NONE},
	};
	struct discv4_endpoint loopback = at("127.0.0.1", 1), lan = at("10.0.0.1", 1), wan = at("9.9.9.9", 1), none;
	struct sockaddr_storage address;
	char text[ADDRESS_TEXT_BYTES];
	struct error *e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		none = at(rows[i].ip, 1);
		assert_int_equal(discv4_endpoint_network(&none), rows[i].network);
	}
	assert_true(discv4_endpoint_relayable(&loopback, &loopback) && discv4_endpoint_relayable(&loopback, &lan));
	assert_true(discv4_endpoint_relayable(&lan, &lan) && discv4_endpoint_relayable(&lan, &wan) &&
		    discv4_endpoint_relayable(&wan, &wan));
	assert_false(discv4_endpoint_relayable(&lan, &loopback));
	assert_false(discv4_endpoint_relayable(&wan, &lan));
	assert_false(discv4_endpoint_relayable(&wan, &loopback));
	none = at("0.0.0.0", 1);
	assert_false(discv4_endpoint_relayable(&loopback, &none));

	/* An IPv6 socket reaches IPv4 addresses in their mapped form, an IPv4 one no IPv6 address. */
	assert_true(discv4_endpoint_address(&lan, AF_INET6, 7, &address));
	assert_int_equal(address.ss_family, AF_INET6);
	address_format(&address, text);
	assert_string_equal(text, "10.0.0.1:7");
	none = at("2a00::1", 1);
	assert_false(discv4_endpoint_address(&none, AF_INET, 7, &address));
	assert_true(discv4_endpoint_address(&none, AF_UNSPEC, 7, &address));
	address_format(&address, text);
	assert_string_equal(text, "[2a00::1]:7");
	e = address_parse("localhost", 1, &address);
	assert_non_null(e);
	error_free(e);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_ten_find_each_other),
		TEST(test_late_one_finds_all_by_lookups),
		TEST(test_dead_nodes_leave),
		TEST(test_bootnode_that_comes_later),
		TEST(test_refused_packets),
		TEST(test_endpoint_proof),
		TEST(test_neighbors_that_are_no_good),
		TEST(test_flood),
		cmocka_unit_test(test_table_bounds),
		cmocka_unit_test(test_contacts_are_bounded),
		cmocka_unit_test(test_networks),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
