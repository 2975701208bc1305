#include "manager/jobs/jobs.h"

#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "manager/jobs/jobs_impl.h"
#include "manager/jobs/order.h"

#define RETRY_MS 5000
#define TICK_MS 1000
#define DELETE_MS 10000
#define LIST_MOST 1000
#define ONCE_BYTES 64
#define WHY_BYTES 200

const char *jobs_owner(const struct method_call *c)
{
	return method_caller(c)->roles & (CALLER_OPERATOR | CALLER_SERVICE) ? NULL : method_caller(c)->address;
}

/* --- the nodes that are known --- */

struct error *jobs_ready(const struct jobs *j)
{
	return j->begun ? NULL : error_new(ERROR_UNAVAILABLE, "orders are being read; try again in a few seconds");
}

struct jobs_asked {
	struct jobs *jobs;
	struct method_call *call;
	jobs_fresh_fn *fn;
};

static void on_fresh(const struct error *away, void *arg)
{
	const struct jobs_asked a = *(struct jobs_asked *)arg;

	mem_free(arg);
	a.fn(a.jobs, a.call, away);
}

void jobs_when_fresh(struct jobs *j, struct method_call *c, jobs_fresh_fn *fn)
{
	struct error *e = jobs_ready(j);
	struct jobs_asked *a;

	if (e) {
		fn(j, c, e);
		error_free(e);
		return;
	}
	a = mem_new(j, struct jobs_asked);
	*a = (struct jobs_asked){j, c, fn};
	placing_refresh(j->placing, on_fresh, a);
}

/* --- runs --- */

struct jobs_waiting {
	struct jobs *jobs;
	struct method_call *call;
};

static void on_ran(const struct order_row *row, const json_t *nodes, const struct error *e, void *arg)
{
	struct method_call *c = ((struct jobs_waiting *)arg)->call;
	const struct jobs *j = ((struct jobs_waiting *)arg)->jobs;
	json_t *answer;

	mem_free(arg);
	if (e) {
		method_fail(c, error_copy(e));
		return;
	}
	answer = jobs_order_json(j, row, true);
	json_object_set(answer, "nodes", (json_t *)nodes);
	method_answer(c, answer);
}

void jobs_run(struct jobs *j, struct order_row *row, struct method_call *c)
{
	struct jobs_waiting *w = mem_new(j, struct jobs_waiting);

	*w = (struct jobs_waiting){j, c};
	watch_order(j->watch, row);
	run_begin(j->runs, row, on_ran, w);
}

/* The others are not held up by it; it is said once. */
static void skip(const struct jobs *j, const struct order_row *row, size_t *unreadable)
{
	if (++*unreadable > j->unreadable)
		log_error("jobs.unreadable", "job=%s why=%s", row->job, log_q(row->unreadable));
}

/* Orders that ask for something and that nobody is telling: after a restart, or when the bus was not reached. */
static void take_up(void *state)
{
	struct jobs *j = state;
	void *scope;
	struct order_row **rows = NULL;
	size_t count = 0, unreadable = 0;
	struct error *e;

	if (!j->begun)
		return;
	scope = mem_strdup(NULL, "");
	e = order_rows_unfinished(scope, j->host->db, &rows, &count);

	for (size_t i = 0; !e && i < count; i++) {
		if (rows[i]->unreadable)
			skip(j, rows[i], &unreadable);
		else if (!runs_has(j->runs, rows[i]->job) && runs_may(j->runs, rows[i]->job))
			run_begin(j->runs, rows[i], NULL, NULL);
	}
	if (e)
		log_error("jobs.take_up", "why=%s", log_q(e->message));
	else
		j->unreadable = unreadable;
	error_free(e);
	mem_free(scope);
}

/* --- methods --- */

static void orders_give_up(struct method_call *c, void *arg)
{
	struct jobs *j = arg;
	void *scope = mem_strdup(NULL, "");
	struct order_row *row = NULL;
	struct error *e = jobs_ready(j);

	if (!e)
		e = order_rows_find(scope, j->host->db, method_text(c, "job"), NULL, &row);
	if (!e)
		e = runs_give_up(j->runs, row);
	if (e) {
		method_fail(c, e);
	} else {
		watch_order(j->watch, row);
		method_answer(c, jobs_order_json(j, row, false));
	}
	mem_free(scope);
}

