/* orders.plan and orders.create: from an order to nodes. */
#include <string.h>

#include "api/plan.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "manager/jobs/jobs_impl.h"
#include "manager/jobs/order.h"
#include "manager/jobs/placements.h"

#define PLAN_JOB "plan" /* no order has this id */

static struct error *at_order(struct error *e)
{
	return error_wrap(e, "params.order");
}

/* The public document on nodes that fit, read again with them, and what it comes to. `p` and `plan` are ctx's,
 * *ret_document is a new reference; ret_record as placing_order() has it. */
static struct error *place(const void *ctx, struct jobs *j, struct method_call *c, const char *job, json_t **ret_record,
			   json_t **ret_document, struct api_pipeline **ret_pipeline, struct api_plan **ret_plan)
{
	const json_t *order = method_object(c, "order");
	struct placing_wish wish = {.job = job, .customer = method_caller(c)->address};
	struct api_pipeline *p = NULL;
	json_t *nodes = NULL, *document;
	struct error *e = order_read(ctx, order, &p);

	if (e)
		return at_order(e);
	wish.order = p;
	e = placing_order(j->placing, &wish, &nodes, ret_record);
	if (e)
		return e;
	document = order_complete(order, job ? job : PLAN_JOB, nodes);
	e = api_pipeline_read(ctx, document, ret_pipeline);
	if (e) {
		json_decref(document);
		return at_order(e);
	}
	api_plan_make(ctx, *ret_pipeline, ret_plan);
	e = api_plan_error(*ret_plan);
	if (e) {
		json_decref(document);
		return e;
	}
	*ret_document = document;
	return NULL;
}

/* --- plan --- */

static void plan_on(struct jobs *j, struct method_call *c, const struct error *away)
{
	void *scope = mem_strdup(NULL, "");
	struct api_pipeline *p = NULL;
	struct api_plan *plan = NULL;
	json_t *document = NULL, *answer = NULL;
	struct error *e = away ? error_copy(away) : place(scope, j, c, NULL, NULL, &document, &p, &plan);

	if (!e)
		answer = json_pack("{s:o,s:O}", "plan", api_plan_json(plan), "nodes",
				   json_object_get(json_object_get(document, "pipeline"), "nodes"));
	json_decref(document);
	mem_free(scope);
	if (e)
		method_fail(c, e);
	else
		method_answer(c, answer);
}

void jobs_orders_plan(struct method_call *c, void *arg)
{
	jobs_when_fresh(arg, c, plan_on);
}

/* --- create --- */

static const char *publisher_key(const struct api_node_task *tasks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (tasks[i].task->role == API_DISTRIBUTOR && !tasks[i].failover_of)
			return tasks[i].task->key;
	}
	return NULL;
}

static int drop_documents(struct order_row *row)
{
	json_decref(row->document);
	json_decref(row->tasks);
	return 0;
}

static struct error *check_open(struct jobs *j, const char *owner)
{
	int64_t open = 0;

	TRY(order_rows_open(j->host->db, owner, &open));
	if (open < JOBS_OPEN)
		return NULL;
	return error_new(ERROR_LIMIT, "%lld of your orders are not over; %d may be", (long long)open, JOBS_OPEN);
}

struct creation {
	const struct order_row *row;
	const char *once;
	const json_t *record;
};

static struct error *write_down(struct db *db, const void *arg)
{
	const struct creation *n = arg;

	TRY(placements_add(db, n->row->job, PLACEMENTS_ORDER, n->record));
	return order_rows_create(db, n->row, n->once);
}

/* A new order, written down. */
static struct error *write_order(struct order_row *row, struct jobs *j, struct method_call *c, json_t **ret_record)
{
	struct api_pipeline *p = NULL;
	struct api_plan *plan = NULL;
	struct api_node_task *tasks = NULL;
	size_t count = 0;
	const char *key;

	TRY(check_open(j, method_caller(c)->address));
	TRY(order_rows_next(j->host->db, row));
	TRY(place(row, j, c, row->job, ret_record, &row->document, &p, &plan));
	TRY(api_pipeline_tasks(row, p, API_KEYS_NEW, &tasks, &count));
	row->tasks = api_pipeline_private(p, tasks, count);
	key = publisher_key(tasks, count);
	row->owner = mem_strdup(row, method_caller(c)->address);
	row->key = key ? mem_strdup(row, key) : NULL;
	row->created_ms = row->changed_ms = clock_wall_ms();
	return db_together(j->host->db, write_down, &(struct creation){row, method_text(c, "once"), *ret_record});
}

static void create_on(struct jobs *j, struct method_call *c, const struct error *away)
{
	void *scope = mem_strdup(NULL, "");
	struct order_row *row = mem_new(scope, struct order_row);
	json_t *record = NULL;
	struct error *e;

	talloc_set_destructor(row, drop_documents);
	e = away ? error_copy(away) : write_order(row, j, c, &record);
	json_decref(record);
	if (e) {
		if (row->job)
			placing_release(j->placing, row->job);
		method_fail(c, e);
	} else {
		placing_keep(j->placing, row->job);
		jobs_run(j, row, c);
	}
	mem_free(scope);
}

/* Said again with the same word: nothing is ordered a second time. */
static struct error *find_before(const void *ctx, struct jobs *j, struct method_call *c, struct order_row **ret_row)
{
	const char *once = method_text(c, "once");

	*ret_row = NULL;
	return once ? order_rows_once(ctx, j->host->db, method_caller(c)->address, once, ret_row) : NULL;
}

void jobs_orders_create(struct method_call *c, void *arg)
{
	void *scope = mem_strdup(NULL, "");
	struct order_row *before = NULL;
	struct error *e = find_before(scope, arg, c, &before);

	if (e)
		method_fail(c, e);
	else if (before)
		method_answer(c, jobs_order_json(arg, before, true));
	else
		jobs_when_fresh(arg, c, create_on);
	mem_free(scope);
}
