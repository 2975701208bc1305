/* Small helpers over libuv: timers, worker jobs, signals, bound to talloc lifetimes.
 *
 * One loop per process; everything here belongs to the loop's thread. Freeing an object (or its owner) stops it at
 * once: its callback is never called again. The uv handle's memory is released after uv has closed it.
 */
#ifndef DSN_BASE_LOOP_H
#define DSN_BASE_LOOP_H

#include <stdint.h>
#include <uv.h>

#include "base/error.h"

struct timer;
typedef void timer_fn(void *arg);
/* Fires after `delay_ms`, then every `repeat_ms` (0: once). One that has fired for the last time stays until it is
 * freed. */
struct timer *timer_start(const void *ctx, uv_loop_t *loop, int64_t delay_ms, int64_t repeat_ms, timer_fn *fn,
			  void *arg);
/* Re-arm with new times. */
void timer_again(struct timer *t, int64_t delay_ms, int64_t repeat_ms);

struct work;
/* Runs `run` on a worker thread, then `done` on the loop. Freed by itself after `done`; `ctx` going away earlier
 * (mem_free) means `done` is not called; `run` may still be running then, so what `run` uses must be owned by `arg`'s
 * own top-level context and freed in `drop` (called exactly once, on the loop, after `run` and `done`). */
typedef void work_fn(void *arg);
struct work *work_start(const void *ctx, uv_loop_t *loop, work_fn *run, work_fn *done, work_fn *drop, void *arg);

struct signal_watch;
typedef void signal_fn(int signum, void *arg);
struct signal_watch *signal_start(const void *ctx, uv_loop_t *loop, int signum, signal_fn *fn, void *arg);

/* After uv_run() has returned for good: close what is left and run the close callbacks. */
void loop_drain(uv_loop_t *loop);

#endif
