/* Hello and Disconnect: EIP-8's Hello of a later version, ours there and back, leniency and refusals, the message ids.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "devp2p/base_message.h"
#include "devp2p_vectors.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void later_version(void **state)
{
	struct vector v = vector_of("eip8", "hello");
	struct p2p_hello h = {0};

	(void)state;
	assert_null(p2p_hello_read(NULL, v.bytes, v.n, &h));
	/* EIP-8 says 22 beside it; the bytes say 55. */
	assert_int_equal(h.version, 55);
	assert_string_equal(h.client, "kneth/v0.91/plan9");
	assert_int_equal(h.cap_count, 2);
	assert_string_equal(h.caps[0].name, "eth");
	assert_int_equal(h.caps[0].version, 61);
	assert_string_equal(h.caps[1].name, "mork");
	assert_int_equal(h.caps[1].version, 22);
	assert_int_equal(h.listen_port, 9999);
	assert_memory_equal(h.public, key_of("eip8", "static_key_a").public, SECP_PUBLIC_BYTES);
	mem_free(h.client);
}

static void there_and_back(void **state)
{
	struct p2p_hello h = {.version = 5,
			      .client = "dsn/v0.1.0/linux-amd64",
			      .caps = {{"shh", 6}, {"eightyes", 70000}},
			      .cap_count = 2,
			      .listen_port = 30303},
			 again = {0};
	struct rlp_writer w;

	(void)state;
	memset(h.public, 0xab, sizeof(h.public));
	rlp_writer_init(&w, NULL);
	p2p_hello_write(&w, &h);
	assert_null(rlp_check(w.data, w.len, 3));
	assert_null(p2p_hello_read(w.data, w.data, w.len, &again));
	assert_int_equal(again.version, 5);
	assert_string_equal(again.client, h.client);
	assert_int_equal(again.cap_count, 2);
	assert_memory_equal(again.caps, h.caps, sizeof(h.caps));
	assert_int_equal(again.listen_port, 30303);
	assert_memory_equal(again.public, h.public, sizeof(h.public));
	mem_free(w.data);
}

/* A Hello with the items given, `caps` encoded already. */
struct items {
	const char *client;
	size_t client_bytes;
	const char *caps;
	size_t caps_bytes;
	size_t key_bytes;
	unsigned count; /* 5: all */
};

static struct error *read_items(const struct items *i, struct p2p_hello *ret_hello)
{
	static const uint8_t key[70] = {1};
	struct rlp_writer w;
	struct error *e = NULL;

	rlp_writer_init(&w, NULL);
	rlp_list_begin(&w);
	if (i->count > 0)
		rlp_write_u64(&w, 5);
	if (i->count > 1)
		rlp_write_bytes(&w, i->client, i->client_bytes);
	if (i->count > 2)
		rlp_write_raw(&w, i->caps, i->caps_bytes);
	if (i->count > 3)
		rlp_write_u64(&w, 0);
	if (i->count > 4)
		rlp_write_bytes(&w, key, i->key_bytes);
	rlp_list_end(&w);
	e = p2p_hello_read(NULL, w.data, w.len, ret_hello);
	mem_free(w.data);
	return e;
}

static void lenient(void **state)
{
	/* too long a name, an empty one, not printable, with a NUL; too large a version; one with a third item */
	static const char caps[] = "\xee"
				   "\xcb\x89"
				   "ninebytes"
				   "\x01"
				   "\xc2\x80\x01"
				   "\xc5\x83\xff\xff\xff\x01"
				   "\xc6\x84"
				   "shh\0"
				   "\x06"
				   "\xca\x83"
				   "shh"
				   "\x85\x01\x01\x01\x01\x01"
				   "\xc6\x83"
				   "shh"
				   "\x06\x07";
	struct items i = {"a\tb\xff"
			  "c\0d",
			  7,
			  caps,
			  sizeof(caps) - 1,
			  64,
			  5};
	struct p2p_hello h = {0};

	(void)state;
	assert_null(read_items(&i, &h));
	assert_string_equal(h.client, "a?b?c?d");
	assert_int_equal(h.cap_count, 1);
	assert_string_equal(h.caps[0].name, "shh");
	assert_int_equal(h.caps[0].version, 6);
	mem_free(h.client);
}

