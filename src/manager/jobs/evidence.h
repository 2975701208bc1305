/* What the nodes of a job that runs say of each other: each status tells how the node's own outputs fare and which
 * streams arrive, so it is a witness for or against those it sends to and gets from. Nothing is decided here: one
 * witness may lie (manager/jobs/watch.h asks the node itself).
 * Threads: any.
 */
#ifndef DSN_MANAGER_JOBS_EVIDENCE_H
#define DSN_MANAGER_JOBS_EVIDENCE_H

#include "api/pipeline.h"
#include "manager/jobs/order_rows.h"

/* A neighbour that it sends to, by its outputs' order. */
struct evidence_output {
	char *node_id;    /* NULL: none of the job's nodes has that address */
	int64_t restarts; /* of the program that sends, as told last; -1: not told yet */
};

/* A stream that it gets. */
struct evidence_input {
	char *stream, *node_id; /* its name here, and who sends it */
	bool arrives;           /* as told last */
};

/* A node of the job, and whom it is a witness of. */
struct evidence_node {
	char *node_id;
	enum api_role role;
	size_t place; /* in the document's nodes */
	struct evidence_output *outputs;
	size_t output_count;
	bool sends_on; /* a transcoder: a program for each output, beside the encoder */
	struct evidence_input *inputs;
	size_t input_count;
};

/* Those of an order, from its document and tasks. Belongs to ctx. */
struct error *evidence_nodes(const void *ctx, const struct order_row *row, struct evidence_node **ret_nodes,
			     size_t *ret_count) MUST_CHECK;

/* What `before`, the same node, has heard of those that it still sends to and gets from stays heard. */
void evidence_keep(struct evidence_node *n, const struct evidence_node *before);

/* `why` is for people; both are borrowed. */
typedef void evidence_fn(const char *against, const char *why, void *arg);
/* `status` is the job as the node tells it (a member of a node status' `jobs`). `fn` comes for each neighbour against
 * whom it says something new. */
void evidence_hear(struct evidence_node *n, const json_t *status, evidence_fn *fn, void *arg);

#endif
