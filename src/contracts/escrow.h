/* A job's money and the nodes that work for it: created, topped up, assigned, ended. As contracts/call.h says:
 * asynchronous, ctx has what is given. An event that an endpoint tells counts only when it is that of what was sent;
 * ERROR_INVALID: it is not, though what was sent is carried out.
 */
#ifndef DSN_CONTRACTS_ESCROW_H
#define DSN_CONTRACTS_ESCROW_H

#include "contracts/jobs_abi.h"

struct escrow_job {
	uint8_t document[ABI_WORD];
	struct u256 budget, limits[CONTRACTS_WORK_COUNT]; /* wei; limits: of a segment, by kind of work */
	int64_t for_ms;    /* from now, by our own clock: what an endpoint says the time is would be signed */
	bool from_balance; /* of Accounts, which is let take as much first; else from the wallet */
};
/* Gives what was written: of a name that was used before, what was written then. What would be refused for another
 * reason than money allows nothing. */
void escrow_create(const void *ctx, struct contracts *k, const struct escrow_job *job,
		   struct jobs_job_created_event *ret, contracts_fn *fn, void *arg);
void escrow_top_up(const void *ctx, struct contracts *k, const struct jobs_top_up_call *call, bool from_balance,
		   contracts_fn *fn, void *arg);

struct escrow_assignment {
	uint64_t job;
	const uint8_t (*nodes)[ETH_ADDRESS_BYTES]; /* borrowed until the end */
	size_t count;
	const struct u256 *most; /* wei, of a segment; NULL: the limit that the job has for the node's work */
};
/* Each of the nodes, or where one would be refused now none. ret_events has room for all; the first *ret_count were
 * assigned, with an error too. */
void escrow_assign(const void *ctx, struct contracts *k, const struct escrow_assignment *a,
		   struct jobs_node_assigned_event *ret_events, size_t *ret_count, contracts_fn *fn, void *arg);

/* No more batches; what is reported is settled until the end that is given. */
void escrow_close(const void *ctx, struct contracts *k, uint64_t job, struct jobs_job_closing_event *ret,
		  contracts_fn *fn, void *arg);
/* Before any work, and after its end; the rest goes back to the customer. */
void escrow_cancel(const void *ctx, struct contracts *k, uint64_t job, struct jobs_job_finished_event *ret,
		   contracts_fn *fn, void *arg);
void escrow_finish(const void *ctx, struct contracts *k, uint64_t job, struct jobs_job_finished_event *ret,
		   contracts_fn *fn, void *arg);

#endif
