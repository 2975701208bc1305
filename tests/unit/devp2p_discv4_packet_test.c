/* Packets of discovery v4: EIP-8's, ours there and back, and every refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "crypto/keccak.h"
#include "devp2p/discv4_packet.h"
#include "devp2p_vectors.h"
#include "rlp/rlp.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define EXPIRATION 1136239445 /* of all packets in EIP-8 */

static void eip8(const char *name, enum discv4_type type, struct discv4_packet *ret_packet)
{
	struct vector v = vector_of("eip8", name);

	assert_null(discv4_read(v.bytes, v.n, ret_packet));
	assert_int_equal(ret_packet->type, type);
	assert_int_equal(ret_packet->expiration, EXPIRATION);
	assert_memory_equal(ret_packet->sender, key_of("eip8", "static_key_b").public, SECP_PUBLIC_BYTES);
	assert_memory_equal(ret_packet->hash, v.bytes, 32);
}

static void endpoint_is(const struct discv4_endpoint *e, const char *ip, uint8_t ip_bytes, uint16_t udp, uint16_t tcp)
{
	assert_int_equal(e->ip_bytes, ip_bytes);
	assert_memory_equal(e->ip, ip, ip_bytes);
	assert_int_equal(e->udp, udp);
	assert_int_equal(e->tcp, tcp);
}

#define LOCAL6 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
#define FIRST6 "\x20\x01\x0d\xb8\x3c\x4d\x00\x15\x00\x00\x00\x00\xab\xcd\xef\x12"
#define SECOND6 "\x20\x01\x0d\xb8\x85\xa3\x08\xd3\x13\x19\x8a\x2e\x03\x70\x73\x48"

static void published(void **state)
{
	struct discv4_packet p;

	(void)state;
	eip8("ping_v4", DISCV4_PING, &p);
	assert_int_equal(p.version, 4);
	endpoint_is(&p.from, "\x7f\0\0\1", 4, 3322, 5544);
	endpoint_is(&p.to, LOCAL6, 16, 2222, 3333);
	eip8("ping_v555", DISCV4_PING, &p);
	assert_int_equal(p.version, 555);
	endpoint_is(&p.from, FIRST6, 16, 3322, 5544);
	endpoint_is(&p.to, SECOND6, 16, 2222, 33338);
	eip8("pong", DISCV4_PONG, &p);
	endpoint_is(&p.to, SECOND6, 16, 2222, 33338);
	assert_memory_equal(p.reply_to, "\xfb\xc9\x14\xb1\x68\x19\x23\x7d", 8);
	eip8("findnode", DISCV4_FIND_NODE, &p);
	assert_memory_equal(p.target, "\xca\x63\x4c\xae\x0d\x49\xac\xb4", 8);
	eip8("neighbours", DISCV4_NEIGHBORS, &p);
	assert_int_equal(p.node_count, 4);
	endpoint_is(&p.nodes[0].endpoint, "\x63\x21\x16\x37", 4, 4444, 4445);
	endpoint_is(&p.nodes[1].endpoint, "\1\2\3\4", 4, 1, 1);
	endpoint_is(&p.nodes[2].endpoint, FIRST6, 16, 3333, 3333);
	endpoint_is(&p.nodes[3].endpoint, SECOND6, 16, 999, 1000);
	assert_memory_equal(p.nodes[3].public, "\x8d\xca\xb8\x61\x8c\x32\x53\xb5", 8);
}

/* A packet of every type with everything in it that the type has. */
static struct discv4_packet sample(enum discv4_type type, size_t nodes)
{
	struct discv4_packet p = {
		.type = type,
		.expiration = 1700000000,
		.from = {.ip = {127, 0, 0, 1}, .ip_bytes = 4, .udp = 30303, .tcp = 30304},
		.to = {.ip = FIRST6, .ip_bytes = 16, .udp = 65535},
		.node_count = nodes,
	};

	memset(p.reply_to, 0x11, sizeof(p.reply_to));
	memset(p.target, 0x22, sizeof(p.target));
	for (size_t i = 0; i < nodes; i++) {
		p.nodes[i].endpoint = i % 2 ? p.from : p.to;
		memset(p.nodes[i].endpoint.ip, 0xf0 + (int)i, p.nodes[i].endpoint.ip_bytes);
		p.nodes[i].endpoint.udp = (uint16_t)(65535 - i);
		p.nodes[i].endpoint.tcp = (uint16_t)(65000 + i);
		memset(p.nodes[i].public, (int)i, SECP_PUBLIC_BYTES);
	}
	return p;
}

