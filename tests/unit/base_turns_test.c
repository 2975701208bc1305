/* Long work in slices: everybody gets his turn, and what is freed is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/turns.h"

struct job {
	struct turn *turn, *victim;
	int left, done;
	int64_t slice_us;
	int *total, seen_at_end;
};

static bool on_turn(void *arg)
{
	struct job *j = arg;
	int64_t end_us = clock_mono_us() + j->slice_us;

	while (clock_mono_us() < end_us)
		;
	j->done++;
	++*j->total;
	mem_free(j->victim);
	j->victim = NULL;
	if (--j->left > 0)
		return true;
	j->seen_at_end = *j->total;
	return false;
}

static void run(struct job *jobs, size_t count)
{
	void *ctx = mem_new(NULL, char);
	struct turns *turns;
	uv_loop_t loop;
	int total = 0;

	uv_loop_init(&loop);
	turns = turns_new(ctx, &loop);
	for (size_t i = 0; i < count; i++) {
		jobs[i].total = &total;
		jobs[i].turn = turns_add(ctx, turns, on_turn, &jobs[i]);
	}
	if (count > 2)
		jobs[0].victim = jobs[2].turn;
	uv_run(&loop, UV_RUN_DEFAULT);
	mem_free(ctx);
	loop_drain(&loop);
	assert_int_equal(uv_loop_close(&loop), 0);
}

/* The one with little to do is done after as many slices of each. */
static void test_in_order(void **state)
{
	struct job jobs[] = {{.left = 1000}, {.left = 10}};

	(void)state;
	run(jobs, 2);
	assert_int_equal(jobs[0].done, 1000);
	assert_int_equal(jobs[1].done, 10);
	assert_int_equal(jobs[1].seen_at_end, 20);
}

/* Also when a turn of the loop has time for one of them only. */
static void test_slow_slices(void **state)
{
	struct job jobs[] = {{.left = 4, .slice_us = 2LL * TURNS_ALL_US}, {.left = 2, .slice_us = 2LL * TURNS_ALL_US}};

	(void)state;
	run(jobs, 2);
	assert_int_equal(jobs[0].done, 4);
	assert_int_equal(jobs[1].seen_at_end, 4);
}

static void test_freed_by_another(void **state)
{
	struct job jobs[] = {{.left = 3}, {.left = 3}, {.left = 3}};

	(void)state;
	run(jobs, 3);
	assert_int_equal(jobs[0].done, 3);
	assert_int_equal(jobs[1].done, 3);
	assert_int_equal(jobs[2].done, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_slow_slices),
		cmocka_unit_test(test_freed_by_another),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
