/* Commands to nodes or agents, and their results, gathered until all are there or the time is over.
 *
 * Lost connections are bridged: what has no result yet is sent again with the same id, which has no second effect.
 * Threads: loop thread. Nothing blocks.
 */
#ifndef DSN_CLIENT_REQUEST_H
#define DSN_CLIENT_REQUEST_H

#include <jansson.h>

#include "base/error.h"
#include "client/link.h"
#include "client/waiting.h"

struct client_request {
	const char *to;   /* address, 40 hex digits */
	const char *role; /* for lines and JSON; NULL: not known */
	json_t *body;     /* owned by the list (client_requests_new()) */
	/* what became of it */
	bool done;
	struct error *error; /* owned; NULL: applied */
	bool away;           /* of a lasting list: it does not answer (or nobody serves it), and is to learn it later */
	bool gone;           /* away, and nobody has such a mailbox */
	bool unsent;         /* the transport is not known to have taken it, and may never do: it is to be sent again */
	const char *held;    /* away, since the transport takes nothing for now: why; owned by the list. Or NULL */
	json_t *data;        /* owned; what the result carries, may be NULL */
	int64_t took_ms;
};

struct client_request_list {
	struct client_request *items;
	size_t count;
	bool lasting; /* wanted states: who gives no sign of life is not waited for, and no failure */
};

/* An empty list; freed with mem_free() together with bodies and outcomes. */
struct client_request_list *client_requests_new(const void *ctx);
/* `to` and `role` are copied, the reference to body is taken. */
void client_requests_add(struct client_request_list *l, const char *to, const char *role, json_t *body);

/* Commands stay valid for a week at most, and no less than this: clocks of two machines differ, and a command that is
 * valid for less would be void on arrival where they do. */
#define CLIENT_TTL_LEAST_MS 60000
#define CLIENT_TTL_MOST_MS (INT64_C(7) * 24 * 3600 * 1000)

struct client_request_options {
	struct client_link *link; /* outlives the handle; others may use it too */
	int64_t timeout_ms;       /* for all results; 0: as long as it takes */
	int64_t patience_ms;      /* for the first connection, if that is less than timeout_ms */
	int64_t ttl_ms;           /* how long the commands are valid; those of a lasting list for a week */
	int64_t term;             /* a manager's, which commands bear that change something; 0: none */
};

struct client_request_events {
	/* One has its outcome; from the loop, never from within client_requests_begin(). May free the handle. May be
	 * NULL. */
	void (*answered)(const struct client_request *r, void *arg);
	/* What is waited for; may be NULL. Is not to free the handle. */
	client_waiting_fn *waiting;
	/* All have their outcome. `e` (borrowed): the bus was never reached, there are none. May free the handle. */
	void (*ended)(const struct error *e, void *arg);
	void *arg;
};

/* Begins to send all of `l`, which is the caller's and outlives the handle. mem_free() of the handle ends it: no event
 * comes any more, and what has no outcome by then never gets one, though it may have been sent. ERROR_LIMIT when too
 * many wait for results over this link (client/post.h). */
struct client_requests;
struct error *client_requests_begin(const void *ctx, const struct client_request_options *options,
				    struct client_request_list *l, const struct client_request_events *events,
				    struct client_requests **ret_requests) MUST_CHECK;

#endif
