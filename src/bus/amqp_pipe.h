/* Items handed between the loop thread and the owner thread of a connection, in both directions.
 *
 * An item is a top-level memory object that belongs to whoever holds it; giving it hands it over. Both directions keep
 * order. Bounds are the senders' affair: the loop counts its unsettled messages, the broker honours the prefetch.
 */
#ifndef DSN_BUS_AMQP_PIPE_H
#define DSN_BUS_AMQP_PIPE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

struct amqp_item {
	struct amqp_item *next;
};

struct amqp_list {
	struct amqp_item *first;
	struct amqp_item **last;
};

void amqp_list_init(struct amqp_list *l);
void amqp_list_append(struct amqp_list *l, struct amqp_item *i);
/* NULL when empty. */
struct amqp_item *amqp_list_take(struct amqp_list *l);
/* Free every item. */
void amqp_list_clear(struct amqp_list *l);

struct amqp_pipe;

/* Two references: one for each side. `fn` runs on the loop when the owner has given something. */
struct error *amqp_pipe_new(uv_loop_t *loop, void (*fn)(void *arg), void *arg, struct amqp_pipe **ret_pipe) MUST_CHECK;
/* Loop side: no more callbacks; drops its reference. */
void amqp_pipe_close(struct amqp_pipe *p);
/* Owner side: drops its reference. */
void amqp_pipe_release(struct amqp_pipe *p);

/* Loop side. */
void amqp_pipe_put(struct amqp_pipe *p, struct amqp_item *i);
/* All of l at once: the owner is woken once. */
void amqp_pipe_put_all(struct amqp_pipe *p, struct amqp_list *l);
/* While the owner sleeps: all that it gave, flushed or not, appended to l. */
void amqp_pipe_collect_all(struct amqp_pipe *p, struct amqp_list *l);
/* The owner has not fetched all that was put. */
bool amqp_pipe_is_filled(struct amqp_pipe *p);
/* The owner's descriptor becomes readable, with nothing to fetch. */
void amqp_pipe_wake(struct amqp_pipe *p);
/* Make `fn` run on the loop soon. */
void amqp_pipe_trigger(struct amqp_pipe *p);
/* All that the owner gave, appended to l. */
void amqp_pipe_collect(struct amqp_pipe *p, struct amqp_list *l);

/* Owner side. What is given reaches the loop with the next flush, together: every wake-up costs a context switch. */
void amqp_pipe_give(struct amqp_pipe *p, struct amqp_item *i);
void amqp_pipe_flush(struct amqp_pipe *p);
/* All that the loop put, appended to l. */
void amqp_pipe_fetch(struct amqp_pipe *p, struct amqp_list *l);
/* Readable when there is something to fetch. */
int amqp_pipe_fd(const struct amqp_pipe *p);

#endif