static void there_and_back(void **state)
{
	static const enum discv4_type types[] = {DISCV4_PING,      DISCV4_PONG,      DISCV4_FIND_NODE,
						 DISCV4_NEIGHBORS, DISCV4_NEIGHBORS, DISCV4_ENR_REQUEST};
	struct secp_key key;

	(void)state;
	secp_key_new(&key);
	for (size_t i = 0; i < LENGTH(types); i++) {
		struct discv4_packet p = sample(types[i], i == 3 ? DISCV4_PER_PACKET : 0), q;
		uint8_t bytes[DISCV4_LIMIT];
		size_t n = discv4_write(&key, &p, bytes);

		assert_null(discv4_read(bytes, n, &q));
		assert_int_equal(q.type, types[i]);
		assert_int_equal(q.expiration, 1700000000);
		assert_memory_equal(q.sender, key.public, SECP_PUBLIC_BYTES);
		assert_memory_equal(p.sender, key.public, SECP_PUBLIC_BYTES);
		assert_memory_equal(q.hash, p.hash, 32);
		if (types[i] == DISCV4_PING) {
			assert_int_equal(q.version, 4);
			assert_memory_equal(&q.from, &p.from, sizeof(p.from));
		}
		if (types[i] == DISCV4_PING || types[i] == DISCV4_PONG)
			assert_memory_equal(&q.to, &p.to, sizeof(p.to));
		if (types[i] == DISCV4_PONG)
			assert_memory_equal(q.reply_to, p.reply_to, 32);
		if (types[i] == DISCV4_FIND_NODE)
			assert_memory_equal(q.target, p.target, SECP_PUBLIC_BYTES);
		assert_int_equal(q.node_count, types[i] == DISCV4_NEIGHBORS ? p.node_count : 0);
		assert_memory_equal(q.nodes, p.nodes, p.node_count * sizeof(p.nodes[0]));
	}
}

/* Seals a list of ours as a packet. */
static size_t seal(const struct secp_key *key, uint8_t type, const struct rlp_writer *w, uint8_t *ret_bytes)
{
	uint8_t digest[32];
	size_t n = 98 + w->len;

	ret_bytes[97] = type;
	memcpy(ret_bytes + 98, w->data, w->len);
	keccak256(ret_bytes + 97, n - 97, digest);
	secp_sign(key, digest, ret_bytes + 32);
	keccak256(ret_bytes + 32, n - 32, ret_bytes);
	return n;
}

/* Nodes without an address, with one of another length, with a further item. */
static void odd_nodes(void **state)
{
	struct secp_key key;
	struct rlp_writer w;
	struct discv4_packet p;
	uint8_t bytes[4096], public[SECP_PUBLIC_BYTES] = {7};
	size_t n;

	(void)state;
	secp_key_new(&key);
	rlp_writer_init(&w, NULL);
	rlp_list_begin(&w);
	rlp_list_begin(&w);
	for (uint8_t i = 0; i < 14; i++) {
		rlp_list_begin(&w);
		rlp_write_bytes(&w, "\1\2\3\4\5", i == 3 ? 5 : i == 4 ? 0 : 4);
		rlp_write_u64(&w, i);
		rlp_write_u64(&w, i);
		rlp_write_bytes(&w, public, sizeof(public));
		rlp_write_raw(&w, "\x05", 1);
		rlp_list_end(&w);
	}
	rlp_list_end(&w);
	rlp_write_u64(&w, 5);
	rlp_list_end(&w);
	n = seal(&key, DISCV4_NEIGHBORS, &w, bytes);
	assert_in_range(n, 1000, DISCV4_LIMIT);
	assert_null(discv4_read(bytes, n, &p));
	assert_int_equal(p.node_count, 12);
	assert_int_equal(p.nodes[3].endpoint.udp, 5);
	mem_free(w.data);
}

static void sixteen_nodes(void **state)
{
	struct secp_key key;
	struct rlp_writer w;
	struct discv4_packet p;
	uint8_t bytes[4096], public[SECP_PUBLIC_BYTES] = {7};

	(void)state;
	secp_key_new(&key);
	for (int nodes = 15; nodes <= 16; nodes++) {
		size_t n;

		rlp_writer_init(&w, NULL);
		rlp_list_begin(&w);
		rlp_list_begin(&w);
		for (int i = 0; i < nodes; i++) {
			rlp_list_begin(&w);
			rlp_write_bytes(&w, "\1\2\3\4", 4);
			rlp_write_u64(&w, 1);
			rlp_write_u64(&w, 2);
			rlp_write_bytes(&w, public, sizeof(public));
			rlp_list_end(&w);
		}
		rlp_list_end(&w);
		rlp_write_u64(&w, 5);
		rlp_list_end(&w);
		n = seal(&key, DISCV4_NEIGHBORS, &w, bytes);
		if (n <= DISCV4_LIMIT) {
			assert_null(discv4_read(bytes, n, &p));
			assert_int_equal(p.node_count, nodes);
		} else {
			struct error *e = discv4_read(bytes, n, &p);

			assert_int_equal(e->code, ERROR_LIMIT);
			error_free(e);
		}
		mem_free(w.data);
	}
}

