/* Telling a sender later what became of a message: backends and the bus never do so from within the call.
 * Threads: loop thread. */
#ifndef DSN_BUS_COMPLETE_H
#define DSN_BUS_COMPLETE_H

#include "bus/bus.h"

/* Calls `fn` (may be NULL) with `e`, which is taken (NULL: all is well), at the loop's next turn; nothing happens when
 * ctx is freed before. `fn` may free the bus. */
void bus_complete_later(const void *ctx, uv_loop_t *loop, struct error *e, bus_sent_fn *fn, void *arg);

#endif
