#include "vcli/wait.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"

/* Lives until the loop has closed it, so on memory of its own. */
struct wait_look {
	uv_prepare_t before_sleep;
	struct wait_look *outer;
	vcli_over_fn *over;
	const void *arg;
};

/* Of the wait that runs the loop: those around it cannot end before it does. */
static struct wait_look *innermost;

static void on_look(uv_prepare_t *handle)
{
	struct wait_look *w = handle->data;

	if (w == innermost && w->over(w->arg))
		uv_stop(handle->loop);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static struct wait_look *look_start(uv_loop_t *loop, vcli_over_fn *over, const void *arg)
{
	struct wait_look *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->over = over;
	w->arg = arg;
	w->outer = innermost;
	innermost = w;
	uv_prepare_init(loop, &w->before_sleep);
	w->before_sleep.data = w;
	uv_prepare_start(&w->before_sleep, on_look);
	return w;
}

/* A timer that has nothing to do but to wake the loop. */
static void on_late(void *arg)
{
	*(bool *)arg = true;
}

bool vcli_wait_until(uv_loop_t *loop, vcli_over_fn *over, const void *arg, int64_t until_ms)
{
	int64_t left_ms = until_ms == VCLI_WAIT_FOREVER ? 0 : until_ms - clock_mono_ms();
	bool late = until_ms != VCLI_WAIT_FOREVER && left_ms <= 0;
	struct timer *timer = NULL;
	struct wait_look *look = NULL;

	if (late || over(arg))
		return over(arg);
	if (until_ms != VCLI_WAIT_FOREVER)
		timer = timer_start(NULL, loop, left_ms, 0, on_late, &late);
	look = look_start(loop, over, arg);
	while (!late && !over(arg))
		uv_run(loop, UV_RUN_ONCE);
	innermost = look->outer;
	uv_close((uv_handle_t *)&look->before_sleep, on_closed);
	mem_free(timer);
	return over(arg);
}

static bool is_set(const void *arg)
{
	return *(const bool *)arg;
}

bool vcli_wait(uv_loop_t *loop, const bool *done, int64_t until_ms)
{
	return vcli_wait_until(loop, is_set, done, until_ms);
}
