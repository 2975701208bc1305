/* The fleet's upkeep: what the registry tells, and what orders' states mean for what they hold. */
#include "manager/jobs/placing.h"

#include <string.h>
#include <strings.h>

#include "api/plan.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "manager/jobs/placing_impl.h"
#include "store/events.h"

#define EVENTS_AT_ONCE 500

struct placing *placing_new(const void *ctx, const struct service_host *host)
{
	struct placing *p = mem_new(ctx, struct placing);
	uint32_t seed = 0;

	crypto_random_bytes(&seed, sizeof(seed));
	p->host = host;
	p->fleet = place_fleet_new(p, seed);
	p->feed = feed_new(p, p->fleet);
	p->holdings = holdings_new(p, p->fleet);
	p->outcomes = placing_outcomes_new(p);
	return p;
}

/* --- what the registry tells --- */

static void on_told(const struct method *row, const json_t *answer, const struct error *e, void *arg)
{
	struct placing *p = arg;
	struct placing_waiter *waiters = p->waiters;
	size_t count = p->waiter_count;

	(void)row;
	p->asking = false;
	p->waiters = NULL;
	p->waiter_count = 0;
	if (!e) {
		feed_answer(p->feed, answer);
		holdings_heard(p->holdings);
	}
	for (size_t i = 0; i < count; i++)
		waiters[i].fn(e, waiters[i].arg);
	mem_free(waiters);
}

static void ask(struct placing *p)
{
	const struct caller self = service_self();
	json_t *question;

	if (p->asking)
		return;
	p->asking = true;
	question = feed_question(p->feed);
	method_begin(p, p->host->methods, &self, "nodes.changes", question, on_told, p);
	json_decref(question);
}

/* --- what has become of orders --- */

struct news {
	const void *ctx;
	struct {
		char *job;
		bool over;
	} * list;
	size_t count;
	int64_t last;
};

static bool is_over(enum order_state state)
{
	return state == ORDER_FAILED || state == ORDER_STOPPED || state == ORDER_CANCELLED;
}

/* One that is scheduled has no nodes yet. */
static bool holds(const struct order_row *row)
{
	return !is_over(row->state) && row->state != ORDER_SCHEDULED;
}

/* The state that an event tells of. False: of none. */
static bool state_of(const char *type, enum order_state *ret_state)
{
	if (strncmp(type, "order.", 6) != 0)
		return false;
	*ret_state = ORDER_STARTING;
	if (strcmp(type, "order.created") == 0)
		return true;
	for (enum order_state s = 0; s < ORDER_STATES; s++) {
		if (strcmp(type + 6, order_state_name(s)) == 0) {
			*ret_state = s;
			return true;
		}
	}
	return false;
}

static struct error *on_event(struct db *db, const struct event *event, void *arg)
{
	struct news *news = arg;
	enum order_state state;

	(void)db;
	news->last = event->id;
	if (!state_of(event->type, &state))
		return NULL;
	news->list = mem_resize(news->ctx, news->list, __typeof__(*news->list), news->count + 1);
	news->list[news->count].job = mem_strdup(news->ctx, event->subject);
	news->list[news->count++].over = is_over(state);
	return NULL;
}

struct error *placing_lines(const void *ctx, const json_t *document, struct reserve_line **ret_lines, size_t *ret_count)
{
	struct api_pipeline *pipeline = NULL;
	struct api_plan *plan = NULL;
	struct reserve_line *lines;
	size_t count = 0;

	TRY(api_pipeline_read(ctx, document, &pipeline));
	api_plan_make(ctx, pipeline, &plan);
	lines = mem_array(ctx, struct reserve_line, 2 * plan->node_count);
	for (size_t i = 0; i < plan->node_count; i++) {
		const struct api_plan_node *n = &plan->nodes[i];
		const struct place_amount amount = {n->macroblocks_per_s, n->in_bps + n->out_bps};

		lines[count++] = (struct reserve_line){n->node->node_id, amount};
		if (n->node->failover_node_id)
			lines[count++] = (struct reserve_line){n->node->failover_node_id, amount};
	}
	*ret_lines = lines;
	*ret_count = count;
	return NULL;
}

/* The nodes of an order that runs, or is to. */
static void adopt(struct placing *p, const struct order_row *row)
{
	void *scope = mem_strdup(NULL, "");
	struct reserve_line *lines = NULL;
	size_t count = 0;
	struct error *e = placing_lines(scope, row->document, &lines, &count);

	if (e)
		log_error("jobs.adopt", "job=%s why=%s", row->job, log_q(e->message));
	else
		holdings_adopt(p->holdings, row->job, lines, count);
	error_free(e);
	mem_free(scope);
}

