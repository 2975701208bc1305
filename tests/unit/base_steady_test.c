/* Clocks that are set, and clocks that are only corrected; and the bucket that bounds what comes too often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bucket.h"
#include "base/steady.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

static void test_jumps(void **state)
{
	const int64_t jumps[] = {HOUR_MS, -HOUR_MS, DAY_MS, -30 * DAY_MS, STEADY_JUMP_MS, -STEADY_JUMP_MS};
	int64_t wall = 1700000000000, mono = 5000;
	struct steady s = {0};

	(void)state;
	assert_int_equal(steady_look(&s, wall, mono), 0);
	assert_int_equal(s.since_ms, mono);
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		wall += 1000 + jumps[i];
		mono += 1000;
		assert_int_equal(steady_look(&s, wall, mono), jumps[i]);
		assert_int_equal(s.since_ms, mono);
	}
}

static void test_corrections(void **state)
{
	int64_t wall = 1700000000000, mono = 5000;
	struct steady s = {0};

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(steady_look(&s, wall, mono), 0);
		wall += 60000 + (i % 2 ? STEADY_JUMP_MS - 1 : 1 - STEADY_JUMP_MS);
		mono += 60000;
	}
	assert_int_equal(s.since_ms, 5000);
}

static void test_bucket(void **state)
{
	struct bucket b = {.per_s = 5, .burst = 20};
	int taken = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		taken += bucket_take(&b, 1000);
	assert_int_equal(taken, 20);
	assert_false(bucket_take(&b, 1199));
	assert_true(bucket_take(&b, 1200));
	assert_false(bucket_take(&b, 1200));
	for (int64_t ms = 1200; ms < 11200; ms++)
		taken += bucket_take(&b, ms);
	assert_in_range(taken, 69, 71);
	/* Never more than its burst, however long nobody came. */
	taken = 0;
	for (int i = 0; i < 1000; i++)
		taken += bucket_take(&b, DAY_MS);
	assert_int_equal(taken, 20);
	b = (struct bucket){0};
	assert_false(bucket_take(&b, DAY_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jumps),
		cmocka_unit_test(test_corrections),
		cmocka_unit_test(test_bucket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
