/* orders.plan and orders.create: from an order to nodes. */
#include <assert.h>
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
	return e ? error_wrap(e, "params.order") : NULL;
}

/* Whose order, and which; `job` NULL: a plan. */
struct asked {
	struct jobs *jobs;
	const json_t *order;
	const char *customer, *job;
};

/* The public document on nodes that fit, read again with them, and what it comes to. `p` and `plan` are ctx's,
 * *ret_document is a new reference; ret_record as placing_order() has it. */
static struct error *place(const void *ctx, const struct asked *a, json_t **ret_record, json_t **ret_document,
			   struct api_pipeline **ret_pipeline, struct api_plan **ret_plan)
{
	const json_t *order = a->order;
	struct placing_wish wish = {.job = a->job, .customer = a->customer};
	struct api_pipeline *p = NULL;
	json_t *nodes = NULL, *document;
	struct error *e = order_read(ctx, order, &p);

	if (e)
		return at_order(e);
	wish.order = p;
	e = placing_order(a->jobs->placing, &wish, &nodes, ret_record);
	if (e)
		return e;
	document = order_complete(order, a->job ? a->job : PLAN_JOB, nodes);
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
	const struct asked a = {j, method_object(c, "order"), method_caller(c)->address, NULL};
	struct error *e = away ? error_copy(away) : place(scope, &a, NULL, &document, &p, &plan);

	assert(e || p);
	if (!e)
		e = at_order(order_check_times(&p->wishes, clock_wall_ms()));
	if (!e) {
		answer = json_pack("{s:o,s:O}", "plan", api_plan_json(plan), "nodes",
				   json_object_get(json_object_get(document, "pipeline"), "nodes"));
		order_put_times(answer, p->wishes.start_at_ms, p->wishes.end_at_ms, 0);
		json_object_set_new(answer, "retain_days", json_integer(p->wishes.retain_days));
	}
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

struct error *jobs_choose(struct jobs *j, struct order_row *row, const json_t *order, json_t **ret_record)
{
	const struct asked a = {j, order, row->owner, row->job};
	struct api_pipeline *p = NULL;
	struct api_plan *plan = NULL;
	struct api_node_task *tasks = NULL;
	json_t *document = NULL;
	size_t count = 0;
	const char *key;
	struct error *e;

	TRY(place(row, &a, ret_record, &document, &p, &plan));
	e = api_pipeline_tasks(row, p, API_KEYS_NEW, &tasks, &count);
	if (e) {
		json_decref(document);
		return e;
	}
	json_decref(row->document);
	row->document = document;
	json_decref(row->tasks);
	row->tasks = api_pipeline_private(p, tasks, count);
	key = publisher_key(tasks, count);
	row->key = key ? mem_strdup(row, key) : NULL;
	return NULL;
}

/* A new order's own: its id, its owner, what it says of time. */
static struct error *begin_row(struct order_row *row, struct jobs *j, struct method_call *c)
{
	struct api_pipeline *p = NULL;
	struct error *e = order_read(row, method_object(c, "order"), &p);

	if (e)
		return at_order(e);
	row->created_ms = row->changed_ms = clock_wall_ms();
	e = order_check_times(&p->wishes, row->created_ms);
	if (e)
		return at_order(e);
	row->start_at_ms = p->wishes.start_at_ms;
	row->end_at_ms = p->wishes.end_at_ms;
	row->retain_days = p->wishes.retain_days;
	row->owner = mem_strdup(row, method_caller(c)->address);
	TRY(check_open(j, row->owner));
	return order_rows_next(j->host->db, row);
}

/* A new order, written down. */
static struct error *write_order(struct order_row *row, struct jobs *j, struct method_call *c, json_t **ret_record)
{
	TRY(begin_row(row, j, c));
	row->state = ORDER_STARTING;
	TRY(jobs_choose(j, row, method_object(c, "order"), ret_record));
	return db_together(j->host->db, write_down, &(struct creation){row, method_text(c, "once"), *ret_record});
}

/* One for later: it is checked, and gets its nodes then. */
static struct error *write_scheduled(struct order_row *row, struct jobs *j, struct method_call *c)
{
	TRY(begin_row(row, j, c));
	row->state = ORDER_SCHEDULED;
	row->document = order_complete(method_object(c, "order"), row->job, json_array());
	row->tasks = json_object();
	return order_rows_create(j->host->db, row, method_text(c, "once"));
}

static struct order_row *row_new(const void *ctx)
{
	struct order_row *row = mem_new(ctx, struct order_row);

	talloc_set_destructor(row, drop_documents);
	return row;
}

static void create_scheduled(struct jobs *j, struct method_call *c)
{
	void *scope = mem_strdup(NULL, "");
	struct order_row *row = row_new(scope);
	struct error *e = jobs_ready(j);

	if (!e)
		e = write_scheduled(row, j, c);
	if (e)
		method_fail(c, e);
	else
		method_answer(c, jobs_order_json(j, row, true));
	mem_free(scope);
}

static void create_on(struct jobs *j, struct method_call *c, const struct error *away)
{
	void *scope = mem_strdup(NULL, "");
	struct order_row *row = row_new(scope);
	json_t *record = NULL;
	struct error *e;

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
	else if (order_is_for_later(method_object(c, "order"), clock_wall_ms()))
		create_scheduled(arg, c);
	else
		jobs_when_fresh(arg, c, create_on);
	mem_free(scope);
}
