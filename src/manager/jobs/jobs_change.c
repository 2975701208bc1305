/* orders.cancel, pipelines.start, stop and close: something else is wanted of an order. */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "manager/jobs/jobs_impl.h"
#include "manager/jobs/order.h"
#include "manager/jobs/recording_rows.h"

/* May it start now, by a call? */
static struct error *check_start(const struct order_row *row)
{
	if (!order_has_nodes(row->document))
		return error_new(ERROR_REFUSED, "job %s has no nodes%s", row->job,
				 row->state == ORDER_SCHEDULED ? " yet: it starts by itself at its start_at"
							       : ", and its time is over: order it anew");
	if (row->end_at_ms && row->end_at_ms <= clock_wall_ms())
		return error_new(ERROR_REFUSED, "job %s has ended by its end_at: order it anew", row->job);
	return NULL;
}

static void run_anew(struct jobs *j, struct method_call *c, struct order_row *row)
{
	runs_drop(j->runs, row->job, "something else is wanted of it now: look at orders.status");
	jobs_run(j, row, c);
}

/* What is written down; `*held`: it holds its nodes again. */
static struct error *move(struct jobs *j, struct order_row *row, enum order_state to, bool *held)
{
	if (to == ORDER_STARTING) {
		TRY(check_start(row));
		if (order_state_may(row->state, to)) {
			TRY(placing_again(j->placing, row->job, row->document));
			*held = true;
		}
	}
	return order_rows_move(j->host->db, row, to);
}

/* The order comes to `to`, whatever is going on with it, and its nodes are told. */
static void change(struct jobs *j, struct method_call *c, struct order_row *row, enum order_state to)
{
	bool held = false;
	struct error *e = move(j, row, to, &held);

	/* It is not written down that it starts: it is as over as before. */
	if (e && held)
		placing_release(j->placing, row->job);
	if (e) {
		method_fail(c, e);
		return;
	}
	if (to == ORDER_CANCELLED) {
		method_answer(c, jobs_order_json(j, row, true));
		return;
	}
	run_anew(j, c, row);
}

typedef void found_fn(struct jobs *j, struct method_call *c, struct order_row *row);

/* With the order that the call names, of whom it is. */
static void find(struct jobs *j, struct method_call *c, found_fn *fn)
{
	void *scope = mem_strdup(NULL, "");
	struct order_row *row = NULL;
	struct error *e = jobs_ready(j);

	if (!e)
		e = order_rows_find(scope, j->host->db, method_text(c, "job"), jobs_owner(c), &row);
	if (e)
		method_fail(c, e);
	else
		fn(j, c, row);
	mem_free(scope);
}

static void cancel(struct jobs *j, struct method_call *c, struct order_row *row)
{
	/* Of one that is scheduled no node has heard. */
	change(j, c, row, row->state == ORDER_SCHEDULED ? ORDER_CANCELLED : ORDER_CANCELLING);
}

static void stop(struct jobs *j, struct method_call *c, struct order_row *row)
{
	/* Told until it runs again. */
	row->why = method_text(c, "why") ? mem_strdup(row, method_text(c, "why")) : NULL;
	change(j, c, row, ORDER_STOPPING);
}

static void start(struct jobs *j, struct method_call *c, struct order_row *row)
{
	change(j, c, row, ORDER_STARTING);
}

/* The row bears the time of the deletion along, whatever state it comes to. */
static void close_for_good(struct jobs *j, struct method_call *c, struct order_row *row)
{
	const int64_t now_ms = clock_wall_ms();
	const bool stores = order_has_nodes(row->document);
	struct error *e = stores ? recording_rows_ask(j->host->db, row->job, now_ms) : NULL;

	if (e) {
		method_fail(c, e);
		return;
	}
	row->delete_at_ms = stores ? now_ms : 0;
	if (row->state == ORDER_CANCELLED)
		method_answer(c, jobs_order_json(j, row, true));
	else if (row->state == ORDER_CANCELLING)
		run_anew(j, c, row);
	else
		cancel(j, c, row);
}

void jobs_orders_cancel(struct method_call *c, void *arg)
{
	find(arg, c, cancel);
}

void jobs_pipelines_start(struct method_call *c, void *arg)
{
	find(arg, c, start);
}

void jobs_pipelines_stop(struct method_call *c, void *arg)
{
	find(arg, c, stop);
}

void jobs_pipelines_close(struct method_call *c, void *arg)
{
	find(arg, c, close_for_good);
}
