/* Ends of jobs that nodes which were away have still to learn: `stop` and `close` are desired states, so they are told
 * again until the node has shown itself after it was told.
 *
 * A command lies in a node's mailbox for a week at most. So a row is kept in the outbox of its bus (client/outbox.h)
 * until the node was heard of since; what is older than CLIENT_DESIRED_AGAIN_MS is to be told again
 * (client_desired_put()) by whoever sends what is in the outbox. After CLIENT_DESIRED_LIMIT_MS a node is taken for
 * gone for ever. Threads: loop thread.
 */
#ifndef DSN_CLIENT_DESIRED_H
#define DSN_CLIENT_DESIRED_H

#include "api/command.h"
#include "client/outbox.h"
#include "client/request.h"

#define CLIENT_DESIRED_AGAIN_MS (INT64_C(6) * 24 * 3600 * 1000)
#define CLIENT_DESIRED_LIMIT_MS (INT64_C(90) * 24 * 3600 * 1000)
/* Where nobody has such a mailbox yet (or any more), the next try comes sooner. */
#define CLIENT_DESIRED_SOON_MS (INT64_C(3600) * 1000)

struct client_desired {
	char *job, *node_id;
	enum api_verb verb; /* API_PIPELINE_STOP or API_PIPELINE_CLOSE */
};

/* After `stop` or `close`: the end of the job is kept for those nodes of the list that are away, or for `all`; nothing
 * is kept for the others any more. */
struct error *client_desired_keep(const struct client_options *client, const char *job, enum api_verb verb,
				  const struct client_request_list *l, bool all) MUST_CHECK;
/* The job is started again. */
struct error *client_desired_forget(const struct client_options *client, const char *job) MUST_CHECK;
/* Forget what has been learned (by the nodes' signs of life that are known, client/known_nodes.h) and what is too old;
 * *ret_left is how many rows stay. */
struct error *client_desired_settle(const struct client_options *client, struct client_outbox *s,
				    int64_t *ret_left) MUST_CHECK;
/* Those that are to be told again now; ctx's. client_desired_told() puts the next time off. */
struct error *client_desired_due(const void *ctx, struct client_outbox *s, struct client_desired **ret_rows,
				 size_t *ret_count) MUST_CHECK;
struct error *client_desired_told(struct client_outbox *s, const struct client_desired *w) MUST_CHECK;
/* Puts a command for each that is due into the outbox, where it is listed as `what`, and lets it count as told: all of
 * that or nothing. *ret_count: how many. */
struct error *client_desired_put(const struct client_options *client, struct client_outbox *s, const char *what,
				 size_t *ret_count) MUST_CHECK;

#endif
