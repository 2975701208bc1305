/* Sending what is in an outbox (client/outbox.h), until each command is sent or void. Threads: loop thread. */
#ifndef DSN_CLIENT_SENDER_H
#define DSN_CLIENT_SENDER_H

#include "client/link.h"
#include "client/outbox.h"
#include "client/waiting.h"

struct client_sender_events {
	client_waiting_fn *waiting; /* may be NULL; is not to free the handle */
	/* It has ended: `left` commands still wait, and `why` (may be NULL) is what the bus said last. With `e` the
	 * database has failed. Both errors are borrowed. May free the handle. */
	void (*ended)(const struct error *e, int64_t left, const struct error *why, void *arg);
	void *arg;
};

/* Puts `messages` (count may be 0; needed only until this returns; `what` is how they are listed) into the outbox and
 * sends all that waits there, for `patience_ms` at most (0: until each is sent or void). All are durable when it
 * returns without error. `link` is to the bus of the outbox; both outlive the handle. mem_free() ends it without an
 * event: what the bus has not confirmed by then stays in the outbox. */
struct client_sender;
struct error *client_sender_begin(const void *ctx, struct client_link *link, struct client_outbox *outbox,
				  struct message *const *messages, size_t count, const char *what, int64_t patience_ms,
				  const struct client_sender_events *events,
				  struct client_sender **ret_sender) MUST_CHECK;

/* One process sends what is in an outbox when nobody waits for it: be that one. ERROR_EXISTS when another is. */
struct error *client_sender_lock(struct client_outbox *s, int *ret_fd) MUST_CHECK;
/* Is there something for it to do now (*ret_works), or nothing any more (*ret_idle)? */
struct error *client_sender_look(const struct client_options *client, struct client_outbox *s, bool *ret_works,
				 bool *ret_idle) MUST_CHECK;

#endif
