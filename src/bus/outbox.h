/* Messages that must get out: kept in SQLite until the transport has confirmed them, across outages and restarts.
 *
 * Sends in order, again after every reconnect, until confirmed or expired. An undeliverable one (no such mailbox) is
 * dropped after its handler was told. The outbox may be freed before its bus: what is unconfirmed then stays in the
 * database. Threads: loop thread.
 */
#ifndef DSN_BUS_OUTBOX_H
#define DSN_BUS_OUTBOX_H

#include "bus/bus.h"
#include "store/db.h"

struct outbox;
/* SQL of the table, for a first migration (store/schema.h): it was released and stays as it is. */
extern const char outbox_schema[];

/* The final outcome of one message: e == NULL sent; ERROR_NOT_FOUND undeliverable; ERROR_TIMEOUT expired unsent. */
typedef void outbox_outcome_fn(const char *message_id, const struct error *e, void *arg);
struct error *outbox_open(const void *ctx, struct db *db, struct bus *bus, uv_loop_t *loop, outbox_outcome_fn *fn,
			  void *arg, struct outbox **ret_outbox) MUST_CHECK;
/* Durable when it returns; sending follows. */
struct error *outbox_put(struct outbox *o, const struct message *m) MUST_CHECK;
/* The same into the database of one that is not open here; within a transaction it is durable with that. An open one
 * finds it by outbox_look(). */
struct error *outbox_store(struct db *db, const struct message *m) MUST_CHECK;
/* Number of messages not yet confirmed. */
int64_t outbox_pending(struct outbox *o);
/* The owner calls this when the bus has come up (from on_state). */
void outbox_kick(struct outbox *o);
/* Another process may have put messages into the database: send them too. What waits for its confirm is not sent again.
 */
void outbox_look(struct outbox *o);

#endif
