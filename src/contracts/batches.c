#include "contracts/batches.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "chain/address.h"
#include "contracts/op.h"

static struct jobs_get_batch_call get_of(const struct segments_batch *b)
{
	struct jobs_get_batch_call call = {.job_id = u256_of(b->job), .ordinal = b->ordinal};

	memcpy(call.node, b->node, sizeof(call.node));
	return call;
}

/* --- report --- */

struct batches_reporting {
	struct op op;
	struct segments_batch batch;
	const struct segments *segments;
	struct jobs_get_assignment_result assignment;
	struct jobs_get_batch_result last;
	struct txbox_record *record;
	struct batches_report *ret;
};

/* The root has the ordinal in it: which segments they are is hashed besides. */
static void forget_place(void *args)
{
	struct jobs_report_call *call = args;

	call->ordinal = 0;
	call->count = 0;
	memset(call->root, 0, sizeof(call->root));
}

static void looked(struct batches_reporting *r, bool before)
{
	r->ret->looked = true;
	r->ret->before = before;
	r->ret->ordinal = r->batch.ordinal;
	segments_root(r->segments, &r->batch, r->ret->root);
}

/* Of a name that was used before, what was sent then. */
static struct error *read_sent(struct batches_reporting *r)
{
	const struct txbox_intent *sent = &r->record->intent;
	struct jobs_report_call call;

	TRY(codec_call_read(r, &jobs_report_function, sent->data, sent->n, &call));
	r->ret->ordinal = (uint32_t)call.ordinal;
	memcpy(r->ret->root, call.root, sizeof(call.root));
	return NULL;
}

static void on_reported(const struct contracts_answer *answer, void *arg)
{
	if (answer->error)
		op_end(arg, answer);
	else
		op_end_with(arg, read_sent(arg));
}

static void report_now(struct batches_reporting *r)
{
	const struct segments_batch first = {.job = r->batch.job};
	uint8_t said[KECCAK_BYTES];
	const struct contracts_terms terms = {.forget = forget_place, .besides = said};
	struct jobs_report_call call = {
		.job_id = u256_of(r->batch.job), .ordinal = r->batch.ordinal, .count = r->segments->count};

	looked(r, false);
	memcpy(call.node, r->batch.node, sizeof(call.node));
	memcpy(call.root, r->ret->root, sizeof(call.root));
	segments_root(r->segments, &first, said);
	jobs_report_send(r, r->op.k, &call, &terms, &r->record, on_reported, r);
}

static void on_last(const struct contracts_answer *answer, void *arg)
{
	struct batches_reporting *r = arg;
	uint8_t root[KECCAK_BYTES];

	if (answer->error) {
		op_end(r, answer);
		return;
	}
	segments_root(r->segments, &r->batch, root);
	if (memcmp(root, r->last.root, sizeof(root)) == 0) {
		looked(r, true);
		op_end(r, answer);
		return;
	}
	r->batch.ordinal++;
	report_now(r);
}

/* Is the node's last batch of these very segments? */
static void on_assignment(const struct contracts_answer *answer, void *arg)
{
	struct batches_reporting *r = arg;
	struct jobs_get_batch_call call;

	if (answer->error) {
		op_end(r, answer);
		return;
	}
	r->batch.ordinal = (uint32_t)r->assignment.batch_count;
	if (r->batch.ordinal == 0) {
		report_now(r);
		return;
	}
	r->batch.ordinal--;
	call = get_of(&r->batch);
	jobs_get_batch_ask(r, r->op.k, &call, "latest", &r->last, on_last, r);
}

void batches_report(const void *ctx, struct contracts *k, const struct segments_batch *batch, const struct segments *s,
		    struct batches_report *ret, contracts_fn *fn, void *arg)
{
	struct batches_reporting *r = op_new(ctx, k, struct batches_reporting, fn, arg);
	struct jobs_get_assignment_call call = {.job_id = u256_of(batch->job)};

	memcpy(call.node, batch->node, sizeof(call.node));
	r->batch = *batch;
	r->segments = s;
	r->ret = ret;
	ret->looked = false;
	jobs_get_assignment_ask(r, k, &call, "latest", &r->assignment, on_assignment, r);
}

/* --- judgement --- */

struct batches_confirming {
	struct op op;
	struct batches_judgement j;
	struct jobs_get_batch_result batch;
	uint64_t *ret_accepted;
};

static struct error *not_of_these(const struct batches_judgement *j)
{
	char text[ADDRESS_TEXT_BYTES];

	eth_address_text(j->batch.node, text);
	return error_new(ERROR_REFUSED,
			 "batch %" PRIu32 " of node %s is not of the segments in %s: look again, or vcli job reject it",
			 j->batch.ordinal, text, j->from);
}

static struct error *check(const struct batches_confirming *c)
{
	const struct batches_judgement *j = &c->j;
	uint8_t root[KECCAK_BYTES];
	char text[ADDRESS_TEXT_BYTES];

