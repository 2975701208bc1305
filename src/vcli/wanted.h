/* Ends of jobs that nodes which were away have still to learn: `stop` and `close` are wanted states, so they are told
 * again until the node has shown itself after it was told.
 *
 * A command lies in a node's mailbox for a week at most. So a row is kept in the outbox of its bus (vcli/outstore.h)
 * until the node was heard of since, and any command of vcli that talks to nodes has what is older than WANTED_AGAIN_MS
 * told again, by the background sender. After WANTED_LIMIT_MS a node is taken for gone for ever. Threads: loop thread.
 */
#ifndef DSN_VCLI_WANTED_H
#define DSN_VCLI_WANTED_H

#include "api/command.h"
#include "vcli/outstore.h"

#define WANTED_AGAIN_MS (INT64_C(6) * 24 * 3600 * 1000)
#define WANTED_LIMIT_MS (INT64_C(90) * 24 * 3600 * 1000)
/* Where nobody has such a mailbox yet (or any more), the next try comes sooner. */
#define WANTED_SOON_MS (INT64_C(3600) * 1000)

struct wanted {
	char *job, *node_id;
	enum api_verb verb; /* API_PIPELINE_STOP or API_PIPELINE_CLOSE */
};

/* After `stop` or `close`: the end of the job is kept for those nodes of the list that are away, or for `all`; nothing
 * is kept for the others any more. */
struct error *wanted_keep(struct vcli *v, const char *job, enum api_verb verb, const struct request_list *l,
			  bool all) MUST_CHECK;
/* The job is started again. */
struct error *wanted_forget(struct vcli *v, const char *job) MUST_CHECK;
/* Forget what has been learned (by the nodes' signs of life that vcli knows) and what is too old; *ret_left is how many
 * rows stay. */
struct error *wanted_settle(struct vcli *v, struct outstore *s, int64_t *ret_left) MUST_CHECK;
/* Those that are to be told again now; ctx's. wanted_told() puts the next time off. */
struct error *wanted_due(const void *ctx, struct outstore *s, struct wanted **ret_rows, size_t *ret_count) MUST_CHECK;
struct error *wanted_told(struct outstore *s, const struct wanted *w) MUST_CHECK;

extern const char wanted_schema[];

#endif
