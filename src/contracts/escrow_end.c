/* A job's ends. */
#include "contracts/escrow.h"

#include "base/mem.h"
#include "contracts/escrow_check.h"
#include "contracts/op.h"

struct escrow_ending {
	struct op op;
	struct txbox_record *record;
	uint64_t job;
	struct jobs_job_closing_event is_closing, *closing; /* closing or finished is NULL */
	struct jobs_job_finished_event is_finished, *finished;
};

static struct error *check_event(struct escrow_ending *d)
{
	if (d->closing) {
		TRY(escrow_check_closing(d->record->account, d->job, &d->is_closing));
		*d->closing = d->is_closing;
	} else {
		TRY(escrow_check_finished(d->job, &d->is_finished));
		*d->finished = d->is_finished;
	}
	return NULL;
}

static void on_event(const struct contracts_answer *answer, void *arg)
{
	struct escrow_ending *d = arg;

	if (answer->error)
		op_end(d, answer);
	else
		op_end_with(d, check_event(d));
}

static void on_done(const struct contracts_answer *answer, void *arg)
{
	struct escrow_ending *d = arg;

	if (answer->error)
		op_end(d, answer);
	else if (d->closing)
		jobs_job_closing_find(d, d->op.k, d->record, &d->is_closing, on_event, d);
	else
		jobs_job_finished_find(d, d->op.k, d->record, &d->is_finished, on_event, d);
}

void escrow_close(const void *ctx, struct contracts *k, uint64_t job, struct jobs_job_closing_event *ret,
		  contracts_fn *fn, void *arg)
{
	struct escrow_ending *d = op_new(ctx, k, struct escrow_ending, fn, arg);
	const struct jobs_close_call call = {.job_id = u256_of(job)};

	d->job = job;
	d->closing = ret;
	jobs_close_send(d, k, &call, NULL, &d->record, on_done, d);
}

void escrow_cancel(const void *ctx, struct contracts *k, uint64_t job, struct jobs_job_finished_event *ret,
		   contracts_fn *fn, void *arg)
{
	struct escrow_ending *d = op_new(ctx, k, struct escrow_ending, fn, arg);
	const struct jobs_cancel_call call = {.job_id = u256_of(job)};

	d->job = job;
	d->finished = ret;
	jobs_cancel_send(d, k, &call, NULL, &d->record, on_done, d);
}

void escrow_finish(const void *ctx, struct contracts *k, uint64_t job, struct jobs_job_finished_event *ret,
		   contracts_fn *fn, void *arg)
{
	struct escrow_ending *d = op_new(ctx, k, struct escrow_ending, fn, arg);
	const struct jobs_finish_call call = {.job_id = u256_of(job)};

	d->job = job;
	d->finished = ret;
	jobs_finish_send(d, k, &call, NULL, &d->record, on_done, d);
}
