/* When what was not taken is sent again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "manager/jobs/run_retry.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const char *const nodes[] = {A};

/* When it is tried next, from `now_ms` on. */
static int64_t next(const struct run_retries *all, const char *job, int64_t now_ms)
{
	int64_t at_ms = now_ms;

	while (!run_retries_may(all, job, at_ms))
		at_ms += 100;
	return at_ms;
}

static void test_pauses_grow_up_to_a_bound(void **state)
{
	struct run_retries *all = run_retries_new(NULL);
	int64_t now_ms = 1000000, before_ms = 0, pause_ms = 0;
	int tries = 0;

	(void)state;
	assert_true(run_retries_may(all, "1", now_ms));
	/* The jitter is a fifth. */
	for (int64_t ideal_ms = RUN_RETRY_MS; ideal_ms < RUN_RETRY_MOST_MS; ideal_ms *= 2) {
		before_ms = now_ms;
		run_retries_put_off(all, "1", nodes, 1, now_ms);
		now_ms = next(all, "1", now_ms);
		pause_ms = now_ms - before_ms;
		assert_in_range(pause_ms, ideal_ms * 8 / 10, ideal_ms * 12 / 10 + 100);
	}
	/* An hour of it: not 720 tries. */
	for (before_ms = now_ms; now_ms < before_ms + 3600000; tries++) {
		run_retries_put_off(all, "1", nodes, 1, now_ms);
		now_ms = next(all, "1", now_ms);
	}
	assert_in_range(tries, 9, 16);
	mem_free(all);
}

static void test_who_is_heard_is_told_at_once(void **state)
{
	struct run_retries *all = run_retries_new(NULL);

	(void)state;
	run_retries_put_off(all, "1", nodes, 1, 1000);
	run_retries_put_off(all, "2", nodes, 0, 1000);
	run_retries_heard(all, B);
	assert_false(run_retries_may(all, "1", 1001));
	run_retries_heard(all, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	assert_true(run_retries_may(all, "1", 1001));
	assert_false(run_retries_may(all, "2", 1001));
	assert_true(run_retries_may(all, "3", 1001));
	mem_free(all);
}

static void test_forgotten(void **state)
{
	struct run_retries *all = run_retries_new(NULL);

	(void)state;
	for (int i = 0; i < 3; i++) {
		run_retries_put_off(all, "1", nodes, 1, 1000);
		run_retries_put_off(all, "2", nodes, 1, 1000);
	}
	run_retries_forget(all, "1");
	assert_true(run_retries_may(all, "1", 1001));
	assert_false(run_retries_may(all, "2", 1001));
	/* It begins with the shortest again. */
	run_retries_put_off(all, "1", nodes, 1, 1000);
	assert_true(run_retries_may(all, "1", 1000 + RUN_RETRY_MS * 12 / 10 + 1));
	run_retries_forget(all, NULL);
	assert_true(run_retries_may(all, "2", 1001));
	mem_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pauses_grow_up_to_a_bound),
		cmocka_unit_test(test_who_is_heard_is_told_at_once),
		cmocka_unit_test(test_forgotten),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
