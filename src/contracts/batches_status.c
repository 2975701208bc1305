/* How a job stands: its money, its nodes, the last batch of each. */
#include "contracts/batches.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "contracts/op.h"

/* MAX_NODES of contracts/src/jobs/JobNodes.sol. */
#define NODES_MOST 32

struct batches_asking {
	struct op op;
	uint64_t job;
	struct jobs_nodes_of_result nodes;
	size_t at; /* the node that is asked for */
	struct batches_status *ret;
};

static void ask_node(struct batches_asking *a);

static void next(struct batches_asking *a)
{
	if (++a->at < a->ret->count)
		ask_node(a);
	else
		op_end_with(a, NULL);
}

static void on_batch(const struct contracts_answer *answer, void *arg)
{
	if (answer->error)
		op_end(arg, answer);
	else
		next(arg);
}

static void on_assignment(const struct contracts_answer *answer, void *arg)
{
	struct batches_asking *a = arg;
	struct batches_node *node = &a->ret->nodes[a->at];
	struct jobs_get_batch_call call = {.job_id = u256_of(a->job), .ordinal = node->assignment.batch_count - 1};

	memcpy(call.node, node->node, sizeof(call.node));
	if (answer->error)
		op_end(a, answer);
	else if (node->assignment.batch_count == 0)
		next(a);
	else
		jobs_get_batch_ask(a->op.ctx, a->op.k, &call, "latest", &node->last, on_batch, a);
}

static void ask_node(struct batches_asking *a)
{
	struct batches_node *node = &a->ret->nodes[a->at];
	struct jobs_get_assignment_call call = {.job_id = u256_of(a->job)};

	memcpy(node->node, a->nodes.value.at[a->at], sizeof(node->node));
	memcpy(call.node, node->node, sizeof(call.node));
	jobs_get_assignment_ask(a->op.ctx, a->op.k, &call, "latest", &node->assignment, on_assignment, a);
}

static void on_nodes(const struct contracts_answer *answer, void *arg)
{
	struct batches_asking *a = arg;

	if (answer->error || a->nodes.value.n == 0) {
		op_end(a, answer);
		return;
	}
	if (a->nodes.value.n > NODES_MOST) {
		op_end_with(a, error_new(ERROR_INVALID,
					 "the endpoint tells of %zu nodes that work for job %" PRIu64
					 ", which has %d at most; name another endpoint with --chain-rpc",
					 a->nodes.value.n, a->job, NODES_MOST));
		return;
	}
	a->ret->count = a->nodes.value.n;
	a->ret->nodes = mem_array(a->op.ctx, struct batches_node, a->ret->count);
	ask_node(a);
}

static void on_job(const struct contracts_answer *answer, void *arg)
{
	struct batches_asking *a = arg;
	const struct jobs_nodes_of_call call = {.job_id = u256_of(a->job)};

	if (answer->error)
		op_end(a, answer);
	else if (a->ret->job.state == CONTRACTS_JOB_STORE_STATE_NONE)
		op_end_with(a, error_new(ERROR_NOT_FOUND, "there is no job %" PRIu64, a->job));
	else
		jobs_nodes_of_ask(a, a->op.k, &call, "latest", &a->nodes, on_nodes, a);
}

void batches_status(const void *ctx, struct contracts *k, uint64_t job, struct batches_status *ret, contracts_fn *fn,
		    void *arg)
{
	struct batches_asking *a = op_new(ctx, k, struct batches_asking, fn, arg);
	const struct jobs_get_job_call call = {.job_id = u256_of(job)};

	a->job = job;
	a->ret = ret;
	ret->nodes = NULL;
	ret->count = 0;
	jobs_get_job_ask(ctx, k, &call, "latest", &ret->job, on_job, a);
}
