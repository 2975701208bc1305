/* A job's ends. */
#include "contracts/escrow.h"

#include "base/mem.h"
#include "contracts/op.h"

struct escrow_ending {
	struct op op;
	struct txbox_record *record;
	struct jobs_job_closing_event *closing; /* one of both */
	struct jobs_job_finished_event *finished;
};

static void on_done(const struct contracts_answer *answer, void *arg)
{
	struct escrow_ending *d = arg;

	if (answer->error)
		op_end(d, answer);
	else if (d->closing)
		jobs_job_closing_find(d->op.ctx, d->op.k, d->record, d->closing, op_last, d);
	else
		jobs_job_finished_find(d->op.ctx, d->op.k, d->record, d->finished, op_last, d);
}

void escrow_close(const void *ctx, struct contracts *k, uint64_t job, struct jobs_job_closing_event *ret,
		  contracts_fn *fn, void *arg)
{
	struct escrow_ending *d = op_new(ctx, k, struct escrow_ending, fn, arg);
	const struct jobs_close_call call = {.job_id = u256_of(job)};

	d->closing = ret;
	jobs_close_send(d, k, &call, NULL, &d->record, on_done, d);
}

void escrow_cancel(const void *ctx, struct contracts *k, uint64_t job, struct jobs_job_finished_event *ret,
		   contracts_fn *fn, void *arg)
{
	struct escrow_ending *d = op_new(ctx, k, struct escrow_ending, fn, arg);
	const struct jobs_cancel_call call = {.job_id = u256_of(job)};

	d->finished = ret;
	jobs_cancel_send(d, k, &call, NULL, &d->record, on_done, d);
}

void escrow_finish(const void *ctx, struct contracts *k, uint64_t job, struct jobs_job_finished_event *ret,
		   contracts_fn *fn, void *arg)
{
	struct escrow_ending *d = op_new(ctx, k, struct escrow_ending, fn, arg);
	const struct jobs_finish_call call = {.job_id = u256_of(job)};

	d->finished = ret;
	jobs_finish_send(d, k, &call, NULL, &d->record, on_done, d);
}
