#include "base/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_about(int64_t delay, int64_t expected)
{
	assert_in_range(delay, expected * 80 / 100, expected * 120 / 100);
}

static void test_doubles_to_the_ceiling(void **state)
{
	(void)state;
	struct backoff b = {.first_ms = 500, .max_ms = 30000, .steady_ms = 10000};
	static const int64_t expected[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
		assert_about(backoff_next_ms(&b, 0), expected[i]);
	assert_int_equal(b.failures, 9);
}

static void test_steady_run_forgets(void **state)
{
	(void)state;
	struct backoff b = {.first_ms = 500, .max_ms = 30000, .steady_ms = 10000};
	for (int i = 0; i < 5; i++)
		backoff_next_ms(&b, 10000);
	assert_int_equal(b.failures, 5);
	assert_about(backoff_next_ms(&b, 10001), 500);
	assert_about(backoff_next_ms(&b, 0), 1000);
	backoff_reset(&b);
	assert_about(backoff_next_ms(&b, 0), 500);
}

static void test_jitter(void **state)
{
	(void)state;
	bool differs = false;
	struct backoff b = {.first_ms = 10000, .max_ms = 10000};
	int64_t first = backoff_next_ms(&b, 0);
	for (int i = 0; i < 100; i++)
		differs |= backoff_next_ms(&b, 0) != first;
	assert_true(differs);
}

static void test_no_overflow(void **state)
{
	(void)state;
	struct backoff b = {.first_ms = 1, .max_ms = INT64_MAX / 2, .failures = 4000000000U};
	int64_t delay = backoff_next_ms(&b, 0);
	assert_true(delay >= INT64_MAX / 2 / 100 * 80 && delay > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_doubles_to_the_ceiling),
		cmocka_unit_test(test_steady_run_forgets),
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_no_overflow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
