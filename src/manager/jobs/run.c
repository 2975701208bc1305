#include "manager/jobs/run.h"

#include <string.h>

#include "api/command.h"
#include "api/pipeline.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/request.h"
#include "manager/jobs/move_rows.h"
#include "manager/jobs/run_answers.h"
#include "manager/jobs/run_retry.h"

/* Of an order whose end cannot be sent yet. */
#define NOT_TAKEN "its end is not known to have reached"

struct run {
	struct run *next, **link;
	struct runs *all;
	struct order_row *row;
	struct client_request_list *list;
	struct client_requests *requests;
	/* Of an order that runs: the whole of what is to be told, of which the first step is under way. */
	struct move_telling *tellings;
	size_t telling_count;
	char *stuck; /* why the neighbours cannot be told, again: those that are out of the job are told all the same */
	run_ended_fn *fn;
	void *arg;
	int64_t began_ms;
};

struct runs {
	const struct service_host *host;
	struct run *first;
	struct run_retries *retries;
	run_ended_fn *listener;
	run_started_fn *judge;
	void *listener_arg, *judge_arg;
};

struct runs *runs_new(const void *ctx, const struct service_host *host)
{
	struct runs *all = mem_new(ctx, struct runs);

	all->host = host;
	all->retries = run_retries_new(all);
	return all;
}

bool runs_has(const struct runs *all, const char *job)
{
	for (const struct run *r = all->first; r; r = r->next) {
		if (strcmp(r->row->job, job) == 0)
			return true;
	}
	return false;
}

size_t runs_count(const struct runs *all)
{
	size_t count = 0;

	for (const struct run *r = all->first; r; r = r->next)
		count++;
	return count;
}

static int run_destroy(struct run *r)
{
	*r->link = r->next;
	if (r->next)
		r->next->link = r->link;
	return 0;
}

/* --- what the nodes are told --- */

/* Is the node among those of the step that is under way? */
static bool is_due(const struct run *r, const char *node_id)
{
	for (size_t i = 0; i < r->telling_count && r->tellings[i].step == r->tellings[0].step; i++) {
		if (strcmp(r->tellings[i].node_id, node_id) == 0)
			return true;
	}
	return false;
}

static struct error *add_tasks(struct run *r)
{
	struct api_node_task *tasks = NULL;
	size_t count = 0;

	TRY(api_private_tasks(r, r->row->tasks, ".", &tasks, &count));
	for (size_t i = 0; i < count; i++) {
		if (r->row->state == ORDER_STARTING || is_due(r, tasks[i].node_id))
			client_requests_add(r->list, tasks[i].node_id, api_role_name(tasks[i].task->role),
					    json_incref(tasks[i].task->document));
	}
	return NULL;
}

static void add_end(struct run *r, const char *id, const char *role)
{
	client_requests_add(r->list, id, role, api_command_document(API_PIPELINE_STOP, id, r->row->job, NULL));
	/* Who is away learns it when he is back: the command waits in his mailbox. */
	r->list->lasting = true;
}

/* Those that were taken out of the job, and may not know it. */
static struct error *add_moved_out(struct run *r, const struct move_telling *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].step == MOVE_OUT)
			add_end(r, list[i].node_id, list[i].role);
	}
	return NULL;
}

static struct error *add_ends(struct run *r)
{
	const json_t *nodes = json_object_get(json_object_get(r->row->document, "pipeline"), "nodes");

	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *node = json_array_get(nodes, i);
		const char *id = json_string_value(json_object_get(node, "node_id")),
			   *standby = json_string_value(json_object_get(node, "failover_node_id")),
			   *role = json_string_value(json_object_get(node, "type"));

		add_end(r, id, role);
		if (standby)
			add_end(r, standby, role);
	}
	return add_moved_out(r, r->tellings, r->telling_count);
}

static struct error *add_what_is_due(struct run *r)
{
	mem_free(r->tellings);
	r->tellings = NULL;
	r->telling_count = 0;
	if (r->row->state != ORDER_STARTING)
		TRY(move_rows_tellings(r, r->all->host->db, r->row->job, &r->tellings, &r->telling_count));
	if (r->row->state != ORDER_RUNNING)
		return r->row->state == ORDER_STARTING ? add_tasks(r) : add_ends(r);
	if (r->stuck || (r->telling_count && r->tellings[0].step == MOVE_OUT))
		return add_moved_out(r, r->tellings, r->telling_count);
	return add_tasks(r);
}