static void adopt_job(struct placing *p, const char *job)
{
	void *scope = mem_strdup(NULL, "");
	struct order_row *row = NULL;
	struct error *e = order_rows_find(scope, p->host->db, job, NULL, &row);

	if (!e && holds(row))
		adopt(p, row);
	error_free(e);
	mem_free(scope);
}

static struct error *follow_some(const void *ctx, struct placing *p, size_t *ret_count)
{
	struct news news = {.ctx = ctx, .last = p->event};

	TRY(events_read(p->host->db, p->event, EVENTS_AT_ONCE, on_event, &news, ret_count));
	p->event = news.last;
	for (size_t i = 0; i < news.count; i++) {
		if (news.list[i].over)
			holdings_release(p->holdings, news.list[i].job);
		else if (!holdings_has(p->holdings, news.list[i].job))
			adopt_job(p, news.list[i].job);
	}
	return NULL;
}

/* Orders have been started, ended, and failed meanwhile. */
static void follow(struct placing *p)
{
	void *scope = mem_strdup(NULL, "");
	struct error *e = NULL;
	size_t count = EVENTS_AT_ONCE;

	while (!e && count == EVENTS_AT_ONCE)
		e = follow_some(scope, p, &count);
	/* What was removed by age before it was read is of orders that are long over, or are held. */
	if (e && e->code == ERROR_NOT_FOUND) {
		error_free(e);
		e = events_last(p->host->db, &p->event);
	}
	if (e)
		log_error("jobs.follow", "why=%s", log_q(e->message));
	error_free(e);
	mem_free(scope);
}

struct error *placing_start(struct placing *p)
{
	void *scope = mem_strdup(NULL, "");
	struct order_row **rows = NULL;
	size_t count = 0;
	struct error *e = events_last(p->host->db, &p->event);

	if (!e)
		e = order_rows_not_over(scope, p->host->db, &rows, &count);
	for (size_t i = 0; !e && i < count; i++) {
		if (!rows[i]->unreadable && holds(rows[i]))
			adopt(p, rows[i]);
	}
	mem_free(scope);
	return e;
}

void placing_refresh(struct placing *p, placing_fresh_fn *fn, void *arg)
{
	follow(p);
	p->waiters = mem_resize(p, p->waiters, struct placing_waiter, p->waiter_count + 1);
	p->waiters[p->waiter_count++] = (struct placing_waiter){fn, arg};
	ask(p);
}

void placing_tick(struct placing *p)
{
	follow(p);
	holdings_expire(p->holdings, clock_mono_ms());
	ask(p);
}

/* --- what is held --- */

void placing_keep(struct placing *p, const char *job)
{
	holdings_keep(p->holdings, job);
}

struct error *placing_again(struct placing *p, const char *job, const json_t *document)
{
	void *scope = mem_strdup(NULL, "");
	struct reserve_line *lines = NULL;
	size_t count = 0;
	struct error *e;

	follow(p);
	e = placing_lines(scope, document, &lines, &count);
	if (!e)
		e = holdings_again(p->holdings, job, lines, count);
	mem_free(scope);
	return e;
}

void placing_release(struct placing *p, const char *job)
{
	holdings_release(p->holdings, job);
}

void placing_reread(struct placing *p, const char *job)
{
	holdings_release(p->holdings, job);
	adopt_job(p, job);
}

void placing_judge(struct placing *p, const char *customer, const char *node_id, bool good)
{
	const int64_t now_ms = clock_mono_ms();

	if (placing_outcomes_add(p->outcomes, customer, node_id, good, now_ms))
		(void)place_node_outcome(p->fleet, node_id, good ? PLACE_GOOD : PLACE_BAD, now_ms);
}

void placing_count(const struct placing *p, size_t *ret_jobs, size_t *ret_nodes)
{
	*ret_jobs = holdings_count(p->holdings);
	*ret_nodes = place_fleet_nodes(p->fleet);
}

bool placing_is_of(const struct placing *p, const char *node_id, const char *address)
{
	const char *owner = place_node_owner(p->fleet, node_id);

	return owner && strcasecmp(owner, address) == 0;
}

bool placing_drains(const struct placing *p, const char *node_id)
{
	return place_node_is(p->fleet, node_id, PLACE_DRAINING);
}

bool placing_contact(const struct placing *p, const char *node_id, struct place_contact *ret)
{
	return place_node_contact(p->fleet, node_id, ret);
}
