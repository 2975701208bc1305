/* clang-format off: the system's header comes before its name is taken. */
#include <stdint.h>
#include <time.h>
static int fake_gettime(clockid_t id, struct timespec *ts);
#define clock_gettime fake_gettime
#include "base/clock.c"
/* clang-format on */

#include "base/loop.h"
#include "base/mem.h"
#include "world.h"

#define MONO_BEGIN_MS INT64_C(5000000)
#define WALL_BEGIN_MS INT64_C(1800000000000)
/* More than these at one instant is a loop that spins. */
#define SPINS 20000

struct timer {
	struct timer *next;
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
} now;

static int fake_gettime(clockid_t id, struct timespec *ts)
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

	(void)loop;
	t->fn = fn;
	t->arg = arg;
	t->next = now.timers;
	now.timers = t;
	talloc_set_destructor(t, timer_destroy);
	timer_again(t, delay_ms, repeat_ms);
	return t;
}

void time_reset(void)
{
	must(!now.timers);
	now.mono_ms = MONO_BEGIN_MS;
	now.wall_ms = WALL_BEGIN_MS;
}

static struct timer *next_due(int64_t until_ms)
{
	struct timer *first = NULL;

	for (struct timer *t = now.timers; t; t = t->next) {
		if (!t->armed || t->due_ms > until_ms)
			continue;
		if (!first || t->due_ms < first->due_ms || (t->due_ms == first->due_ms && t->number < first->number))
			first = t;
	}
	return first;
}

static void fire(struct timer *t)
{
	t->armed = t->repeat_ms > 0;
	t->due_ms = now.mono_ms + t->repeat_ms;
	t->number = now.number++;
	t->fn(t->arg);
}

void time_pass(uv_loop_t *loop, int64_t ms)
{
	int64_t until_ms = now.mono_ms + ms;
	unsigned spins = 0;
	struct timer *t;

	while ((t = next_due(until_ms))) {
		spins = t->due_ms > now.mono_ms ? 0 : spins + 1;
		must(spins < SPINS);
		if (t->due_ms > now.mono_ms)
			time_leap(t->due_ms - now.mono_ms);
		fire(t);
		uv_run(loop, UV_RUN_NOWAIT);
	}
	time_leap(until_ms - now.mono_ms);
}

void time_leap(int64_t ms)
{
	now.mono_ms += ms;
	now.wall_ms += ms;
}

void time_set_wall(int64_t by_ms)
{
	now.wall_ms += by_ms;
}
