#include "whisper/packet.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "whisper/bloom.h"
#include "whisper_vectors.h"

static struct error *status_of(const char *hex, struct shh_status *ret_status)
{
	size_t n;
	uint8_t *bytes = bytes_of_hex(NULL, hex, &n);
	struct error *e = packet_status_read(bytes, n, ret_status);

	mem_free(bytes);
	return e;
}

static void test_status_of_a_default_go_ethereum(void **state)
{
	json_t *all = vectors_load();
	const char *hex = json_string_value(vector_at(all, "status_default"));
	struct shh_status s;
	struct rlp_writer w;
	char *written;

	(void)state;
	assert_null(status_of(hex, &s));
	assert_int_equal(s.version, 6);
	assert_true(s.min_pow == 0.2);
	assert_true(bloom_is_full(s.bloom));
	assert_false(s.light);
	rlp_writer_init(&w, NULL);
	packet_status_write(&w, &s);
	written = hex_encode(NULL, w.data, w.len);
	assert_string_equal(written, hex);
	mem_free(written);
	mem_free(w.data);
	json_decref(all);
}

static void test_status_there_and_back(void **state)
{
	struct shh_status s = {.version = 6, .min_pow = 1e-5, .light = true, .bloom = {[3] = 7, [63] = 0x80}}, again;
	struct rlp_writer w;

	(void)state;
	rlp_writer_init(&w, NULL);
	packet_status_write(&w, &s);
	assert_null(packet_status_read(w.data, w.len, &again));
	assert_true(again.min_pow == s.min_pow);
	assert_true(again.light);
	assert_memory_equal(again.bloom, s.bloom, BLOOM_BYTES);
	mem_free(w.data);
}

static void test_status_with_less_or_more(void **state)
{
	static const struct {
		const char *hex;
		double pow;
		bool light;
	} rows[] = {
		{"c106", 0, false},
		{"c20680", 0, false},
		{"ca06883fc999999999999a", 0.2, false},
		{"cb06883fc999999999999a80", 0.2, false},
		{"cc06883fc999999999999a8001", 0.2, true},
		{"cc06883fc999999999999a8002", 0.2, false},  /* no boolean */
		{"cc06883fc999999999999ac001", 0.2, false},  /* no string: light is not looked for behind it */
		{"c206c0", 0, false},                        /* no integer */
		{"cd06883fc999999999999a800180", 0.2, true}, /* further items, */
		{"d106883fc999999999999a8001"
		 "80c3010203",
		 0.2, true},                                 /* as status-go sends them */
		{"cc06883fc999999999999a8001ff", 0.2, true}, /* something behind the list */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct shh_status s;

		assert_null(status_of(rows[i].hex, &s));
		assert_true(s.min_pow == rows[i].pow);
		assert_true(bloom_is_full(s.bloom));
		assert_int_equal(s.light, rows[i].light);
	}
}

static void test_status_refusals(void **state)
{
	static const struct {
		const char *hex, *words;
	} rows[] = {
		{"", "status"},
		{"06", "status"},
		{"c0", "status"},
		{"c206", "status"},
		{"c1c0", "status"},
		{"c20006", "status"},
		{"c105", "version 5"},
		{"c20780", "version 7"},
		{"ca06887ff0000000000000", "infinite"},
		{"ca0688fff0000000000000", "infinite"},
		{"ca06887ff8000000000000", "not a number"},
		{"ca0688fff8000000000001", "not a number"},
		{"ca0688bff0000000000000", "negative"},
		{"ca06888000000000000000", "negative"}, /* -0.0 */
		{"cc06883fc999999999999a01", "status"}, /* the list is longer than the packet */
		{"cb06883fc999999999999a01", "bloom filter has 1"},
		{"ce06883fc999999999999a83010203", "bloom filter has 3"},
	};
	struct shh_status s;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_error(status_of(rows[i].hex, &s), ERROR_INVALID, rows[i].words);
}

