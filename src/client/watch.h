/* Listening to the status messages of a network. Threads: loop thread. */
#ifndef DSN_CLIENT_WATCH_H
#define DSN_CLIENT_WATCH_H

#include "client/request.h"

struct client_watch_options {
	struct client_link *link; /* outlives the handle; others may use it too */
	int64_t timeout_ms;       /* 0: until it is ended */
	int64_t patience_ms;      /* for the first connection */
	int64_t ttl_ms;           /* of what is asked */
};

struct client_watch_events {
	/* For each status; false ends the watch. Is not to free the handle. */
	bool (*status)(const struct message *m, void *arg);
	client_waiting_fn *waiting; /* may be NULL; is not to free the handle */
	/* The watch has ended: NULL, or (borrowed) why: the bus was not reached, or what was asked is refused. May free
	 * the handle. */
	void (*ended)(const struct error *e, void *arg);
	void *arg;
};

/* Once the watch stands, the commands of `ask` (may be NULL; needed only until this returns) are sent; a refused one
 * ends the watch with its error. mem_free() ends the watch without an event. */
struct client_watch;
struct error *client_watch_begin(const void *ctx, const struct client_watch_options *options,
				 const struct client_request_list *ask, const struct client_watch_events *events,
				 struct client_watch **ret_watch) MUST_CHECK;
/* Ends it with the event, as if its time were over. */
void client_watch_end(struct client_watch *w);

#endif