/* --- what became of it --- */

static void finish(struct run *r, const struct error *e)
{
	json_t *nodes = run_outcomes(r->list);

	if (e)
		log_warn("jobs.run", "job=%s state=%s why=%s", r->row->job, order_state_name(r->row->state),
			 log_q(e->message));
	else
		log_info("jobs.run", "job=%s state=%s took_ms=%lld", r->row->job, order_state_name(r->row->state),
			 (long long)(clock_mono_ms() - r->began_ms));
	if (r->all->listener)
		r->all->listener(r->row, nodes, e, r->all->listener_arg);
	if (r->fn)
		r->fn(r->row, nodes, e, r->arg);
	json_decref(nodes);
	mem_free(r);
}

void runs_abandon(struct runs *all, const struct error *why)
{
	while (all->first)
		finish(all->first, why);
	run_retries_forget(all->retries, NULL);
}

static void begin(struct run *r);

/* One does not serve: the others are told to end it, and whoever waits is told at once. */
static void fail_start(struct run *r, char *why)
{
	struct error *failure = error_new(ERROR_FAILED, "job %s: %s", r->row->job, why), *e;

	r->row->why = why;
	e = order_rows_move(r->all->host->db, r->row, ORDER_FAILING);
	if (e) {
		error_free(failure);
		finish(r, e);
		error_free(e);
		return;
	}
	if (r->fn) {
		json_t *nodes = run_outcomes(r->list);

		r->fn(r->row, nodes, failure, r->arg);
		json_decref(nodes);
		r->fn = NULL;
	}
	error_free(failure);
	begin(r);
}

static void tell_judge(const struct run *r)
{
	json_t *nodes = run_outcomes(r->list);

	if (r->all->judge)
		r->all->judge(r->row, nodes, r->all->judge_arg);
	json_decref(nodes);
}

static void end_start(struct run *r, const struct error *away)
{
	char *why = away ? mem_strdup(r->row, away->message) : run_first_failure(r->row, r->list);
	struct error *e;

	if (!away)
		tell_judge(r);
	if (why) {
		fail_start(r, why);
		return;
	}
	run_learn_addresses(r->row, r->list);
	r->row->why = NULL;
	e = order_rows_move(r->all->host->db, r->row, ORDER_RUNNING);
	finish(r, e);
	error_free(e);
}

/* What is the transport's fault is tried again soon: it may take all of it any time. */
static void put_off(const struct run *r)
{
	const char **nodes = mem_array(NULL, const char *, r->list->count + 1);
	size_t count = 0;
	bool held = false;

	for (size_t i = 0; i < r->list->count; i++) {
		const struct client_request *q = &r->list->items[i];

		held = held || q->held;
		if (q->unsent)
			nodes[count++] = q->to;
	}
	if (!held)
		run_retries_put_off(r->all->retries, r->row->job, nodes, count, clock_mono_ms());
	mem_free(nodes);
}

/* An end that the bus never took is told by nobody later. */
static struct error *unsent_end(const struct run *r)
{
	for (size_t i = 0; i < r->list->count; i++) {
		const struct client_request *q = &r->list->items[i];

		if (!q->unsent)
			continue;
		put_off(r);
		return error_new(
			ERROR_UNAVAILABLE,
			"job %s: " NOT_TAKEN
			" the mailbox of %s %s: %s; it is sent again, for a week, and at once when that node is heard; an operator may give it up (orders.give_up)",
			r->row->job, q->role, q->to,
			q->held ? q->held : "nobody has confirmed it, or told the key to seal it with");
	}
	run_retries_forget(r->all->retries, r->row->job);
	return NULL;
}

/* Whom it cannot be sent to holds an order's end up for as long as a command would wait for him, no longer. */
static bool is_given_up(const struct run *r)
{
	return clock_wall_ms() - r->row->changed_ms >= CLIENT_TTL_MOST_MS;
}