static void orders_list(struct method_call *c, void *arg)
{
	struct jobs *j = arg;
	void *scope = mem_strdup(NULL, "");
	struct order_row **rows = NULL;
	int64_t most = method_integer(c, "most");
	size_t count = 0;
	json_t *list = json_array();
	struct error *e = order_rows_list(scope, j->host->db, jobs_owner(c), most ? most : LIST_MOST, &rows, &count);

	for (size_t i = 0; !e && i < count; i++)
		json_array_append_new(list, jobs_order_json(j, rows[i], false));
	if (e)
		method_fail(c, e);
	else
		method_answer(c, json_pack("{s:O}", "orders", list));
	json_decref(list);
	mem_free(scope);
}

#define MAY (CALLER_CUSTOMER | CALLER_OPERATOR)
#define JOB_PARAM                                                                                        \
	{                                                                                                \
		"job", METHOD_JOB, false, NULL, NULL, 0, 0, "The job's id, as orders.create has told it" \
	}
#define ORDER_PARAM                                                                                  \
	{                                                                                            \
		"order", METHOD_OBJECT, false, NULL, NULL, 0, ORDER_BYTES,                           \
			"A public pipeline document ([api.md](api.md)) without `nodes` and `job_id`" \
	}
#define NO_SUCH_JOB                                                               \
	{                                                                         \
		ERROR_NOT_FOUND, "look at orders.list: it has all that are yours" \
	}
#define NO_PLACE                                                                                                                                     \
	{                                                                                                                                            \
		ERROR_UNAVAILABLE,                                                                                                                   \
			"look at nodes.list; a node gets work when its agent runs with --manager and this dsnd's address, and is not in maintenance" \
	}
#define NO_WAY                                                        \
	{                                                             \
		ERROR_REFUSED, "look at its state with orders.status" \
	}
#define END_UNSENT                                                                                                        \
	{                                                                                                                 \
		ERROR_UNAVAILABLE,                                                                                        \
			"look at orders.status in a few seconds: it is wanted, and sent again until the bus has taken it" \
	}
#define NODE_FAILED                                                                                                    \
	{                                                                                                              \
		ERROR_FAILED, "look at the node that is named: vcli node logs; then pipelines.start, or orders.cancel" \
	}

