#include "whisper/pow.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/hex.h"
#include "base/mem.h"

#define DATA_MAX 1024

struct vector {
	enum pow_rule rule;
	uint32_t expiry, ttl;
	uint8_t topic[TOPIC_BYTES], data[DATA_MAX];
	size_t data_bytes;
	uint64_t nonce;
	const char *hash; /* NULL: not known */
	int bits;         /* -1: not known */
	unsigned target_bits;
	double pow;
	uint8_t *short_rlp;
	size_t short_bytes;
};

static uint64_t number(const json_t *row, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(row, key));
}

static size_t bytes(const json_t *row, const char *key, uint8_t *ret_bytes, size_t limit)
{
	const char *text = json_string_value(json_object_get(row, key));
	size_t n = strlen(text) / 2;

	assert_true(n <= limit);
	assert_null(hex_decode(text, ret_bytes, n));
	return n;
}

static struct vector *vector_read(const void *ctx, const json_t *row)
{
	struct vector *v = mem_new(ctx, struct vector);

	v->rule = strcmp(json_string_value(json_object_get(row, "rule")), "legacy") ? POW_EIP627 : POW_LEGACY;
	v->expiry = (uint32_t)number(row, "expiry");
	v->ttl = (uint32_t)number(row, "ttl");
	v->nonce = number(row, "nonce");
	bytes(row, "topic", v->topic, sizeof(v->topic));
	v->data_bytes = bytes(row, "data", v->data, sizeof(v->data));
	v->hash = json_string_value(json_object_get(row, "hash"));
	v->bits = json_object_get(row, "bits") ? (int)number(row, "bits") : -1;
	v->target_bits = (unsigned)number(row, "target_bits");
	v->pow = json_real_value(json_object_get(row, "pow"));
	v->short_rlp = pow_short(v, v->expiry, v->ttl, v->topic, v->data, v->data_bytes, &v->short_bytes);
	return v;
}

static void each_vector(void (*check)(const struct vector *v))
{
	json_error_t why;
	json_t *rows = json_load_file(TEST_SOURCE_DIR "/tests/data/pow/vectors.json", 0, &why), *row;
	size_t i;

	if (!rows)
		fail_msg("%s", why.text);
	assert_true(json_array_size(rows) >= 8);
	json_array_foreach (rows, i, row) {
		struct vector *v = vector_read(NULL, row);

		check(v);
		mem_free(v);
	}
	json_decref(rows);
}

static void check_value(const struct vector *v)
{
	unsigned bits = pow_bits(v->rule, v->short_rlp, v->short_bytes, v->nonce);

	if (v->bits >= 0)
		assert_int_equal(bits, v->bits);
	if (v->hash) {
		uint8_t hash[KECCAK_BYTES];

		assert_null(hex_decode(v->hash, hash, sizeof(hash)));
		assert_int_equal(pow_hash_bits(v->rule, hash), bits);
	}
	/* Bit for bit: peers compare these numbers. */
	assert_true(pow_value(v->rule, bits, v->short_bytes, v->data_bytes, v->ttl) == v->pow);
}

static void test_vectors(void **state)
{
	(void)state;
	each_vector(check_value);
}

static void test_short(void **state)
{
	static const uint8_t want[] = {0xcc, 0x80, 0x01, 0x84, 0, 0, 0, 0, 0x84, 0xde, 0xad, 0xbe, 0xef};
	static const uint8_t topic[TOPIC_BYTES], data[] = {0xde, 0xad, 0xbe, 0xef};
	size_t n;
	uint8_t *rlp = pow_short(NULL, 0, 1, topic, data, sizeof(data), &n);

	(void)state;
	assert_int_equal(n, sizeof(want));
	assert_memory_equal(rlp, want, n);
	mem_free(rlp);
}

static void test_hash_bits(void **state)
{
	uint8_t hash[KECCAK_BYTES] = {0};

	(void)state;
	assert_int_equal(pow_hash_bits(POW_EIP627, hash), 256);
	assert_int_equal(pow_hash_bits(POW_LEGACY, hash), 0);
	hash[31] = 1;
	assert_int_equal(pow_hash_bits(POW_EIP627, hash), 255);
	assert_int_equal(pow_hash_bits(POW_LEGACY, hash), 0);
	hash[31] = 0;
	hash[0] = 0x80;
	assert_int_equal(pow_hash_bits(POW_EIP627, hash), 0);
	assert_int_equal(pow_hash_bits(POW_LEGACY, hash), 255);
	hash[0] = 0;
	hash[9] = 0x10;
	assert_int_equal(pow_hash_bits(POW_EIP627, hash), 75);
	assert_int_equal(pow_hash_bits(POW_LEGACY, hash), 8 * 22 + 4);
}

static void test_value_edges(void **state)
{
	(void)state;
	assert_true(isinf(pow_value(POW_EIP627, 3, 100, 90, 0)));
	assert_true(pow_value(POW_EIP627, 256, 1, 0, 1) == ldexp(1, 256));
	assert_true(pow_value(POW_LEGACY, 0, 7, 0, 1) == 1.0 / 20);
}

