/* A simulated node: what it answers to commands and what it tells of itself, as a managed node of dsn-agent does, but
 * without programs and streams. Whatever it is told serves at once.
 *
 * How its streams fare is put in by whoever knows the other nodes: swarm_node_begin_look(), swarm_node_arrived() and
 * swarm_node_reached() for each stream, swarm_node_end_look(). Ownership: nodes belong to their ctx. Threads: any, one
 * at a time.
 */
#ifndef DSN_BENCH_SWARM_NODE_H
#define DSN_BENCH_SWARM_NODE_H

#include "api/command.h"
#include "base/hex.h"

struct swarm_output {
	bool fails;
	int restarts;
};

struct swarm_input {
	char *stream;
	bool arrives, arrived; /* now, and at the last look */
};

struct swarm_job {
	char *name;
	struct api_task *task;
	struct swarm_output *outputs; /* as many as swarm_node_target() finds */
	size_t output_count;
	struct swarm_input *inputs; /* that have ever arrived */
	size_t input_count;
};

struct swarm_node {
	char id[ID_DIGITS + 1], agent_id[ID_DIGITS + 1], ip[64];
	enum api_role role;
	int rtmp_port, http_port;
	struct swarm_job **jobs;
	size_t job_count;
	bool changed; /* since its last status */
};

/* Carries a command's body out. NULL and *ret_data (new reference), or why not, as an agent would answer. */
struct error *swarm_node_obey(struct swarm_node *n, const json_t *body, json_t **ret_data) MUST_CHECK;
/* Its full status. New reference. */
json_t *swarm_node_status(const struct swarm_node *n);
/* NULL: it does not have the job. */
struct swarm_job *swarm_node_job(const struct swarm_node *n, const char *job);

/* Where the job's n-th stream goes; NULL: there are no more. */
const struct api_target *swarm_node_target(const struct swarm_job *j, size_t n);

void swarm_node_begin_look(struct swarm_node *n);
/* A stream of the job comes in. */
void swarm_node_arrived(struct swarm_job *j, const char *stream);
/* Whether the node that the n-th stream goes to takes it. */
void swarm_node_reached(struct swarm_node *n, struct swarm_job *j, size_t output, bool takes);
/* `changed` when a stream has come or gone. */
void swarm_node_end_look(struct swarm_node *n);

#endif