static enum order_state ended_state(enum order_state state)
{
	switch (state) {
	case ORDER_STOPPING:
		return ORDER_STOPPED;
	case ORDER_CANCELLING:
		return ORDER_CANCELLED;
	default:
		return ORDER_FAILED;
	}
}

static bool is_ending(enum order_state state)
{
	return state == ORDER_STOPPING || state == ORDER_CANCELLING || state == ORDER_FAILING;
}

static bool says_what_it_waits_for(const struct order_row *row)
{
	return row->why && strstr(row->why, NOT_TAKEN);
}

/* The order stays as it is, and says what it waits for, unless it has more to say. */
static void tell_why(struct run *r, const struct error *why)
{
	struct error *e;

	if (r->row->why && !says_what_it_waits_for(r->row))
		return;
	r->row->why = mem_strdup(r->row, why->message);
	e = order_rows_say(r->all->host->db, r->row);
	if (e)
		log_error("jobs.run", "job=%s why=%s", r->row->job, log_q(e->message));
	error_free(e);
}

struct error *runs_give_up(struct runs *all, struct order_row *row)
{
	if (!is_ending(row->state))
		return error_new(ERROR_REFUSED, "job %s is %s: no end of it is under way", row->job,
				 order_state_name(row->state));
	runs_drop(all, row->job, "its end was given up by an operator");
	if (row->state != ORDER_FAILING)
		row->why = mem_strdup(row, "given up by an operator: not all of its nodes are known to have been told");
	TRY(move_rows_drop(all->host->db, row->job));
	return order_rows_move(all->host->db, row, ended_state(row->state));
}

static void end_end(struct run *r, const struct error *away)
{
	char *failure = run_first_failure(r->row, r->list);
	size_t count = run_count_away(r->list);
	struct error *e = away ? error_copy(away) : is_given_up(r) ? NULL : unsent_end(r);

	/* It is tried again, by whoever looks for what is unfinished. */
	if (e) {
		if (!away)
			tell_why(r, e);
		finish(r, e);
		error_free(e);
		return;
	}
	if (says_what_it_waits_for(r->row))
		r->row->why = NULL;
	/* What it was stopped for says more than who was away. */
	if (r->row->state != ORDER_FAILING && (r->row->state != ORDER_STOPPING || !r->row->why))
		r->row->why = failure ? failure
			      : count ? mem_printf(r->row,
						   "%zu of its nodes are away; they learn it when they are back", count)
				      : NULL;
	e = move_rows_drop(r->all->host->db, r->row->job);
	if (!e)
		e = order_rows_move(r->all->host->db, r->row, ended_state(r->row->state));
	finish(r, e);
	error_free(e);
}

/* Who is out of the job is not to wait for ever for a neighbour that cannot take its task: he would come back and serve
 * beside the one that has his place. */
static bool goes_on(const struct run *r)
{
	return !r->stuck && r->telling_count && r->tellings[0].step == MOVE_NEIGHBOUR &&
	       r->tellings[r->telling_count - 1].step == MOVE_OUT;
}

/* Whom it cannot be sent to, although he is out of the job for as long as a command would wait for him. */
static bool is_out_for_long(const struct run *r, const char *node_id)
{
	int64_t out_ms = 0;
	struct error *e = r->stuck || r->tellings[0].step == MOVE_OUT
				  ? move_rows_out(r->all->host->db, r->row->job, node_id, &out_ms)
				  : NULL;
	bool is = !e && out_ms && clock_wall_ms() - out_ms >= CLIENT_TTL_MOST_MS;

	error_free(e);
	return is;
}

/* Those that have taken it are struck off. */
static struct error *strike_off(struct run *r)
{
	struct move_telling *told = mem_array(r, struct move_telling, r->list->count + 1);
	size_t count = 0;
	struct error *e;

	for (size_t i = 0; i < r->list->count; i++) {
		const struct client_request *q = &r->list->items[i];

		if (!q->error && (!q->unsent || is_out_for_long(r, q->to)))
			told[count++] = (struct move_telling){.node_id = (char *)q->to};
	}
	e = move_rows_told(r->all->host->db, r->row, told, count);
	mem_free(told);
	return e;
}

