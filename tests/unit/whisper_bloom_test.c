#include "whisper/bloom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/secret.h"

static unsigned bits(const uint8_t bloom[BLOOM_BYTES])
{
	unsigned n = 0;

	for (unsigned i = 0; i < BLOOM_BYTES; i++)
		n += (unsigned)__builtin_popcount(bloom[i]);
	return n;
}

/* go-ethereum v1.9.20 whisper_test.go, TestBloom */
static void test_value_of_go_ethereum(void **state)
{
	const uint8_t topic[TOPIC_BYTES] = {0, 0, 255, 6};
	uint8_t bloom[BLOOM_BYTES], expected[BLOOM_BYTES] = {[0] = 1, [32] = 1, [63] = 128};

	(void)state;
	bloom_of_topic(topic, bloom);
	assert_memory_equal(bloom, expected, BLOOM_BYTES);
	memset(bloom, 0, sizeof bloom);
	bloom_add(bloom, topic);
	assert_memory_equal(bloom, expected, BLOOM_BYTES);
}

/* 7, 5 and 3 share a byte: go-ethereum keeps the last bit only. */
static void test_bits_that_share_a_byte(void **state)
{
	const uint8_t topic[TOPIC_BYTES] = {7, 5, 3, 0};
	uint8_t theirs[BLOOM_BYTES], all[BLOOM_BYTES] = {0};

	(void)state;
	bloom_of_topic(topic, theirs);
	assert_int_equal(theirs[0], 0x08);
	assert_int_equal(bits(theirs), 1);
	bloom_add(all, topic);
	assert_int_equal(all[0], 0xa8);
	assert_int_equal(bits(all), 3);
}

static void test_what_we_advertise_holds_what_go_ethereum_computes(void **state)
{
	unsigned lost = 0, rounds = 20000;

	(void)state;
	for (unsigned i = 0; i < rounds; i++) {
		uint8_t topic[TOPIC_BYTES], theirs[BLOOM_BYTES], ours[BLOOM_BYTES] = {0};

		crypto_random_bytes(topic, sizeof topic);
		bloom_of_topic(topic, theirs);
		bloom_add(ours, topic);
		assert_true(bloom_contains(ours, theirs));
		lost += !bloom_contains(theirs, ours);
	}
	assert_in_range(lost, rounds * 3 / 100, rounds * 6 / 100);
}

static void test_contains(void **state)
{
	const uint8_t a[TOPIC_BYTES] = {1, 2, 3, 0}, b[TOPIC_BYTES] = {200, 100, 50, 7};
	uint8_t full[BLOOM_BYTES], both[BLOOM_BYTES] = {0}, none[BLOOM_BYTES] = {0}, of_a[BLOOM_BYTES],
				   of_b[BLOOM_BYTES];

	(void)state;
	bloom_of_topic(a, of_a);
	bloom_of_topic(b, of_b);
	assert_false(bloom_contains(of_a, of_b));
	assert_false(bloom_contains(none, of_a));
	assert_true(bloom_contains(of_a, none));
	bloom_add(both, a);
	assert_false(bloom_contains(both, of_b));
	bloom_add(both, b);
	assert_true(bloom_contains(both, of_a));
	assert_true(bloom_contains(both, of_b));
	assert_false(bloom_is_full(both));
	bloom_fill(full);
	assert_true(bloom_is_full(full));
	assert_true(bloom_contains(full, both));
	full[BLOOM_BYTES - 1] = 0x7f;
	assert_false(bloom_is_full(full));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_value_of_go_ethereum),
		cmocka_unit_test(test_bits_that_share_a_byte),
		cmocka_unit_test(test_what_we_advertise_holds_what_go_ethereum_computes),
		cmocka_unit_test(test_contains),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
