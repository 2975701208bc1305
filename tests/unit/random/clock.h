/* Time that a test turns: in the place of base/timer.c, and of clock_gettime() (the linker wraps it).
 *
 * Each loop stands for a process: one that is frozen gets no timer, as after SIGSTOP, and all that were due at once
 * when it goes on. All processes have the same clocks. Threads: one. */
#ifndef DSN_TESTS_RANDOM_CLOCK_H
#define DSN_TESTS_RANDOM_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* Timers fire in order, each at its instant. */
void clock_pass(int64_t ms);
/* Somebody sets the wall clock. */
void clock_set_wall(int64_t by_ms);
void clock_freeze(const uv_loop_t *loop, bool frozen);
bool clock_frozen(const uv_loop_t *loop);

#endif