	if (c->batch.count == 0) {
		eth_address_text(j->batch.node, text);
		return error_new(ERROR_NOT_FOUND, "node %s has reported no batch %" PRIu32 " in job %" PRIu64, text,
				 j->batch.ordinal, j->batch.job);
	}
	if (j->segments) {
		segments_root(j->segments, &j->batch, root);
		if (j->segments->count != c->batch.count || memcmp(root, c->batch.root, sizeof(root)) != 0)
			return not_of_these(j);
	}
	if (j->accepted && j->accepted < c->batch.count && !j->evidence)
		return error_new(ERROR_INVALID,
				 "--evidence: name a file that shows why %" PRIu64 " of %" PRIu64
				 " segments are not good",
				 c->batch.count - j->accepted, c->batch.count);
	return NULL;
}

static void on_batch(const struct contracts_answer *answer, void *arg)
{
	struct batches_confirming *c = arg;
	struct jobs_confirm_call call = {.job_id = u256_of(c->j.batch.job), .ordinal = c->j.batch.ordinal};
	struct error *e;

	if (answer->error) {
		op_end(c, answer);
		return;
	}
	e = check(c);
	if (e) {
		op_end_with(c, e);
		return;
	}
	*c->ret_accepted = call.accepted = c->j.accepted ? c->j.accepted : c->batch.count;
	memcpy(call.node, c->j.batch.node, sizeof(call.node));
	if (c->j.evidence)
		memcpy(call.evidence, c->j.evidence, sizeof(call.evidence));
	jobs_confirm_send(c, c->op.k, &call, NULL, NULL, op_last, c);
}

void batches_confirm(const void *ctx, struct contracts *k, const struct batches_judgement *j, uint64_t *ret_accepted,
		     contracts_fn *fn, void *arg)
{
	struct batches_confirming *c = op_new(ctx, k, struct batches_confirming, fn, arg);
	const struct jobs_get_batch_call call = get_of(&j->batch);

	c->j = *j;
	c->ret_accepted = ret_accepted;
	jobs_get_batch_ask(c, k, &call, "latest", &c->batch, on_batch, c);
}

void batches_reject(const void *ctx, struct contracts *k, const struct segments_batch *batch,
		    const uint8_t evidence[KECCAK_BYTES], contracts_fn *fn, void *arg)
{
	struct jobs_reject_call call = {.job_id = u256_of(batch->job), .ordinal = batch->ordinal};

	memcpy(call.node, batch->node, sizeof(call.node));
	memcpy(call.evidence, evidence, sizeof(call.evidence));
	jobs_reject_send(ctx, k, &call, NULL, NULL, fn, arg);
}

/* --- disputes --- */

void batches_dispute(const void *ctx, struct contracts *k, const struct segments_batch *batch,
		     const struct segments_shown *shown, contracts_fn *fn, void *arg)
{
	struct jobs_dispute_call call = {.job_id = u256_of(batch->job), .ordinal = batch->ordinal};

	memcpy(call.node, batch->node, sizeof(call.node));
	if (shown) {
		call.index = u256_of(shown->index);
		memcpy(call.segment, shown->segment, sizeof(call.segment));
		call.proof = (struct codec_words){shown->proof, shown->depth};
	}
	jobs_dispute_send(ctx, k, &call, NULL, NULL, fn, arg);
}

void batches_resolve(const void *ctx, struct contracts *k, const struct segments_batch *batch, uint64_t accepted,
		     const uint8_t evidence[KECCAK_BYTES], contracts_fn *fn, void *arg)
{
	struct jobs_resolve_call call = {
		.job_id = u256_of(batch->job), .ordinal = batch->ordinal, .accepted = accepted};

	memcpy(call.node, batch->node, sizeof(call.node));
	memcpy(call.evidence, evidence, sizeof(call.evidence));
	jobs_resolve_send(ctx, k, &call, NULL, NULL, fn, arg);
}

/* --- payment --- */

struct batches_settling {
	struct op op;
	struct txbox_record *record;
	struct jobs_batch_settled_event *ret;
};

static void on_settled(const struct contracts_answer *answer, void *arg)
{
	struct batches_settling *s = arg;

	if (answer->error)
		op_end(s, answer);
	else
		jobs_batch_settled_find(s->op.ctx, s->op.k, s->record, s->ret, op_last, s);
}

void batches_settle(const void *ctx, struct contracts *k, const struct segments_batch *batch,
		    struct jobs_batch_settled_event *ret, contracts_fn *fn, void *arg)
{
	struct batches_settling *s = op_new(ctx, k, struct batches_settling, fn, arg);
	struct jobs_settle_call call = {.job_id = u256_of(batch->job), .ordinal = batch->ordinal};

	memcpy(call.node, batch->node, sizeof(call.node));
	s->ret = ret;
	jobs_settle_send(s, k, &call, NULL, &s->record, on_settled, s);
}