static void enr_response(void **state)
{
	struct secp_key key;
	struct rlp_writer w;
	struct discv4_packet p;
	uint8_t bytes[1280], hash[32] = {3};
	size_t n;

	(void)state;
	secp_key_new(&key);
	rlp_writer_init(&w, NULL);
	rlp_list_begin(&w);
	rlp_write_bytes(&w, hash, sizeof(hash));
	rlp_write_raw(&w, "\xc2\x01\x02", 3);
	rlp_list_end(&w);
	n = seal(&key, DISCV4_ENR_RESPONSE, &w, bytes);
	assert_null(discv4_read(bytes, n, &p));
	assert_memory_equal(p.reply_to, hash, 32);
	assert_int_equal(p.expiration, 0);
	mem_free(w.data);
}

static void refused(const uint8_t *bytes, size_t n, enum error_code code, const char *message)
{
	struct discv4_packet p = {.version = 77};
	struct error *e = discv4_read(bytes, n, &p);

	if (!e)
		fail_msg("taken: %s", message);
	if (e->code != code || !strstr(e->message, message))
		fail_msg("%s: %s", error_code_name(e->code), e->message);
	assert_int_equal(p.version, 77);
	error_free(e);
}

static void refusals(void **state)
{
	static const struct {
		uint8_t type;
		const char *list;
		size_t n;
		const char *message;
	} lists[] = {
		{1, "\x05", 1, "a string in place of a list"},
		{1, "\xc0", 1, "an item is missing"},
		{1, "\xc1\x04", 2, "an item is missing"},
		{1, "\xc2\x04\x05", 3, "a string in place of a list"},
		{1, "\xca\x04\xc3\x80\x80\x80\xc3\x80\x80\x80\x00", 11, "leading zeros"},
		{1, "\xc9\x04\xc3\x80\x80\x80\xc3\x80\x80\x80", 10, "an item is missing"},
		{1, "\xcb\x04\xc6\x80\x83\x01\x00\x00\x80\xc2\x80\x80", 12, "a port of 65536"},
		{2, "\xc5\xc3\x80\x80\x80\x05", 6, "1 bytes in place of 32"},
		{3, "\xc2\x05\x05", 3, "1 bytes in place of 64"},
		{4, "\xc2\x05\x05", 3, "a string in place of a list"},
		{4, "\xc3\xc1\xc0\x05", 4, "an item is missing"},
		{4, "\xc6\xc4\xc3\x80\x01\x02\x05", 7, "an item is missing"},
		{4, "\xc1\xc0", 2, "an item is missing"},
		{5, "\xc0", 1, "an item is missing"},
		{6, "\xc1\x05", 2, "1 bytes in place of 32"},
		{0, "\xc1\x05", 2, "unknown type 0"},
		{7, "\xc1\x05", 2, "unknown type 7"},
		{255, "\xc1\x05", 2, "unknown type 255"},
	};
	struct secp_key key;
	struct discv4_packet p = sample(DISCV4_PING, 0);
	uint8_t bytes[2048] = {0};
	size_t n;

	(void)state;
	secp_key_new(&key);
	for (size_t i = 0; i < LENGTH(lists); i++) {
		struct rlp_writer w;

		rlp_writer_init(&w, NULL);
		rlp_write_raw(&w, lists[i].list, lists[i].n);
		n = seal(&key, lists[i].type, &w, bytes);
		refused(bytes, n, ERROR_INVALID, lists[i].message);
		mem_free(w.data);
	}
	n = discv4_write(&key, &p, bytes);
	refused(bytes, 97, ERROR_INVALID, "a discovery packet of 97 bytes");
	refused(bytes, 0, ERROR_INVALID, "a discovery packet of 0 bytes");
	refused(bytes, 1281, ERROR_LIMIT, "1281 bytes, 1280 are allowed");
	for (size_t i = 0; i < n; i++) {
		bytes[i] ^= 1;
		refused(bytes, n, ERROR_INVALID, "hash is not its own");
		bytes[i] ^= 1;
	}
	/* A signature that is none, under a hash that fits */
	bytes[96] = 9;
	keccak256(bytes + 32, n - 32, bytes);
	refused(bytes, n, ERROR_INVALID, "");
	bytes[96] = 0;
	memset(bytes + 32, 0xff, 32);
	keccak256(bytes + 32, n - 32, bytes);
	refused(bytes, n, ERROR_INVALID, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published),     cmocka_unit_test(there_and_back), cmocka_unit_test(odd_nodes),
		cmocka_unit_test(sixteen_nodes), cmocka_unit_test(enr_response),   cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
