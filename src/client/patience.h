/* How long something of the client waits for its first connection, and what is told meanwhile: one rule for all.
 *
 * It is given up when the time is over, or as soon as the link (client/link.h) says why it will not be let in: waiting
 * does not mend a wrong password. Once there was a connection, nothing is given up any more: the link finds it again.
 * Threads: loop thread.
 */
#ifndef DSN_CLIENT_PATIENCE_H
#define DSN_CLIENT_PATIENCE_H

#include "client/link.h"
#include "client/waiting.h"

struct client_patience_options {
	struct client_link *link;
	int64_t timeout_ms;  /* for all that is to be done; 0: as long as it takes */
	int64_t patience_ms; /* for the first connection, if that is less */
	bool hasty;          /* the first word that there is no connection is enough */
};

struct client_patience_events {
	/* The link is up: the first time, and after each loss. */
	void (*up)(void *arg);
	/* It is given up: client_patience_error() says why. Once, and up() comes no more. */
	void (*given_up)(void *arg);
	client_waiting_fn *waiting; /* may be NULL */
	/* As client_link_events has it, and only with this member; may be NULL. */
	void (*status)(const struct message *m, void *arg);
	void *arg;
};

/* Begins to wait; no event comes from within. Events may free it. */
struct client_patience;
struct error *client_patience_new(const void *ctx, const struct client_patience_options *options,
				  const struct client_patience_events *events,
				  struct client_patience **ret_patience) MUST_CHECK;
/* Has there been a connection? */
bool client_patience_reached(const struct client_patience *p);
/* Why there is no connection now, or (held) why the transport takes nothing for now; NULL: there is, it does.
 * Borrowed. */
const struct error *client_patience_down(const struct client_patience *p);
const char *client_patience_held(const struct client_patience *p);
/* Of what ends now: that the bus was never reached, and why; NULL: it was. The caller's. */
struct error *client_patience_error(const struct client_patience *p) MUST_CHECK;

/* How long the first connection is waited for at most. */
int64_t client_patience_ms(int64_t timeout_ms, int64_t patience_ms);
/* The error for a broker that was not reached within `within_ms`; `why` (may be NULL): what it said last. */
struct error *client_patience_away(const struct client_options *client, int64_t within_ms,
				   const struct error *why) MUST_CHECK;

#endif
