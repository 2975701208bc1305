/* Waiting: the one place of src/vcli that runs the loop (http/rpc_client.h and devnet/load.h have waits of their own).
 * Commands begin what they want, and wait here for its end.
 *
 * What ends a wait is a flag that a callback sets: an answer, or a signal that the caller watches for. It is looked at
 * before the loop sleeps, so a callback needs no more than to set it. Waits may be nested. Threads: loop thread.
 */
#ifndef DSN_VCLI_WAIT_H
#define DSN_VCLI_WAIT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define VCLI_WAIT_FOREVER 0

/* Runs the loop until *done, or until `until_ms` of the monotonic clock (base/clock.h; VCLI_WAIT_FOREVER: no such end).
 * Gives *done. With a time that is over, or what is done already, the loop does not run. */
bool vcli_wait(uv_loop_t *loop, const bool *done, int64_t until_ms);
/* The same until `over` says so. */
typedef bool vcli_over_fn(const void *arg);
bool vcli_wait_until(uv_loop_t *loop, vcli_over_fn *over, const void *arg, int64_t until_ms);

#endif
