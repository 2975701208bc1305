#include "random/clock.h"

#include <stdlib.h>
#include <time.h>

#include "base/loop.h"
#include "base/mem.h"

#define BEGIN_MONO_MS INT64_C(5000000)
#define BEGIN_WALL_MS INT64_C(1800000000000)
#define LOOPS 4
/* More than these at one instant is a loop that spins. */
#define SPINS 20000

int __wrap_clock_gettime(clockid_t id, struct timespec *ts);

struct timer {
	struct timer *next;
	const uv_loop_t *loop;
	bool armed;
	int64_t due_ms, repeat_ms;
	uint64_t number; /* of those due at the same time the one that was armed first */
	timer_fn *fn;
	void *arg;
};

static struct {
	int64_t mono_ms, wall_ms;
	struct timer *timers;
	uint64_t number;
	const uv_loop_t *frozen[LOOPS];
} now = {.mono_ms = BEGIN_MONO_MS, .wall_ms = BEGIN_WALL_MS};

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	int64_t ms = id == CLOCK_REALTIME ? now.wall_ms : now.mono_ms;

	*ts = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
	return 0;
}

static int timer_destroy(struct timer *t)
{
	struct timer **at = &now.timers;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	return 0;
}

void timer_again(struct timer *t, int64_t delay_ms, int64_t repeat_ms)
{
	t->armed = true;
	t->due_ms = now.mono_ms + (delay_ms > 0 ? delay_ms : 0);
	t->repeat_ms = repeat_ms > 0 ? repeat_ms : 0;
	t->number = now.number++;
}

struct timer *timer_start(const void *ctx, uv_loop_t *loop, int64_t delay_ms, int64_t repeat_ms, timer_fn *fn,
			  void *arg)
{
	struct timer *t = mem_new(ctx, struct timer);

	t->loop = loop;
	t->fn = fn;
	t->arg = arg;
	t->next = now.timers;
	now.timers = t;
	talloc_set_destructor(t, timer_destroy);
	timer_again(t, delay_ms, repeat_ms);
	return t;
}

bool clock_frozen(const uv_loop_t *loop)
{
	for (size_t i = 0; i < LOOPS; i++) {
		if (now.frozen[i] == loop)
			return true;
	}
	return false;
}

void clock_freeze(const uv_loop_t *loop, bool frozen)
{
	size_t at = 0;

	while (at < LOOPS && now.frozen[at] != (frozen ? NULL : loop))
		at++;
	if (at == LOOPS || (frozen && clock_frozen(loop)))
		return;
	now.frozen[at] = frozen ? loop : NULL;
}

static struct timer *next_due(int64_t until_ms)
{
	struct timer *first = NULL;

	for (struct timer *t = now.timers; t; t = t->next) {
		if (!t->armed || t->due_ms > until_ms || clock_frozen(t->loop))
			continue;
		if (!first || t->due_ms < first->due_ms || (t->due_ms == first->due_ms && t->number < first->number))
			first = t;
	}
	return first;
}

static void go_to(int64_t mono_ms)
{
	if (mono_ms <= now.mono_ms)
		return;
	now.wall_ms += mono_ms - now.mono_ms;
	now.mono_ms = mono_ms;
}

void clock_pass(int64_t ms)
{
	int64_t until_ms = now.mono_ms + ms;
	unsigned spins = 0;
	struct timer *t;

	while ((t = next_due(until_ms))) {
		spins = t->due_ms > now.mono_ms ? 0 : spins + 1;
		if (spins > SPINS)
			abort();
		go_to(t->due_ms);
		t->armed = t->repeat_ms > 0;
		t->due_ms = now.mono_ms + t->repeat_ms;
		t->number = now.number++;
		t->fn(t->arg);
	}
	go_to(until_ms);
}

void clock_set_wall(int64_t by_ms)
{
	now.wall_ms += by_ms;
}
