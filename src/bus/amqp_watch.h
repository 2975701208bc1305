/* The loop's eye on a broker connection's socket.
 *
 * Ownership: a watch has a descriptor of its own (from dup()), since the socket is closed on another thread. Threads:
 * loop thread.
 */
#ifndef DSN_BUS_AMQP_WATCH_H
#define DSN_BUS_AMQP_WATCH_H

#include <stdbool.h>
#include <uv.h>

#include "base/error.h"

struct amqp_watch;

/* Takes fd, also on failure. fn runs when there is something to read, or the connection is over, until that is read. */
struct error *amqp_watch_new(uv_loop_t *loop, int fd, void (*fn)(void *arg), void *arg,
			     struct amqp_watch **ret_watch) MUST_CHECK;
void amqp_watch_pause(struct amqp_watch *w);
/* True: it was paused, as a new one is. */
bool amqp_watch_resume(struct amqp_watch *w);
/* Closes the descriptor too. NULL is allowed. */
void amqp_watch_free(struct amqp_watch *w);

#endif
