/* Any queue on any broker, without envelope: what `vcli bus send|receive QUEUE` does. Blocking, for command line
 * programs.
 *
 * URL and credentials as in bus/bus.h (network, prefetch and accept_plain are not used). Threads: one at a time.
 */
#ifndef DSN_BUS_AMQP_RAW_H
#define DSN_BUS_AMQP_RAW_H

#include "bus/bus.h"

struct amqp_raw;

/* Connect and log in. `timeout_ms` from now is the end of that and of all declaring and sending (0: 30 s for each
 * step). Freed with mem_free(), which says good-bye to the broker. */
struct error *amqp_raw_open(const void *ctx, const struct bus_options *options, int64_t timeout_ms,
			    struct amqp_raw **ret_raw) MUST_CHECK;

/* Make the queue unless it is there (whatever its kind): durable, not exclusive.
 */
struct error *amqp_raw_declare(struct amqp_raw *r, const char *queue) MUST_CHECK;

/* Put text into a queue through the default exchange; returns when the broker has confirmed it. ERROR_NOT_FOUND: there
 * is no such queue. ERROR_UNAVAILABLE: it was not sent, and why; ERROR_TIMEOUT: sent, but not confirmed. */
struct error *amqp_raw_send(struct amqp_raw *r, const char *queue, const char *text, size_t len) MUST_CHECK;

/* One message; text is valid during the call. An error stops receiving, is returned, and leaves the message in the
 * queue. */
typedef struct error *amqp_raw_fn(const char *text, size_t len, void *arg);
/* Take `count` messages (0: no end), each acknowledged after fn has returned. ERROR_TIMEOUT when none came for
 * timeout_ms (0: wait for ever); what was taken stays taken. */
struct error *amqp_raw_receive(struct amqp_raw *r, const char *queue, unsigned long count, int64_t timeout_ms,
			       amqp_raw_fn *fn, void *arg) MUST_CHECK;

#endif
