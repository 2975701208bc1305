#include "random/look.h"

#include <stdio.h>
#include <string.h>

#include "api/plan.h"
#include "base/json.h"
#include "base/mem.h"
#include "random/agents.h"
#include "random/managers.h"
#include "random/tell.h"

#define TEXT_BYTES 400
#define BODY_BYTES 100000

struct known {
	char *job;
	enum look_wish wish;
	bool holds; /* nodes: one that is cancelled when it is over already has none */
};

struct line {
	const char *node;
	struct place_amount amount;
};

/* An order that is not over, as its row says. */
struct open_order {
	char *job, *state, *document;
	struct line *lines; /* its nodes, and what it has of them */
	size_t line_count;
};

static struct {
	void *ctx;
	struct known *known;
	size_t known_count;
	struct open_order **open;
	size_t open_count;
	int64_t event;
	char text[TEXT_BYTES];
} all;

void look_begin(void)
{
	memset(&all, 0, sizeof(all));
	all.ctx = mem_new(NULL, char);
	all.known = mem_array(all.ctx, struct known, 0);
	all.open = mem_array(all.ctx, struct open_order *, 0);
}

void look_end(void)
{
	mem_free(all.ctx);
}

/* --- accepted orders --- */

size_t look_count(void)
{
	return all.known_count;
}

const char *look_job(size_t n)
{
	return all.known[n].job;
}

enum look_wish look_wish(size_t n)
{
	return all.known[n].wish;
}

void look_wishes(size_t n, enum look_wish wish)
{
	all.known[n].wish = wish;
}

static void keep(const char *job)
{
	all.known = mem_resize(all.ctx, all.known, struct known, all.known_count + 1);
	all.known[all.known_count++] = (struct known){mem_strdup(all.ctx, job), LOOK_RUN, true};
}

static struct known *find_known(const char *job)
{
	for (size_t i = all.known_count; i > 0; i--) {
		if (strcmp(all.known[i - 1].job, job) == 0)
			return &all.known[i - 1];
	}
	return NULL;
}

void look_accepted(const char *job)
{
	if (!find_known(job))
		tell_fail("order %s was accepted and is nowhere", job);
}

static struct error *on_number(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

static int64_t count(const char *sql, const char *job)
{
	int64_t n = 0;

	tell_must(db_query(managers_db(), on_number, &n, sql, job ? "s" : "", job));
	return n;
}

static void check_none_forgotten(void)
{
	int64_t rows = count("select count(*) from jobs_order", NULL);

	if (rows != (int64_t)all.known_count)
		tell_fail("an accepted order is forgotten: %lld of %zu are there", (long long)rows, all.known_count);
}

static bool is_any_of(const char *word, const char *const *words)
{
	while (*words && strcmp(*words, word) != 0)
		words++;
	return *words != NULL;
}

static void follow(const char *type, const char *job)
{
	static const char *const over[] = {"order.failed", "order.stopped", "order.cancelled", NULL},
				 *const takes[] = {"order.created", "order.starting", NULL};
	struct known *k = find_known(job);

	if (k)
		k->holds = (k->holds && !is_any_of(type, over)) || is_any_of(type, takes);
}

/* --- reasons --- */

static void need(const json_t *body, const char *key, const char *type, const char *job)
{
	const char *text = json_string_value(json_object_get(body, key));

	if (!text || !*text)
		tell_fail("a decision without a reason: %s of %s has no \"%s\"", type, job, key);
}

static void need_record(const char *kind, const char *type, const char *job)
{
	int64_t n = 0;

	tell_must(db_query(managers_db(), on_number, &n,
			   "select count(*) from jobs_placement where job=? and kind=? and length(record)>2", "ss", job,
			   kind));
	if (!n)
		tell_fail("a decision without a reason: %s of %s has no record", type, job);
}

static struct error *on_event(const struct db_row *row, void *arg)
{
	const char *type = db_text(row, 1), *job = db_text(row, 2), *text = db_text(row, 3);
	json_t *body = NULL;

	(void)arg;
	all.event = db_int(row, 0);
	TRY(json_parse(text, strlen(text), BODY_BYTES, &body));
	tell("event %s of %s %s", type, job, strncmp(type, "node.", 5) ? text : "");
	if (strcmp(type, "order.created") == 0) {
		keep(job);
		need_record("order", type, job);
	} else if (strcmp(type, "order.failing") == 0 || strcmp(type, "order.failed") == 0) {
		need(body, "why", type, job);
	} else if (strcmp(type, "job.replaced") == 0) {
		need(body, "cause", type, job);
		need(body, "why", type, job);
		need_record("replacement", type, job);
	}
	follow(type, job);
	json_decref(body);
	return NULL;
}

static void check_reasons(void)
{
	tell_must(db_query(managers_db(), on_event, NULL,
			   "select id,type,subject,body from event where id>? order by id", "i", all.event));
}

/* --- orders that are not over --- */

static struct open_order *before(struct open_order **list, size_t n, const char *job)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i] && strcmp(list[i]->job, job) == 0)
			return list[i];
	}
	return NULL;
}