static const struct method methods[] = {
	{"orders.plan",
	 jobs_orders_plan,
	 MAY,
	 "Tell which nodes an order would get, and what it would cost them; nothing is sent",
	 "`nodes`, and `plan` with bandwidth and processors of each; `start_at`, `end_at` and `retain_days` of the order",
	 {ORDER_PARAM},
	 {NO_PLACE, {ERROR_FAILED, "order less: the nodes that are there cannot carry it"}}},
	{"orders.create",
	 jobs_orders_create,
	 MAY,
	 "Order a stream: nodes are chosen and told, and it is answered when all of them serve; one with a `start_at` that is to come is "
	 "`scheduled`, and answered at once",
	 "the order: `job`, `state`, where to publish (`ingest`, with the key), where to watch (`play`, of its storage `watch`), `nodes`",
	 {ORDER_PARAM,
	  {"once", METHOD_TEXT, true, NULL, NULL, 1, ONCE_BYTES,
	   "A word for this order: said again with it, the first one is answered and nothing is ordered"}},
	 {NO_PLACE, NODE_FAILED, {ERROR_LIMIT, "cancel or stop what is not needed any more: orders.list"}}},
	{"orders.list",
	 orders_list,
	 MAY,
	 "List one's orders, the newest first; an operator's are all",
	 "`orders`, without keys",
	 {{"most", METHOD_INTEGER, true, NULL, NULL, 1, LIST_MOST, "How many at most; 1000 otherwise"}},
	 {{0}}},
	{"orders.status",
	 jobs_orders_status,
	 MAY,
	 "Tell one order",
	 "the order as orders.create has it, the state of each of its nodes, and the `document` it is carried out by",
	 {JOB_PARAM},
	 {NO_SUCH_JOB}},
	{"orders.explain",
	 jobs_orders_explain,
	 MAY,
	 "Tell why an order has got its nodes: each decision with its candidates, their scores, and what kept the others out",
	 "`decisions`, the oldest first: `at`, `kind` (order, replacement), `record`; the last 16 are kept",
	 {JOB_PARAM},
	 {NO_SUCH_JOB}},
	{"nodes.explain",
	 jobs_nodes_explain,
	 CALLER_SUPPLIER | CALLER_OPERATOR,
	 "Tell what keeps a node from getting work: its owner and operators",
	 "`would_do`; `keeps_out`: of each reason `why`, `text` and what `helps`; `promised` to orders: `jobs` on this node, work and "
	 "bit rate on its machine",
	 {{"node_id", METHOD_ADDRESS, false, NULL, NULL, 0, 0, "The node"},
	  {"order", METHOD_OBJECT, true, NULL, NULL, 0, ORDER_BYTES,
	   "From a part of this order; without it one of two renditions of a source of 720 lines"},
	  {"customer", METHOD_ADDRESS, true, NULL, NULL, 0, 0, "Whose order it is; without it nobody's"}},
	 {{ERROR_NOT_FOUND, "look at nodes.list; an agent reports each of its nodes every 5 s"},
	  {ERROR_REFUSED, "ask of one's own nodes: nodes.list tells the owner of each"}}},
	{"orders.sources",
	 jobs_orders_sources,
	 CALLER_SERVICE | CALLER_OPERATOR,
	 "Tell where the master playlists of a job are, whosever it is",
	 "`sources`: `node_id`, `host`, `port` and `path` at each of its storages",
	 {JOB_PARAM},
	 {NO_SUCH_JOB}},
	{"orders.parts",
	 jobs_orders_parts,
	 CALLER_SERVICE | CALLER_OPERATOR,
	 "Tell who works for a job, whosever it is",
	 "`job`, `state`, and of each of its `parts` `node_id`, `role`, and the `price` that it was chosen for, of a segment; "
	 "without it nothing was asked",
	 {JOB_PARAM},
	 {NO_SUCH_JOB}},
	{"orders.cancel",
	 jobs_orders_cancel,
	 MAY,
	 "End an order for good; what was stored stays until `delete_at`",
	 "the order",
	 {JOB_PARAM},
	 {NO_SUCH_JOB, NO_WAY, END_UNSENT}},
	{"orders.give_up",
	 orders_give_up,
	 CALLER_OPERATOR,
	 "End an order that is stopping, cancelling or failing, although not all its nodes are known to have been told; one that comes "
	 "back may go on with it until its owner ends it there",
	 "the order",
	 {JOB_PARAM},
	 {NO_SUCH_JOB, NO_WAY}},
	{"pipelines.stop",
	 jobs_pipelines_stop,
	 MAY | CALLER_SERVICE,
	 "End the stream of an order, which may be started again; what was stored stays until `delete_at`",
	 "the order",
	 {JOB_PARAM, {"why", METHOD_TEXT, true, NULL, NULL, 1, WHY_BYTES, "Why, as the order tells it from then on"}},
	 {NO_SUCH_JOB, NO_WAY, END_UNSENT}},
	{"pipelines.start",
	 jobs_pipelines_start,
	 MAY,
	 "Start an order that is stopped or has failed again, on the same nodes with the same keys",
	 "the order",
	 {JOB_PARAM},
	 {NO_SUCH_JOB,
	  NO_WAY,
	  NODE_FAILED,
	  {ERROR_UNAVAILABLE,
	   "look at orders.status in a few seconds, and try again; if a node of it is gone for good, order it anew"},
	  {ERROR_LIMIT, "order it anew: one of its nodes has given its room to others"}}},
	{"pipelines.list",
	 jobs_pipelines_list,
	 MAY,
	 "List the streams of one's orders: those that are neither over nor scheduled, the newest first; an operator's are all",
	 "`pipelines`, as orders.list has them",
	 {{0}},
	 {{0}}},
	{"pipelines.status",
	 jobs_pipelines_status,
	 MAY,
	 "Ask the nodes of an order how its stream fares",
	 "`job`, `state`, `nodes`: of each the `status` that it has told, or `why` it has not, within 10 s",
	 {JOB_PARAM},
	 {NO_SUCH_JOB, {ERROR_UNAVAILABLE, "the bus is not reached; orders.status tells what dsnd knows"}}},
	{"pipelines.close",
	 jobs_pipelines_close,
	 MAY,
	 "End an order for good, and delete what was stored of it; of one that is over too",
	 "the order; the event recording.deleted tells when all storages have deleted it",
	 {JOB_PARAM},
	 {NO_SUCH_JOB, NO_WAY, END_UNSENT}},
};