static void test_target_bits(void **state)
{
	static const double targets[] = {1e-9, 0.002, 0.2, 1, 2, 2.5, 100, 1e6};
	static const uint32_t ttls[] = {1, 50, 100, 65536, UINT32_MAX};
	static const size_t sizes[] = {0, 4, 284, 369, 65536, 10 << 20};

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		for (size_t j = 0; j < 5; j++) {
			for (size_t k = 0; k < 6; k++) {
				size_t n = sizes[k], s = n + 24;
				unsigned bits = pow_target_bits(targets[i], s, n, ttls[j]);
				double larger = n + 20 > s ? (double)n + 20 : (double)s;
				double exact = log2(targets[i] * larger * ttls[j]);

				assert_true(bits >= 1);
				assert_true(pow_value(POW_EIP627, bits, s, n, ttls[j]) >= targets[i]);
				assert_true(pow_value(POW_LEGACY, bits, s, n, ttls[j]) >= targets[i]);
				assert_true(bits == 1 || fabs(ceil(exact) - bits) < 0.5);
			}
		}
	}
	/* What go-ethereum takes for its usual messages. */
	assert_int_equal(pow_target_bits(0.2, 300, 284, 50), 12);
	assert_int_equal(pow_target_bits(2.0, 300, 284, 100), 16);
	/* The larger of both sizes counts: 64 by 20 + 44, more by a longer short. */
	assert_int_equal(pow_target_bits(1, 60, 44, 1), 6);
	assert_int_equal(pow_target_bits(1, 65, 44, 1), 7);
	assert_int_equal(pow_target_bits(0, 300, 284, 50), 0);
	assert_int_equal(pow_target_bits(-1, 300, 284, 50), 0);
	assert_int_equal(pow_target_bits(NAN, 300, 284, 50), 0);
	assert_int_equal(pow_target_bits(INFINITY, 300, 284, 50), 256);
	assert_int_equal(pow_target_bits(5, 300, 284, 0), 1);
}

/* --- scanning; `bits` by pow_bits() is the truth --- */

static void check_find_first(const struct vector *v)
{
	const struct keccak_lanes *const *all = keccak_lanes_all();

	for (size_t i = 0; v->target_bits && all[i]; i++) {
		struct pow_scan *s = pow_scan_new(NULL, v->rule, v->short_rlp, v->short_bytes, all[i]);
		unsigned bits = 0;
		uint64_t nonce = 0;

		assert_true(pow_scan_find(s, 0, 1 << 20, v->target_bits, &nonce, &bits));
		assert_int_equal(nonce, v->nonce);
		assert_int_equal(bits, v->bits);
		/* One too few. */
		assert_false(pow_scan_find(s, 0, v->nonce, v->target_bits, &nonce, &bits));
		mem_free(s);
	}
}

static void test_find_vectors(void **state)
{
	(void)state;
	each_vector(check_find_first);
}

static void check_stretch(const struct keccak_lanes *lanes, enum pow_rule rule, const uint8_t *text, size_t n,
			  uint64_t first, unsigned count)
{
	struct pow_scan *s = pow_scan_new(NULL, rule, text, n, lanes);
	unsigned best = 0, bits = 0;
	uint64_t best_nonce = first, nonce = 0;

	for (unsigned i = 0; i < count; i++) {
		unsigned truth = pow_bits(rule, text, n, first + i);

		/* A single one, whatever lane it would be in. */
		assert_true(pow_scan_find(s, first + i, 1, truth, &nonce, &bits));
		assert_true(nonce == first + i);
		assert_int_equal(bits, truth);
		assert_false(pow_scan_find(s, first + i, 1, truth + 1, &nonce, &bits));
		if (truth > best) {
			best = truth;
			best_nonce = first + i;
		}
	}
	pow_scan_best(s, first, count, &bits, &nonce);
	assert_int_equal(bits, best);
	assert_true(nonce == best_nonce);
	mem_free(s);
}

/* Every place of the nonce in its block, over the carries of its bytes. */
static void test_scan_all_lengths(void **state)
{
	static const uint64_t firsts[] = {0, 0xfa, 0xfffb, 0xfffffffaULL, 0x0123456789abcdfbULL, UINT64_MAX - 9};
	const struct keccak_lanes *const *all = keccak_lanes_all();
	uint8_t text[2 * KECCAK_RATE + 12];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7 + 1);
	for (size_t i = 0; all[i]; i++) {
		for (size_t n = 0; n < sizeof(text); n++)
			check_stretch(all[i], POW_EIP627, text, n, firsts[n % 6], 21);
		for (size_t n = KECCAK_RATE - 9; n <= KECCAK_RATE; n++) {
			for (size_t f = 0; f < 6; f++)
				check_stretch(all[i], POW_EIP627, text, n, firsts[f], 21);
		}
		for (size_t f = 0; f < 6; f++)
			check_stretch(all[i], POW_LEGACY, text, 40 + f, firsts[f], 21);
	}
}

/* The bits of long stretches agree for all kinds of lanes. */
static void test_scan_kinds_agree(void **state)
{
	const struct keccak_lanes *const *all = keccak_lanes_all();
	uint8_t text[129] = {1};

	(void)state;
	for (size_t n = 127; n <= 129; n++) {
		for (int rule = 0; rule < POW_RULES; rule++) {
			unsigned want_bits = 0;
			uint64_t want_nonce = 0;

			for (size_t i = 0; all[i]; i++) {
				struct pow_scan *s = pow_scan_new(NULL, (enum pow_rule)rule, text, n, all[i]);
				unsigned bits;
				uint64_t nonce;

				pow_scan_best(s, 1000, 6001, &bits, &nonce);
				assert_true(bits >= 6);
				assert_int_equal(pow_bits((enum pow_rule)rule, text, n, nonce), bits);
				if (i > 0) {
					assert_int_equal(bits, want_bits);
					assert_int_equal(nonce, want_nonce);
				}
				want_bits = bits;
				want_nonce = nonce;
				mem_free(s);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),          cmocka_unit_test(test_short),
		cmocka_unit_test(test_hash_bits),        cmocka_unit_test(test_value_edges),
		cmocka_unit_test(test_target_bits),      cmocka_unit_test(test_find_vectors),
		cmocka_unit_test(test_scan_all_lengths), cmocka_unit_test(test_scan_kinds_agree),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