static void add_line(struct open_order *o, const char *node, const struct api_plan_node *plan)
{
	if (node)
		o->lines[o->line_count++] =
			(struct line){node, {plan->macroblocks_per_s, plan->in_bps + plan->out_bps}};
}

static void read_lines(struct open_order *o, const json_t *document)
{
	struct api_pipeline *pipeline = NULL;
	struct api_plan *plan = NULL;

	tell_must(api_pipeline_read(o, document, &pipeline));
	api_plan_make(o, pipeline, &plan);
	o->lines = mem_array(o, struct line, 2 * plan->node_count);
	for (size_t i = 0; i < plan->node_count; i++) {
		add_line(o, plan->nodes[i].node->node_id, &plan->nodes[i]);
		add_line(o, plan->nodes[i].node->failover_node_id, &plan->nodes[i]);
	}
}

struct reading {
	struct open_order **old;
	size_t old_count;
};

static struct error *on_open(const struct db_row *row, void *arg)
{
	const struct reading *r = arg;
	const char *job = db_text(row, 0), *document = db_text(row, 2);
	struct open_order *o = before(r->old, r->old_count, job);
	json_t *parsed = NULL;

	if (!o || strcmp(o->document, document) != 0) {
		o = mem_new(all.open, struct open_order);
		o->job = mem_strdup(o, job);
		o->document = mem_strdup(o, document);
		TRY(json_parse(document, strlen(document), BODY_BYTES, &parsed));
		read_lines(o, parsed);
		json_decref(parsed);
	}
	talloc_steal(all.open, o);
	mem_free(o->state);
	o->state = mem_strdup(o, db_text(row, 1));
	all.open = mem_resize(all.ctx, all.open, struct open_order *, all.open_count + 1);
	all.open[all.open_count++] = o;
	return NULL;
}

static void read_open(void)
{
	const struct reading r = {all.open, all.open_count};

	all.open = mem_array(all.ctx, struct open_order *, 0);
	all.open_count = 0;
	tell_must(db_query(managers_db(), on_open, (void *)&r,
			   "select job,state,document from jobs_order where state not in "
			   "('failed','stopped','cancelled') order by number",
			   ""));
	mem_free(r.old);
}

static const struct open_order *find_open(const char *job)
{
	return before(all.open, all.open_count, job);
}

static bool names(const struct open_order *o, const char *node)
{
	for (size_t i = 0; o && i < o->line_count; i++) {
		if (strcmp(o->lines[i].node, node) == 0)
			return true;
	}
	return false;
}

/* --- no capacity is promised twice --- */

static void check_promises(void)
{
	struct place_amount promised[AGENTS] = {{0}};
	int jobs[AGENTS_NODES] = {0};

	for (size_t i = 0; i < all.open_count; i++) {
		bool holds = find_known(all.open[i]->job)->holds;

		for (size_t k = 0; holds && k < all.open[i]->line_count; k++) {
			const struct line *line = &all.open[i]->lines[k];
			const struct agents_node *n = agents_node_of(line->node);

			promised[n->agent].blocks_per_s += line->amount.blocks_per_s;
			promised[n->agent].bps += line->amount.bps;
			if (++jobs[n - agents_node(0)] > AGENTS_MOST_JOBS)
				tell_fail("capacity is promised twice: node %s has %s as its job %d", n->id,
					  all.open[i]->job, jobs[n - agents_node(0)]);
		}
	}
	for (size_t i = 0; i < AGENTS; i++) {
		if (promised[i].blocks_per_s > agents_capacity.blocks_per_s || promised[i].bps > agents_capacity.bps)
			tell_fail("capacity is promised twice: of agent %zu %lld macroblocks/s, %lld bit/s", i,
				  (long long)promised[i].blocks_per_s, (long long)promised[i].bps);
	}
}

