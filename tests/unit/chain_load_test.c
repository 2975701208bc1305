/* When a load counts as whole, and what is told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "chain/load.h"

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
		cmocka_unit_test(json),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