static void test_pow_requirement(void **state)
{
	static const struct {
		const char *hex, *words; /* words NULL: good */
		double pow;
	} rows[] = {
		{"80", NULL, 0},
		{"883ff0000000000000", NULL, 1},
		{"883fc999999999999a", NULL, 0.2},
		{"887fefffffffffffff", NULL, 1.7976931348623157e308},
		{"01", NULL, 4.9406564584124654e-324},
		{"", "PoW requirement", 0},
		{"00", "PoW requirement", 0},
		{"c0", "PoW requirement", 0},
		{"c9883ff0000000000000", "PoW requirement", 0},
		{"89013ff000000000000000", "PoW requirement", 0},
		{"8800f0000000000000", "PoW requirement", 0},
		{"883ff00000000000", "PoW requirement", 0},
		{"887ff0000000000000", "infinite", 0},
		{"88fff0000000000000", "infinite", 0},
		{"887ff0000000000001", "not a number", 0},
		{"888000000000000000", "negative", 0},
		{"88bfb999999999999a", "negative", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t n;
		uint8_t *bytes = bytes_of_hex(NULL, rows[i].hex, &n);
		double pow = -1;
		struct error *e = pow_requirement_read(bytes, n, &pow);

		if (rows[i].words) {
			assert_error(e, ERROR_INVALID, rows[i].words);
			assert_true(pow == -1);
		} else {
			struct rlp_writer w;

			assert_null(e);
			assert_true(pow == rows[i].pow);
			rlp_writer_init(&w, bytes);
			pow_requirement_write(&w, pow);
			assert_int_equal(w.len, n);
			assert_memory_equal(w.data, bytes, n);
		}
		mem_free(bytes);
	}
}

static void test_bloom_filter(void **state)
{
	uint8_t bloom[BLOOM_BYTES] = {1, [63] = 2}, again[BLOOM_BYTES], longer[BLOOM_BYTES + 1] = {9};
	struct rlp_writer w;

	(void)state;
	rlp_writer_init(&w, NULL);
	bloom_write(&w, bloom);
	assert_int_equal(w.len, 2 + BLOOM_BYTES);
	assert_null(bloom_read(w.data, w.len, again));
	assert_memory_equal(again, bloom, BLOOM_BYTES);
	assert_error(bloom_read(w.data, w.len - 1, again), ERROR_INVALID, "bloom filter");
	assert_error(bloom_read(w.data, 0, again), ERROR_INVALID, "bloom filter");
	assert_error(bloom_read((const uint8_t *)"\x80", 1, again), ERROR_INVALID, "bloom filter");
	assert_error(bloom_read((const uint8_t *)"\xc0", 1, again), ERROR_INVALID, "bloom filter");
	mem_free(w.data);
	for (size_t n = BLOOM_BYTES - 1; n <= BLOOM_BYTES + 1; n += 2) {
		rlp_writer_init(&w, NULL);
		rlp_write_bytes(&w, longer, n);
		assert_error(bloom_read(w.data, w.len, again), ERROR_INVALID, "bloom filter");
		mem_free(w.data);
	}
	assert_memory_equal(again, bloom, BLOOM_BYTES);
}

/* As a node goes through them; -1: one of them is none. */
static int count_envelopes(struct rlp items)
{
	int n = 0;

	for (; !rlp_at_end(&items); n++) {
		struct error *e = rlp_next_is_list(&items) ? rlp_skip(&items) : error_new(ERROR_INVALID, "no list");

		error_free(e);
		if (e)
			return -1;
	}
	return n;
}

#define ENVELOPE "cb010284aabbccdd82beef05"

static void test_messages(void **state)
{
	static const struct {
		const char *hex;
		int count, direct; /* envelopes; -1: refused */
	} rows[] = {
		{"c0", 0, 0},
		{"cc" ENVELOPE, 1, 1},
		{"d8" ENVELOPE ENVELOPE, 2, 2},
		{ENVELOPE, -1, 1},
		{"cc" ENVELOPE "ff", 1, 1}, /* something behind it: as go-ethereum, not looked at */
		{ENVELOPE "ff", -1, 1},
		{"", -1, -1},
		{"80", -1, -1},
		{"83010203", -1, -1},
		{"cd" ENVELOPE, -1, -1},
		{"cd" ENVELOPE "05", -1, -1},
		{"cb" ENVELOPE, -1, -1}, /* the envelope is longer than the list */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t n;
		uint8_t *bytes = bytes_of_hex(NULL, rows[i].hex, &n);
		struct rlp items;
		struct error *e = messages_read(bytes, n, &items);

		assert_int_equal(e ? -1 : count_envelopes(items), rows[i].count);
		error_free(e);
		e = packet_direct_read(bytes, n, &items);
		assert_int_equal(e ? -1 : count_envelopes(items), rows[i].direct);
		error_free(e);
		mem_free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_of_a_default_go_ethereum),
		cmocka_unit_test(test_status_there_and_back),
		cmocka_unit_test(test_status_with_less_or_more),
		cmocka_unit_test(test_status_refusals),
		cmocka_unit_test(test_pow_requirement),
		cmocka_unit_test(test_bloom_filter),
		cmocka_unit_test(test_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