/* --- no job is served by two nodes for one part beyond the hand-over --- */

static bool is_to_end(const char *job, const char *node)
{
	int64_t n = 0;

	tell_must(db_query(managers_db(), on_number, &n,
			   "select count(*) from jobs_telling where job=? and node_id=? and step=3", "ss", job, node));
	return n > 0;
}

/* Who serves a job is a node of it; or is one that is still to be told to end it, or has that in its mailbox. */
static void check_serving(void)
{
	for (size_t i = 0; i < AGENTS_NODES; i++) {
		const struct agents_node *n = agents_node(i);

		for (size_t k = 0; k < n->job_count; k++) {
			if (!names(find_open(n->jobs[k]), n->id) && !is_to_end(n->jobs[k], n->id) && !agents_waiting(n))
				tell_fail("node %s (%s) serves %s beyond the hand-over", n->id, api_role_name(n->role),
					  n->jobs[k]);
		}
	}
}

void look_always(void)
{
	check_reasons();
	check_none_forgotten();
	read_open();
	check_promises();
	check_serving();
	managers_leader(); /* one at most */
}

/* --- in the end --- */

static bool is_as_wished(const struct known *k, const char *state)
{
	if (k->wish == LOOK_RUN)
		return strcmp(state, "running") == 0 || strcmp(state, "failed") == 0;
	return strcmp(state, k->wish == LOOK_STOP ? "stopped" : "cancelled") == 0;
}

/* Orders come in the order in which they were accepted. */
static struct error *on_state(const struct db_row *row, void *arg)
{
	static const char *const wishes[] = {"that it runs", "that it is stopped", "its end"};
	size_t *at = arg;
	const struct known *k = &all.known[(*at)++];

	if (strcmp(k->job, db_text(row, 0)) != 0)
		tell_fail("order %s is in the place of %s", db_text(row, 0), k->job);
	if (!is_as_wished(k, db_text(row, 1)))
		snprintf(all.text, TEXT_BYTES, "order %s is %s, wanted is %s", k->job, db_text(row, 1),
			 wishes[k->wish]);
	return NULL;
}

static bool wish_unsettled(void)
{
	size_t at = 0;

	all.text[0] = '\0';
	tell_must(db_query(managers_db(), on_state, &at, "select job,state from jobs_order order by number", ""));
	return all.text[0] != '\0';
}

static bool serving_unsettled(void)
{
	for (size_t i = 0; i < AGENTS_NODES; i++) {
		const struct agents_node *n = agents_node(i);

		for (size_t k = 0; k < n->job_count; k++) {
			if (names(find_open(n->jobs[k]), n->id))
				continue;
			snprintf(all.text, TEXT_BYTES, "node %s serves %s, which it is not to", n->id, n->jobs[k]);
			return true;
		}
	}
	return false;
}

static bool served_unsettled(void)
{
	for (size_t i = 0; i < all.open_count; i++) {
		const struct open_order *o = all.open[i];

		for (size_t k = 0; k < o->line_count; k++) {
			if (agents_serves(agents_node_of(o->lines[k].node), o->job))
				continue;
			snprintf(all.text, TEXT_BYTES, "node %s does not serve %s, which is %s", o->lines[k].node,
				 o->job, o->state);
			return true;
		}
	}
	return false;
}

const char *look_unsettled(void)
{
	if (managers_leader() == MANAGERS)
		snprintf(all.text, TEXT_BYTES, "nobody leads");
	else if (count("select count(*) from jobs_telling", NULL))
		snprintf(all.text, TEXT_BYTES, "a hand-over has not ended");
	else if (agents_busy())
		snprintf(all.text, TEXT_BYTES, "an agent has an answer that is not sent");
	else if (!wish_unsettled() && !serving_unsettled() && !served_unsettled())
		return NULL;
	return all.text;
}
