/* What a load's counts come to, when it counts as whole, and what is told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "devnet/load_impl.h"

static const struct load_result good = {.gas_limit = 23000000,
					.gas_per_call = 26994,
					.block_s = 1,
					.limit = 852,
					.rate = 426,
					.window_s = 2,
					.window_calls = 852,
					.sent = 900,
					.confirmed = 900,
					.receipts = 10,
					.counter = 900};

static void whole(void **state)
{
	struct load_result r = good;

	(void)state;
	assert_true(load_whole(&r));
	r.sent = r.confirmed = 0;
	r.counter = 0;
	assert_false(load_whole(&r)); /* nothing was tried, so nothing is shown */
}

/* Each on its own is enough. */
static void not_whole(void **state)
{
	static const size_t counts[] = {
		offsetof(struct load_result, reverted),  offsetof(struct load_result, refused),
		offsetof(struct load_result, unsettled), offsetof(struct load_result, twice),
		offsetof(struct load_result, gaps),      offsetof(struct load_result, accounts_wrong),
	};
	struct load_result r;

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		r = good;
		*(size_t *)((char *)&r + counts[i]) = 1;
		assert_false(load_whole(&r));
	}
	r = good;
	r.confirmed--;
	assert_false(load_whole(&r));
	r = good;
	r.counter++;
	assert_false(load_whole(&r));
}

/* Six blocks a second apart; the first one is not whole. */
static struct load_block blocks_of_six[] = {{1, 5000, 0, 0, 9, 4},   {2, 6000, 0, 0, 10, 10}, {3, 7000, 0, 0, 10, 8},
					    {4, 8000, 0, 0, 10, 10}, {5, 9000, 0, 0, 10, 10}, {6, 10000, 0, 0, 1, 1}};

static struct load_result over(struct load_block *blocks, size_t count)
{
	return (struct load_result){.gas_limit = 1000, .gas_per_call = 96, .blocks = blocks, .block_count = count};
}

/* The first block's calls are not counted, its time is where the window begins. */
static void window(void **state)
{
	struct load_result r = over(blocks_of_six, 6);

	(void)state;
	load_measure(&r, 4);
	assert_int_equal(r.window_calls, 38);
	assert_int_equal(r.window_s, 4);
	assert_float_equal(r.rate, 9.5, 0.001);
	assert_float_equal(r.block_s, 1, 0.001);
	assert_float_equal(r.limit, 10, 0.001); /* whole calls: 10.4 fit */
	r = over(blocks_of_six, 6);
	load_measure(&r, 2);
	assert_int_equal(r.window_calls, 18);
}

/* A chain that stands still takes nothing in that time. */
static void window_without_its_end(void **state)
{
	struct load_result r = over(blocks_of_six, 3);

	(void)state;
	load_measure(&r, 6);
	assert_int_equal(r.window_s, 6);
	assert_float_equal(r.rate, 3, 0.001);
	assert_float_equal(r.block_s, 1, 0.001); /* of the blocks that are there */
}

static void window_of_slow_blocks(void **state)
{
	struct load_block blocks[] = {{1, 0, 0, 0, 3, 3}, {2, 5000, 0, 0, 10, 10}, {3, 10000, 0, 0, 10, 10}};
	struct load_result r = over(blocks, 3);

	(void)state;
	load_measure(&r, 10);
	assert_float_equal(r.rate, 2, 0.001);
	assert_float_equal(r.limit, 2, 0.001);
}

/* Nothing is measured; in particular nothing is divided by. */
static void no_window(void **state)
{
	struct load_block together[] = {{1, 5000, 0, 0, 3, 3}, {2, 5000, 0, 0, 3, 3}};
	struct load_result r = over(NULL, 0);

	(void)state;
	load_measure(&r, 60);
	assert_int_equal(r.window_s, 0);
	r = over(blocks_of_six, 1);
	load_measure(&r, 60);
	assert_int_equal(r.window_s, 0);
	r = over(blocks_of_six, 6);
	load_measure(&r, 0); /* ended within the first second */
	assert_int_equal(r.window_s, 0);
	assert_int_equal(r.window_calls, 0);
	r = over(together, 2); /* anvil can give two blocks one time */
	load_measure(&r, 1);
	assert_float_equal(r.rate, 3, 0.001);
	assert_float_equal(r.limit, 0, 0.001);
}

static void nonces(void **state)
{
	uint8_t seen[3] = {0};
	struct load_nonces n = {.first = 7, .count = 3, .seen = seen};
	struct load_result r = {0};

	(void)state;
	load_count_nonce(&r, &n, 7);
	load_count_nonce(&r, &n, 9);
	assert_int_equal(r.confirmed, 2);
	assert_int_equal(r.twice, 0);
	load_count_gaps(&r, &n);
	assert_int_equal(r.gaps, 1); /* 8 */
	load_count_nonce(&r, &n, 8);
	load_count_nonce(&r, &n, 8);
	assert_int_equal(r.twice, 1);
}

/* Somebody else uses the account's key. */
static void strange_nonces(void **state)
{
	uint8_t seen[3] = {0};
	struct load_nonces n = {.first = 7, .count = 3, .seen = seen};
	static const uint64_t strange[] = {0, 6, 10, UINT64_MAX};
	struct load_result r = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		load_count_nonce(&r, &n, strange[i]);
		assert_int_equal(r.gaps, i + 1);
	}
	assert_int_equal(r.confirmed, 0);
}

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void json(void **state)
{
	struct load_sample samples[] = {{1500, 40, 7}, {1600, -1, 8}};
	struct load_block blocks[] = {{7, 2000, 500, 1000, 3, 2}};
	struct load_result r = good;
	const json_t *list;
	json_t *o;

	(void)state;
	r.samples = samples;
	r.sample_count = 2;
	r.blocks = blocks;
	r.block_count = 1;
	o = load_json(&r);
	assert_string_equal(text(o, "ratio"), "0.50");
	assert_string_equal(text(o, "rate_per_s"), "426.00");
	assert_string_equal(text(o, "whole"), "yes");
	assert_string_equal(text(o, "sent"), "900");
	list = json_object_get(o, "blocks");
	assert_string_equal(text(json_array_get(list, 0), "time"), "2");
	assert_string_equal(text(json_array_get(list, 0), "calls"), "2");
	list = json_object_get(o, "samples");
	assert_string_equal(text(json_array_get(list, 0), "time"), "1.500");
	assert_string_equal(text(json_array_get(list, 0), "pool"), "40");
	assert_null(text(json_array_get(list, 1), "pool")); /* the node gave no answer */
	json_decref(o);
	r.limit = 0;
	o = load_json(&r);
	assert_string_equal(text(o, "ratio"), "0.00");
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(not_whole),
		cmocka_unit_test(window),
		cmocka_unit_test(window_without_its_end),
		cmocka_unit_test(window_of_slow_blocks),
		cmocka_unit_test(no_window),
		cmocka_unit_test(nonces),
		cmocka_unit_test(strange_nonces),
		cmocka_unit_test(json),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