static void many_capabilities(void **state)
{
	struct rlp_writer w;
	struct items i = {"", 0, NULL, 0, 64, 5};
	struct p2p_hello h = {0};

	(void)state;
	rlp_writer_init(&w, NULL);
	rlp_list_begin(&w);
	for (unsigned version = 0; version < 100; version++) {
		rlp_list_begin(&w);
		rlp_write_bytes(&w, "cap", 3);
		rlp_write_u64(&w, version);
		rlp_list_end(&w);
	}
	rlp_list_end(&w);
	i.caps = (char *)w.data;
	i.caps_bytes = w.len;
	assert_null(read_items(&i, &h));
	assert_int_equal(h.cap_count, HELLO_CAPS_MAX);
	assert_int_equal(h.caps[63].version, 63);
	assert_int_equal(p2p_capability_offset(&h, "cap", 63), BASE_LENGTH);
	assert_int_equal(p2p_capability_offset(&h, "cap", 64), 0);
	assert_int_equal(p2p_capability_offset(&h, "ca", 1), 0);
	mem_free(h.client);
	mem_free(w.data);
}

static void refusals(void **state)
{
	static const struct {
		struct items items;
		enum error_code code;
		const char *message;
	} rows[] = {
		{{"c", 1, "\xc0", 1, 64, 0}, ERROR_INVALID, "Hello: invalid RLP: an item is missing"},
		{{"c", 1, "\xc0", 1, 64, 1}, ERROR_INVALID, "an item is missing"},
		{{"c", 1, "\xc0", 1, 64, 2}, ERROR_INVALID, "an item is missing"},
		{{"c", 1, "\xc0", 1, 64, 3}, ERROR_INVALID, "an item is missing"},
		{{"c", 1, "\xc0", 1, 64, 4}, ERROR_INVALID, "an item is missing"},
		{{"c", 1, "\xc0", 1, 63, 5}, ERROR_REFUSED, "a key of 63 bytes"},
		{{"c", 1, "\xc0", 1, 65, 5}, ERROR_REFUSED, "a key of 65 bytes"},
		{{"c", 1, "\xc0", 1, 0, 5}, ERROR_REFUSED, "a key of 0 bytes"},
		{{"c", 1, "\x05", 1, 64, 5}, ERROR_INVALID, "a string in place of a list"},
		{{"c", 1, "\xc1\x05", 2, 64, 5}, ERROR_INVALID, "a string in place of a list"},
		{{"c", 1, "\xc1\xc0", 2, 64, 5}, ERROR_INVALID, "an item is missing"},
		{{"c", 1, "\xc3\xc2\x61\xc0", 4, 64, 5}, ERROR_INVALID, "a list in place of a string"},
		{{"c", 1, "\xc3\xc2\x61\x00", 4, 64, 5}, ERROR_INVALID, "leading zeros"},
	};
	struct p2p_hello h = {.version = 99};
	struct error *e = p2p_hello_read(NULL, (const uint8_t *)"\x01\x02", 2, &h);

	(void)state;
	assert_string_equal(e->message, "Hello: invalid RLP: a string in place of a list");
	error_free(e);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		e = read_items(&rows[i].items, &h);
		if (!e)
			fail_msg("%zu is taken", i);
		if (e->code != rows[i].code || !strstr(e->message, rows[i].message))
			fail_msg("%zu: %s", i, e->message);
		assert_int_equal(h.version, 99);
		error_free(e);
	}
}

static void disconnects(void **state)
{
	static const struct {
		const char *payload;
		size_t n;
		uint64_t reason;
	} rows[] = {
		{"\xc1\x03", 2, 3},
		{"\xc1\x80", 2, 0},
		{"\x10", 1, 16},
		{"\x80", 1, 0},
		{"", 0, 0},
		{"\xc0", 1, 0},
		{"\xc2\x05\x06", 3, 5},
		{"\xc1\x00", 2, 0},
		{"\xc2\x03", 2, 0},
		{"\xc1\xc0", 2, 0},
		{"\xc3\x82\x12\x34", 4, 0x1234},
	};
	struct rlp_writer w;

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		assert_int_equal(p2p_disconnect_read((const uint8_t *)rows[i].payload, rows[i].n), rows[i].reason);
	rlp_writer_init(&w, NULL);
	p2p_disconnect_write(&w, DISCONNECT_SUBPROTOCOL);
	assert_int_equal(w.len, 2);
	assert_memory_equal(w.data, "\xc1\x10", 2);
	mem_free(w.data);
	rlp_writer_init(&w, NULL);
	p2p_disconnect_write(&w, DISCONNECT_REQUESTED);
	assert_memory_equal(w.data, "\xc1\x80", 2);
	mem_free(w.data);
	assert_string_equal(p2p_disconnect_name(4), "too many peers");
	assert_string_equal(p2p_disconnect_name(16), "subprotocol error");
	assert_string_equal(p2p_disconnect_name(12), "unknown reason");
	assert_string_equal(p2p_disconnect_name(UINT64_MAX), "unknown reason");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(later_version),     cmocka_unit_test(there_and_back), cmocka_unit_test(lenient),
		cmocka_unit_test(many_capabilities), cmocka_unit_test(refusals),       cmocka_unit_test(disconnects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