/* A step is over; the next one follows when all have taken it. */
static void end_step(struct run *r, const struct error *away)
{
	char *failure = r->stuck ? r->stuck : run_first_failure(r->row, r->list);
	bool again = r->row->why != NULL;
	struct error *e;

	if (away || !r->list->count) {
		finish(r, away);
		return;
	}
	run_learn_addresses(r->row, r->list);
	r->row->why = failure;
	e = strike_off(r);
	if (!e && failure && again && goes_on(r)) {
		r->stuck = failure;
		begin(r);
		return;
	}
	if (!e && failure)
		e = error_new(ERROR_FAILED, "job %s: %s", r->row->job, failure);
	if (!e)
		e = unsent_end(r);
	if (e)
		finish(r, e);
	else
		begin(r);
	error_free(e);
}

static void on_ended(const struct error *e, void *arg)
{
	struct run *r = arg;

	if (r->row->state == ORDER_STARTING)
		end_start(r, e);
	else if (r->row->state == ORDER_RUNNING)
		end_step(r, e);
	else
		end_end(r, e);
}

static struct error *send_all(struct run *r)
{
	const struct service_host *host = r->all->host;
	const struct client_request_options options = {
		.link = host->link,
		.timeout_ms = host->start_ms,
		.patience_ms = host->start_ms,
		.ttl_ms = host->start_ms > CLIENT_TTL_LEAST_MS ? host->start_ms : CLIENT_TTL_LEAST_MS,
		.term = service_term(host),
	};
	const struct client_request_events events = {.ended = on_ended, .arg = r};

	if (!options.term)
		return error_new(ERROR_UNAVAILABLE, "this dsnd does not lead jobs any more");
	mem_free(r->requests);
	mem_free(r->list);
	r->requests = NULL;
	r->list = client_requests_new(r);
	TRY(add_what_is_due(r));
	return client_requests_begin(r, &options, r->list, &events, &r->requests);
}

/* Trying again would not help. */
static bool is_for_good(const struct error *e)
{
	return e->code != ERROR_UNAVAILABLE && e->code != ERROR_LIMIT && e->code != ERROR_IO;
}

static void begin(struct run *r)
{
	struct error *e = send_all(r);

	if (e && r->row->state == ORDER_STARTING && is_for_good(e))
		fail_start(r, mem_strdup(r->row, e->message));
	else if (e)
		finish(r, e);
	error_free(e);
}

bool runs_may(const struct runs *all, const char *job)
{
	return run_retries_may(all->retries, job, clock_mono_ms());
}

void runs_heard(struct runs *all, const char *node_id)
{
	run_retries_heard(all->retries, node_id);
}

void runs_judge(struct runs *all, run_started_fn *fn, void *arg)
{
	all->judge = fn;
	all->judge_arg = arg;
}

void runs_listen(struct runs *all, run_ended_fn *fn, void *arg)
{
	all->listener = fn;
	all->listener_arg = arg;
}

void runs_drop(struct runs *all, const char *job, const char *why)
{
	struct run *r = all->first;
	struct error *e;

	run_retries_forget(all->retries, job);
	while (r && strcmp(r->row->job, job) != 0)
		r = r->next;
	if (!r)
		return;
	e = error_new(ERROR_FAILED, "job %s: %s", job, why);
	log_info("jobs.run", "job=%s state=%s dropped=%s", job, order_state_name(r->row->state), log_q(why));
	if (r->fn)
		r->fn(r->row, NULL, e, r->arg);
	error_free(e);
	mem_free(r);
}

void run_begin(struct runs *all, struct order_row *row, run_ended_fn *fn, void *arg)
{
	struct run *r = mem_new(all, struct run);

	*r = (struct run){.next = all->first, .link = &all->first, .all = all, .fn = fn, .arg = arg};
	if (r->next)
		r->next->link = &r->next;
	all->first = r;
	talloc_set_destructor(r, run_destroy);
	r->row = talloc_steal(r, row);
	r->list = client_requests_new(r);
	r->began_ms = clock_mono_ms();
	begin(r);
}
