#include "base/loop.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"

struct fixture {
	uv_loop_t loop;
	void *ctx;
	int count;
	int done, drop;
	int signum;
	struct timer *timer;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	uv_loop_init(&f->loop);
	f->ctx = talloc_new(NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	mem_free(f->ctx);
	loop_drain(&f->loop);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	free(f);
	return 0;
}

static void count_three(void *arg)
{
	struct fixture *f = arg;
	if (++f->count == 3)
		uv_stop(&f->loop);
}

static void stop(void *arg)
{
	struct fixture *f = arg;
	uv_stop(&f->loop);
}

static void count(void *arg)
{
	struct fixture *f = arg;
	f->count++;
}

static void test_timer_repeats(void **state)
{
	struct fixture *f = *state;
	int64_t from = clock_mono_ms();
	timer_start(f->ctx, &f->loop, 10, 20, count_three, f);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(f->count, 3);
	assert_true(clock_mono_ms() - from >= 49);
}

static void test_freed_timer_never_fires(void **state)
{
	struct fixture *f = *state;
	struct timer *t = timer_start(f->ctx, &f->loop, 5, 0, count, f);
	timer_start(f->ctx, &f->loop, 40, 0, stop, f);
	mem_free(t);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(f->count, 0);
}

static void free_itself(void *arg)
{
	struct fixture *f = arg;
	f->count++;
	mem_free(f->timer);
}

static void test_timer_frees_itself(void **state)
{
	struct fixture *f = *state;
	f->timer = timer_start(f->ctx, &f->loop, 1, 1, free_itself, f);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(f->count, 1);
}

static void test_timer_again(void **state)
{
	struct fixture *f = *state;
	struct timer *t = timer_start(f->ctx, &f->loop, 60000, 0, stop, f);
	timer_again(t, 1, 0);
	int64_t from = clock_mono_ms();
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_true(clock_mono_ms() - from < 30000);
}

static void job_run(void *arg)
{
	struct fixture *f = arg;
	usleep(1000);
	__atomic_add_fetch(&f->count, 1, __ATOMIC_SEQ_CST);
}

static void job_done(void *arg)
{
	struct fixture *f = arg;
	assert_int_equal(f->drop, 0);
	f->done++;
}

static void job_drop(void *arg)
{
	struct fixture *f = arg;
	f->drop++;
}

static void test_work(void **state)
{
	struct fixture *f = *state;
	work_start(f->ctx, &f->loop, job_run, job_done, job_drop, f);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->done, 1);
	assert_int_equal(f->drop, 1);
}

static void test_work_of_a_gone_owner(void **state)
{
	struct fixture *f = *state;
	enum { JOBS = 40 };
	for (int i = 0; i < JOBS; i++)
		work_start(f->ctx, &f->loop, job_run, job_done, job_drop, f);
	mem_free(f->ctx);
	f->ctx = talloc_new(NULL);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(f->done, 0);
	assert_int_equal(f->drop, JOBS);
}

static void free_owner(void *arg)
{
	struct fixture *f = arg;
	f->done++;
	mem_free(f->ctx);
	f->ctx = talloc_new(NULL);
}

static void test_work_frees_its_owner(void **state)
{
	struct fixture *f = *state;
	work_start(f->ctx, &f->loop, job_run, free_owner, job_drop, f);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(f->done, 1);
	assert_int_equal(f->drop, 1);
}

static void signal_came(int signum, void *arg)
{
	struct fixture *f = arg;
	f->signum = signum;
	uv_stop(&f->loop);
}

static void send_signal(void *arg)
{
	(void)arg;
	kill(getpid(), SIGUSR1);
}

static void test_signal(void **state)
{
	struct fixture *f = *state;
	signal_start(f->ctx, &f->loop, SIGUSR1, signal_came, f);
	timer_start(f->ctx, &f->loop, 1, 0, send_signal, f);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(f->signum, SIGUSR1);
}

static void test_drained_before_freed(void **state)
{
	struct fixture *f = *state;
	timer_start(f->ctx, &f->loop, 60000, 0, count, f);
	signal_start(f->ctx, &f->loop, SIGUSR2, signal_came, f);
	loop_drain(&f->loop);
	assert_false(uv_loop_alive(&f->loop));
	assert_int_equal(f->count, 0);
}

int main(void)
{
	mem_init();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_timer_repeats, setup, teardown),
		cmocka_unit_test_setup_teardown(test_freed_timer_never_fires, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timer_frees_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timer_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_work, setup, teardown),
		cmocka_unit_test_setup_teardown(test_work_of_a_gone_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(test_work_frees_its_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drained_before_freed, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
