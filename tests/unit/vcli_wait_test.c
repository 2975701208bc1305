/* The one place where vcli waits: what ends a wait, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "vcli/wait.h"

#define FAR_MS 30000

static int setup(void **state)
{
	uv_loop_t *loop = mem_new(NULL, uv_loop_t);

	uv_loop_init(loop);
	*state = loop;
	return 0;
}

static int teardown(void **state)
{
	uv_loop_t *loop = *state;

	loop_drain(loop);
	assert_int_equal(uv_loop_close(loop), 0);
	mem_free(loop);
	return 0;
}

static void set(void *arg)
{
	*(bool *)arg = true;
}

/* Timers run before the loop sleeps, and nothing else would wake it for long. */
static void a_flag_ends_it_at_once(void **state)
{
	int64_t began_ms = clock_mono_ms();
	bool done = false, far = false;
	struct timer *soon = timer_start(NULL, *state, 0, 0, set, &done),
		     *late = timer_start(NULL, *state, FAR_MS, 0, set, &far);

	assert_true(vcli_wait(*state, &done, VCLI_WAIT_FOREVER));
	assert_true(clock_mono_ms() - began_ms < FAR_MS / 2);
	assert_false(far);
	mem_free(soon);
	mem_free(late);
}

static void what_is_over_does_not_run_the_loop(void **state)
{
	bool done = true, ran = false, never = false;
	struct timer *t = timer_start(NULL, *state, 0, 0, set, &ran);

	assert_true(vcli_wait(*state, &done, VCLI_WAIT_FOREVER));
	assert_false(vcli_wait(*state, &never, clock_mono_ms()));
	assert_false(ran);
	mem_free(t);
}

/* A loop without anything else in it sleeps until then. */
static void a_deadline_ends_it(void **state)
{
	int64_t until_ms = clock_mono_ms() + 30;
	bool never = false;

	assert_false(vcli_wait(*state, &never, until_ms));
	assert_true(clock_mono_ms() + 1 >= until_ms);
	assert_true(clock_mono_ms() < until_ms + FAR_MS);
}

struct nested {
	uv_loop_t *loop;
	bool inner, outer;
	struct timer *timer;
};

static void wait_inside(void *arg)
{
	struct nested *n = arg;

	n->timer = timer_start(NULL, n->loop, 1, 0, set, &n->inner);
	assert_true(vcli_wait(n->loop, &n->inner, clock_mono_ms() + FAR_MS));
	n->outer = true;
}

static void waits_may_be_nested(void **state)
{
	struct nested n = {.loop = *state};
	struct timer *t = timer_start(NULL, *state, 0, 0, wait_inside, &n);

	assert_true(vcli_wait(*state, &n.outer, clock_mono_ms() + FAR_MS));
	mem_free(n.timer);
	mem_free(t);
}

static void on_turn(uv_check_t *turn)
{
	++*(int *)turn->data;
}

static void wait_inside_when_outside_is_over(void *arg)
{
	struct nested *n = arg;
	bool never = false;
	int turns = 0;
	uv_check_t turn = {.data = &turns};

	n->outer = true;
	uv_check_init(n->loop, &turn);
	uv_check_start(&turn, on_turn);
	assert_false(vcli_wait(n->loop, &never, clock_mono_ms() + 100));
	uv_close((uv_handle_t *)&turn, NULL);
	n->inner = turns < 20;
	uv_run(n->loop, UV_RUN_NOWAIT); /* the handle is closed before it goes */
}

/* The loop sleeps as long as the inner one has nothing to do. */
static void what_is_over_outside_keeps_nobody_awake(void **state)
{
	struct nested n = {.loop = *state};
	struct timer *t = timer_start(NULL, *state, 0, 0, wait_inside_when_outside_is_over, &n);

	assert_true(vcli_wait(*state, &n.outer, clock_mono_ms() + FAR_MS));
	assert_true(n.inner);
	mem_free(t);
}

static bool is_three(const void *arg)
{
	return *(const int *)arg == 3;
}

static void count(void *arg)
{
	++*(int *)arg;
}

static void a_question_is_asked_before_each_sleep(void **state)
{
	int n = 0;
	struct timer *t = timer_start(NULL, *state, 1, 1, count, &n);

	assert_true(vcli_wait_until(*state, is_three, &n, clock_mono_ms() + FAR_MS));
	assert_int_equal(n, 3);
	mem_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_flag_ends_it_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_over_does_not_run_the_loop, setup, teardown),
		cmocka_unit_test_setup_teardown(a_deadline_ends_it, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_may_be_nested, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_over_outside_keeps_nobody_awake, setup, teardown),
		cmocka_unit_test_setup_teardown(a_question_is_asked_before_each_sleep, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
