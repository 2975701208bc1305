/* Which nodes are there: asks all nodes that are known for a sign of life, and listens to those that report.
 *
 * A node's answer lists all nodes of its agent, so one that was made elsewhere is found too. What is heard goes into
 * the known nodes (client/known_nodes.h), which the caller saves. Threads: loop thread.
 */
#ifndef DSN_CLIENT_DISCOVERY_H
#define DSN_CLIENT_DISCOVERY_H

#include "client/known_nodes.h"
#include "client/link.h"
#include "client/waiting.h"

/* Without `listen_ms` it ends when all have answered, and at the latest this long after its begin or, where the broker
 * is far, twice the time that connecting took after that (3 s over Whisper). */
#define CLIENT_DISCOVERY_MS 280

struct client_discovery_options {
	struct client_link *link; /* outlives the handle; others may use it too */
	int64_t listen_ms;        /* go on that long, for nodes that only report; 0: see above */
	int64_t timeout_ms;       /* of the program's command, without listen_ms; 0: none */
	int64_t patience_ms;      /* for the first connection, if that is less, without listen_ms */
	int64_t ttl_ms;           /* how long the questions are valid */
};

struct client_discovery_events {
	client_waiting_fn *waiting; /* may be NULL; is not to free the handle */
	/* It has ended; `e` (borrowed): the bus was not reached, known is what it was. May free the handle. */
	void (*ended)(const struct error *e, void *arg);
	void *arg;
};

/* `known` is the caller's and outlives the handle. mem_free() ends it without an event. */
struct client_discovery;
struct error *client_discovery_begin(const void *ctx, const struct client_discovery_options *options,
				     struct client_known *known, const struct client_discovery_events *events,
				     struct client_discovery **ret_discovery) MUST_CHECK;
/* Ends it with the event, as if its time were over. */
void client_discovery_end(struct client_discovery *d);

#endif