/* What another leader has promised and moved meanwhile is in the orders' rows. */
static void begin(struct jobs *j)
{
	struct error *e;

	j->begun = false;
	j->choosing = false;
	watch_stop(j->watch);
	mem_free(j->placing);
	j->placing = placing_new(j, j->host);
	e = placing_start(j->placing);
	if (!e)
		e = watch_start(j->watch, j->placing);
	j->begun = !e;
	if (e)
		log_error("jobs.start", "why=%s; it is tried again every second", log_q(e->message));
	error_free(e);
}

static void tick(void *state)
{
	struct jobs *j = state;

	if (!j->begun)
		begin(j);
	if (!j->begun)
		return;
	placing_tick(j->placing);
	watch_drain(j->watch);
	jobs_schedule(j);
}

static void delete_recordings(void *state)
{
	struct jobs *j = state;

	if (j->begun)
		jobs_delete_recordings(j);
}

static void watch(void *state)
{
	const struct jobs *j = state;

	if (j->begun)
		watch_tick(j->watch);
}

static void heard(const struct message *m, void *state)
{
	const struct jobs *j = state;

	runs_heard(j->runs, m->from);
	watch_heard(j->watch, m);
}

static void start(void *state)
{
	struct jobs *j = state;

	begin(j);
	take_up(j);
}

static const struct service_task tasks[] = {
	{RETRY_MS, take_up}, {TICK_MS, tick}, {WATCH_TICK_MS, watch}, {DELETE_MS, delete_recordings}, {0, NULL}};

/* Who serves keeps his good name, who does not loses some of it. */
static void on_started(const struct order_row *row, const json_t *nodes, void *arg)
{
	const struct jobs *j = arg;

	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *o = json_array_get(nodes, i);

		placing_judge(j->placing, row->owner, json_string_value(json_object_get(o, "node_id")),
			      !json_object_get(o, "why"));
	}
}

static struct error *open_jobs(const void *ctx, const struct service_host *host, void **ret_state)
{
	struct jobs *j = mem_new(ctx, struct jobs);

	j->host = host;
	j->runs = runs_new(j, host);
	j->placing = placing_new(j, host);
	j->watch = watch_new(j, host, j->runs);
	runs_judge(j->runs, on_started, j);
	*ret_state = j;
	return NULL;
}

static void stop(const struct error *why, void *state)
{
	struct jobs *j = state;

	j->begun = false;
	mem_free(j->deletion);
	j->deletion = NULL;
	runs_abandon(j->runs, why);
	watch_stop(j->watch);
}

static void measure(struct metrics_text *t, void *state)
{
	const struct jobs *j = state;
	int64_t counts[ORDER_STATES];
	size_t holding = 0, known = 0;
	size_t parts[PART_STATES];
	struct error *e = order_rows_count(j->host->db, counts);

	metrics_gauge(t, "runs", "Orders whose nodes are being told something.", (double)runs_count(j->runs));
	placing_count(j->placing, &holding, &known);
	metrics_gauge(t, "orders_unreadable", "Orders that ask for something and cannot be read.",
		      (double)j->unreadable);
	metrics_gauge(t, "orders_holding", "Orders that hold nodes.", (double)holding);
	metrics_gauge(t, "nodes_to_choose_from", "Nodes that placement knows.", (double)known);
	if (e) {
		error_free(e);
		return;
	}
	metrics_head(t, METRICS_GAUGE, "orders", "Orders, by state.");
	for (enum order_state s = 0; s < ORDER_STATES; s++)
		metrics_line(t, "orders", "state", order_state_name(s), (double)counts[s]);
	watch_count(j->watch, parts);
	metrics_head(t, METRICS_GAUGE, "parts", "Nodes' parts of the orders that run, by state.");
	for (enum part_state s = 0; s < PART_REPLACING; s++)
		metrics_line(t, "parts", "state", part_state_name(s), (double)parts[s]);
}

const struct service_ops jobs_service = {
	.name = "jobs",
	.text = "orders, and the streams made of them",
	.migrations = order_migrations,
	.migration_count = ORDER_MIGRATIONS,
	.made = order_rows_made,
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
	.tasks = tasks,
	.calls = "registry",
	.open = open_jobs,
	.start = start,
	.stop = stop,
	.heard = heard,
	.measure = measure,
};
