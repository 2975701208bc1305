#include "base/turns.h"

#include "base/clock.h"
#include "base/loop_impl.h"
#include "base/mem.h"

struct turns {
	uv_idle_t *idle; /* lives until uv has closed it; its data is NULL once the turns are gone */
	struct turn *first, *last;
	struct turn *now; /* its fn is running; NULL when it was freed meanwhile */
};

struct turn {
	struct turns *turns;
	struct turn *previous, *next;
	turn_fn *fn;
	void *arg;
};

static int turns_destroy(struct turns *ts)
{
	for (struct turn *t = ts->first; t; t = t->next)
		t->turns = NULL;
	loop_handle_release((uv_handle_t *)ts->idle);
	return 0;
}

struct turns *turns_new(const void *ctx, uv_loop_t *loop)
{
	struct turns *ts = mem_new(ctx, struct turns);

	ts->idle = loop_handle_new(sizeof *ts->idle);
	uv_idle_init(loop, ts->idle);
	ts->idle->data = ts;
	talloc_set_destructor(ts, turns_destroy);
	return ts;
}

static void leave(struct turns *ts, struct turn *t)
{
	*(t->previous ? &t->previous->next : &ts->first) = t->next;
	*(t->next ? &t->next->previous : &ts->last) = t->previous;
}

static void join(struct turns *ts, struct turn *t)
{
	t->next = NULL;
	t->previous = ts->last;
	*(ts->last ? &ts->last->next : &ts->first) = t;
	ts->last = t;
}

static int turn_destroy(struct turn *t)
{
	struct turns *ts = t->turns;

	if (!ts)
		return 0;
	leave(ts, t);
	if (ts->now == t)
		ts->now = NULL;
	if (!ts->first)
		uv_idle_stop(ts->idle);
	return 0;
}

static void on_idle(uv_idle_t *idle)
{
	struct turns *ts = idle->data;
	struct turn *last = ts ? ts->last : NULL;
	int64_t end_us = clock_mono_us() + TURNS_ALL_US;
	bool is_last = false;

	for (struct turn *t = last ? ts->first : NULL; t && !is_last; t = ts->first) {
		is_last = t == last || clock_mono_us() >= end_us;
		leave(ts, t);
		join(ts, t);
		ts->now = t;
		if (!t->fn(t->arg) && ts->now == t)
			mem_free(t);
		ts->now = NULL;
	}
}

struct turn *turns_add(const void *ctx, struct turns *turns, turn_fn *fn, void *arg)
{
	struct turn *t = mem_new(ctx, struct turn);

	t->turns = turns;
	t->fn = fn;
	t->arg = arg;
	join(turns, t);
	talloc_set_destructor(t, turn_destroy);
	uv_idle_start(turns->idle, on_idle);
	return t;
}
