/* Sending what is in an outbox (client/sender.h): here and now for a while, or by a process in the background. */
#ifndef DSN_VCLI_BUS_SENDER_H
#define DSN_VCLI_BUS_SENDER_H

#include "client/outbox.h"
#include "vcli/vcli.h"

/* Put `messages` (count may be 0) into the outbox and send all that waits there, for `patience_ms` at most (0: until
 * each is sent or void). `client` has the outbox's bus. All are durable when it returns without error; *ret_left says
 * how many still wait and *ret_why (may be NULL, an error of the caller's) why. */
struct error *sender_run(struct vcli *v, const struct client_options *client, struct client_outbox *s,
			 struct message *const *messages, size_t count, const char *what, int64_t patience_ms,
			 int64_t *ret_left, struct error **ret_why) MUST_CHECK;
/* Start a process that sends the outbox's commands until each is sent or void; does nothing when one is at it already.
 */
struct error *sender_spawn(struct vcli *v, struct client_outbox *s) MUST_CHECK;
/* Start senders for all outboxes where something waits: an earlier sender may have died with the machine. */
void sender_restart(struct vcli *v);

#endif
