/* Timers apart from the rest of base/loop.h: a test that turns the clock itself puts others in their place. */
#include <assert.h>

#include "base/loop.h"
#include "base/loop_impl.h"
#include "base/mem.h"

struct timer {
	uv_timer_t *handle;
	timer_fn *fn;
	void *arg;
};

static int timer_destroy(struct timer *t)
{
	loop_handle_release((uv_handle_t *)t->handle);
	return 0;
}

static void timer_fired(uv_timer_t *handle)
{
	struct timer *t = handle->data;
	if (t)
		t->fn(t->arg);
}

void timer_again(struct timer *t, int64_t delay_ms, int64_t repeat_ms)
{
	/* uv counts from the loop's cached time, which is old after a long callback. */
	uv_update_time(t->handle->loop);
	int r = uv_timer_start(t->handle, timer_fired, delay_ms > 0 ? (uint64_t)delay_ms : 0,
			       repeat_ms > 0 ? (uint64_t)repeat_ms : 0);
	assert(r == 0 || uv_is_closing((uv_handle_t *)t->handle));
	(void)r;
}

struct timer *timer_start(const void *ctx, uv_loop_t *loop, int64_t delay_ms, int64_t repeat_ms, timer_fn *fn,
			  void *arg)
{
	assert(fn);
	struct timer *t = mem_new(ctx, struct timer);
	t->fn = fn;
	t->arg = arg;
	t->handle = loop_handle_new(sizeof *t->handle);
	uv_timer_init(loop, t->handle);
	t->handle->data = t;
	talloc_set_destructor(t, timer_destroy);
	timer_again(t, delay_ms, repeat_ms);
	return t;
}
