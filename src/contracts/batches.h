/* Batches of delivered segments: reported, judged, paid; and how a job stands. As contracts/call.h says: asynchronous,
 * ctx has what is given.
 */
#ifndef DSN_CONTRACTS_BATCHES_H
#define DSN_CONTRACTS_BATCHES_H

#include "contracts/jobs_abi.h"
#include "contracts/segments.h"

struct batches_report {
	bool looked; /* the rest is known, with an error too */
	bool before; /* the node's last batch is of these very segments: nothing was sent */
	uint32_t ordinal;
	uint8_t root[KECCAK_BYTES];
};
/* As the node's next batch; `ordinal` of `batch` is not looked at. */
void batches_report(const void *ctx, struct contracts *k, const struct segments_batch *batch, const struct segments *s,
		    struct batches_report *ret, contracts_fn *fn, void *arg);

struct batches_judgement {
	struct segments_batch batch;
	const struct segments *segments; /* what the verifier looked at must be what was reported; NULL: not compared */
	const char *from;                /* where they are from, for messages */
	uint64_t accepted;               /* 0: all */
	const uint8_t *evidence;         /* KECCAK_BYTES; NULL: none, which does for all only */
};
/* ERROR_NOT_FOUND: no such batch; ERROR_INVALID: evidence is missing. Gives how many were accepted, with an error of
 * the contract too; what is borrowed must stay until the end. */
void batches_confirm(const void *ctx, struct contracts *k, const struct batches_judgement *j, uint64_t *ret_accepted,
		     contracts_fn *fn, void *arg);
void batches_reject(const void *ctx, struct contracts *k, const struct segments_batch *batch,
		    const uint8_t evidence[KECCAK_BYTES], contracts_fn *fn, void *arg);
/* `shown` proves that a segment is of the batch; NULL: none, as when the customer says that nothing was delivered. */
void batches_dispute(const void *ctx, struct contracts *k, const struct segments_batch *batch,
		     const struct segments_shown *shown, contracts_fn *fn, void *arg);
/* So many of a disputed batch are paid. */
void batches_resolve(const void *ctx, struct contracts *k, const struct segments_batch *batch, uint64_t accepted,
		     const uint8_t evidence[KECCAK_BYTES], contracts_fn *fn, void *arg);
void batches_settle(const void *ctx, struct contracts *k, const struct segments_batch *batch,
		    struct jobs_batch_settled_event *ret, contracts_fn *fn, void *arg);

struct batches_node {
	uint8_t node[ETH_ADDRESS_BYTES];
	struct jobs_get_assignment_result assignment;
	struct jobs_get_batch_result last; /* when there are any */
};
struct batches_status {
	struct jobs_get_job_result job;
	struct batches_node *nodes;
	size_t count;
};
/* ERROR_NOT_FOUND: no such job. */
void batches_status(const void *ctx, struct contracts *k, uint64_t job, struct batches_status *ret, contracts_fn *fn,
		    void *arg);

#endif
