/* Which deliveries of one channel are open, so that many are acknowledged at once: the broker writes down each
 * acknowledgement, so one for many spares it most of what a flood costs.
 *
 * Threads: whoever has the connection's turn (bus/amqp_owner.h). */
#ifndef DSN_BUS_AMQP_SETTLE_H
#define DSN_BUS_AMQP_SETTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct amqp_delivered {
	uint64_t number;
	bool done;
};

/* All zero: none is open. The array is a child of who was given as `ctx`. */
struct amqp_settle {
	struct amqp_delivered *open; /* in the order in which they came, so by ascending number */
	size_t count, size;
	size_t done;
};

void amqp_settle_begin(struct amqp_settle *s);
void amqp_settle_delivered(struct amqp_settle *s, const void *ctx, uint64_t number);
/* It is to be acknowledged, by what amqp_settle_take() says next. A number that is not open is none of ours any more.
 */
void amqp_settle_done(struct amqp_settle *s, uint64_t number);
/* It was refused on its own. */
void amqp_settle_forget(struct amqp_settle *s, uint64_t number);
/* What to acknowledge next: `number`, with all before it where `multiple`; false: nothing. */
bool amqp_settle_take(struct amqp_settle *s, uint64_t *ret_number, bool *ret_multiple);

#endif
