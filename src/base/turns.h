/* Work that is too long for one turn of the loop: each turn of the loop does a slice of it, and looks at everything
 * else in between. What waits takes its turns in order, so that who has much to do does not hold up who has little.
 *
 * A slice is to be over after TURNS_SLICE_US; all slices of one turn of the loop together end after TURNS_ALL_US, the
 * rest goes first in the next. Nothing is spent while nothing waits. Threads: loop thread.
 */
#ifndef DSN_BASE_TURNS_H
#define DSN_BASE_TURNS_H

#include <stdbool.h>
#include <uv.h>

#define TURNS_SLICE_US 500
#define TURNS_ALL_US 2000

struct turns;
struct turns *turns_new(const void *ctx, uv_loop_t *loop);

/* Does a slice. False: nothing is left; it is then not called again, and its struct turn is freed. It may free that
 * itself. */
typedef bool turn_fn(void *arg);
/* From the next turn of the loop on. Freeing it ends it. */
struct turn *turns_add(const void *ctx, struct turns *turns, turn_fn *fn, void *arg);

#endif
