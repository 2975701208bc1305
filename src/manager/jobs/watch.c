#include "manager/jobs/watch.h"

#include <string.h>

#include "base/bisect.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "manager/jobs/move_rows.h"
#include "manager/jobs/watch_impl.h"

#define ASK_AGAIN_MS 2000

/* --- finding --- */

struct watch_job *watch_find(const struct watch_jobs *w, const char *job)
{
	for (size_t i = 0; i < w->job_count; i++) {
		if (strcmp(w->jobs[i]->name, job) == 0)
			return w->jobs[i];
	}
	return NULL;
}

struct watch_part *watch_part_of(struct watch_job *j, const char *node_id)
{
	for (size_t i = 0; i < j->part_count; i++) {
		if (strcmp(j->parts[i].witness.node_id, node_id) == 0)
			return &j->parts[i];
	}
	return NULL;
}

static const char *part_node_of(const void *row)
{
	return ((const struct watch_part *)row)->witness.node_id;
}

size_t watch_first(const struct watch_jobs *w, const char *node_id)
{
	return bisect_text((void *const *)w->by_node, w->part_count, part_node_of, node_id);
}

static bool is_of(const struct watch_jobs *w, size_t at, const char *node_id)
{
	return at < w->part_count && strcmp(w->by_node[at]->witness.node_id, node_id) == 0;
}

enum part_state watch_state(const struct watch_jobs *w, const char *job, const char *node_id)
{
	struct watch_job *j = watch_find(w, job);
	const struct watch_part *p = j ? watch_part_of(j, node_id) : NULL;

	return p ? p->state : PART_SERVING;
}

void watch_count(const struct watch_jobs *w, size_t ret_counts[PART_STATES])
{
	memset(ret_counts, 0, PART_STATES * sizeof(*ret_counts));
	for (size_t i = 0; i < w->part_count; i++)
		ret_counts[w->by_node[i]->state]++;
}

/* --- which jobs are watched --- */

static void drop_parts(struct watch_jobs *w, const struct watch_job *j)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->part_count; i++) {
		if (w->by_node[i]->job != j)
			w->by_node[kept++] = w->by_node[i];
	}
	w->part_count = kept;
}

static void forget(struct watch_jobs *w, const char *job)
{
	struct watch_job *j = watch_find(w, job);
	size_t at = 0;

	if (!j)
		return;
	drop_parts(w, j);
	while (w->jobs[at] != j)
		at++;
	w->jobs[at] = w->jobs[--w->job_count];
	mem_free(j);
}

static struct watch_job *job_new(struct watch_jobs *w, const char *name)
{
	struct watch_job *j = mem_new(w, struct watch_job);

	j->watch = w;
	j->name = mem_strdup(j, name);
	j->backoff = (struct backoff){.first_ms = WATCH_TRY_LEAST_MS, .max_ms = WATCH_TRY_MOST_MS};
	w->jobs = mem_resize(w, w->jobs, struct watch_job *, w->job_count + 1);
	w->jobs[w->job_count++] = j;
	return j;
}

/* What is known of a node of the job stays known: who sends what to it may be another one now. */
static void keep_known(struct watch_part *p, struct watch_job *before, const void *lot)
{
	const struct watch_part *was = watch_part_of(before, p->witness.node_id);

	if (!was)
		return;
	p->state = was->state;
	p->heard_ms = was->heard_ms;
	p->complained_ms = was->complained_ms;
	p->asked_ms = was->asked_ms;
	p->cause = was->cause;
	p->why = was->why ? mem_strdup(lot, was->why) : NULL;
	evidence_keep(&p->witness, &was->witness);
}

static void put_by_node(struct watch_jobs *w, struct watch_part *p)
{
	size_t at = watch_first(w, p->witness.node_id);

	w->by_node = mem_resize(w, w->by_node, struct watch_part *, w->part_count + 1);
	memmove(&w->by_node[at + 1], &w->by_node[at], (w->part_count++ - at) * sizeof(struct watch_part *));
	w->by_node[at] = p;
}

void watch_order(struct watch_jobs *w, const struct order_row *row)
{
	struct watch_job *j = watch_find(w, row->job);
	struct evidence_node *nodes = NULL;
	struct watch_part *parts;
	size_t count = 0;
	struct error *e;
	void *lot;

	if (row->state != ORDER_RUNNING) {
		forget(w, row->job);
		return;
	}
	if (!j)
		j = job_new(w, row->job);
	lot = mem_strdup(j, "");
	e = evidence_nodes(lot, row, &nodes, &count);
	if (e) {
		log_error("jobs.watch", "job=%s why=%s", row->job, log_q(e->message));
		error_free(e);
		mem_free(lot);
		return;
	}
	parts = mem_array(lot, struct watch_part, count);
	for (size_t i = 0; i < count; i++) {
		parts[i] = (struct watch_part){.job = j, .witness = nodes[i], .heard_ms = clock_mono_ms()};
		keep_known(&parts[i], j, lot);
	}
	drop_parts(w, j);
	mem_free(j->lot);
	j->lot = lot;
	j->parts = parts;
	j->part_count = count;
	for (size_t i = 0; i < count; i++)
		put_by_node(w, &parts[i]);
}

void watch_stop(struct watch_jobs *w)
{
	while (w->job_count)
		forget(w, w->jobs[0]->name);
}

struct error *watch_start(struct watch_jobs *w, struct placing *placing)
{
	void *scope = mem_strdup(NULL, "");
	struct order_row **rows = NULL;
	size_t count = 0;
	struct error *e = order_rows_not_over(scope, w->host->db, &rows, &count);

	watch_stop(w);
	w->placing = placing;
	w->began_ms = w->tick_ms = w->heard_ms = clock_mono_ms();
	for (size_t i = 0; !e && i < count; i++) {
		if (!rows[i]->unreadable)
			watch_order(w, rows[i]);
	}
	mem_free(scope);
	return e;
}

/* --- what is heard --- */

bool watch_is_here(const struct watch_part *p)
{
	return p->state == PART_SERVING || p->state == PART_DRAINING;
}

void watch_put(struct watch_part *p, enum part_state to)
{
	if (p->state == to)
		return;
	log_info("jobs.part", "job=%s node=%s role=%s state=%s why=%s", p->job->name, p->witness.node_id,
		 api_role_name(p->witness.role), part_state_name(to), log_q(p->why ? p->why : "none"));
	p->state = state_next(&part_states, p->state, to);
}

static void set_why(struct watch_part *p, const char *why)
{
	char *text = why ? mem_strdup(p->job->lot, why) : NULL;

	mem_free(p->why);
	p->why = text;
}

static bool has(const struct watch_job *j, enum part_state state)
{
	for (size_t i = 0; i < j->part_count; i++) {
		if (j->parts[i].state == state)
			return true;
	}
	return false;
}

static bool has_lost(const struct watch_job *j)
{
	return has(j, PART_LOST);
}

void watch_well_again(struct watch_job *j)
{
	struct error *e;

	if (has_lost(j) || has(j, PART_DRAINING))
		return;
	e = move_rows_why(j->watch->host->db, j->name, NULL);
	if (e)
		log_error("jobs.watch", "job=%s why=%s", j->name, log_q(e->message));
	error_free(e);
	backoff_reset(&j->backoff);
}

void watch_alive(struct watch_jobs *w, const char *node_id, int64_t now_ms)
{
	w->heard_ms = now_ms;
	for (size_t i = watch_first(w, node_id); is_of(w, i, node_id); i++) {
		struct watch_part *p = w->by_node[i];
		bool lost = p->state == PART_LOST;

		p->heard_ms = now_ms;
		p->complained_ms = 0;
		if (watch_is_here(p) || p->cause)
			continue;
		set_why(p, NULL);
		watch_put(p, PART_SERVING);
		if (lost)
			watch_well_again(p->job);
	}
}

void watch_serves(struct watch_job *j)
{
	for (size_t i = 0; i < j->part_count; i++) {
		struct watch_part *p = &j->parts[i];

		if (p->state != PART_LOST || !p->cause)
			continue;
		p->cause = NULL;
		watch_alive(j->watch, p->witness.node_id, clock_mono_ms());
	}
	if (!has_lost(j))
		backoff_reset(&j->backoff);
}

/* Silence is not a fault of the order, so another node is looked for at once; after one that did not start, after a
 * pause that grows: the next one may refuse as well. */
static void put_next_try(struct watch_job *j, bool failed)
{
	int64_t now_ms = clock_mono_ms();

	if (!failed)
		j->try_ms = 0;
	else if (j->try_ms <= now_ms)
		j->try_ms = now_ms + backoff_next_ms(&j->backoff, 0);
}

void watch_soon(struct watch_job *j)
{
	put_next_try(j, false);
	timer_again(j->watch->soon, 0, 0);
}

void watch_lose(struct watch_part *p, const char *cause, const char *why)
{
	if (!watch_is_here(p) && p->state != PART_SUSPECT)
		return;
	set_why(p, why);
	if (watch_is_here(p) && !cause)
		watch_put(p, PART_SUSPECT);
	p->cause = cause;
	watch_put(p, PART_LOST);
	put_next_try(p->job, cause != NULL);
	timer_again(p->job->watch->soon, 0, 0);
}

struct complaint {
	struct watch_job *job;
	const char *by;
	int64_t now_ms;
};

static void on_complaint(const char *against, const char *why, void *arg)
{
	const struct complaint *c = arg;
	struct watch_part *p = watch_part_of(c->job, against);
	char *text;

	if (!p || (!watch_is_here(p) && p->state != PART_SUSPECT))
		return;
	text = mem_printf(NULL, "%s: %s", c->by, why);
	set_why(p, text);
	mem_free(text);
	p->complained_ms = c->now_ms;
	watch_put(p, PART_SUSPECT);
	watch_ask(c->job->watch, against);
}

static const json_t *status_of(const json_t *body, const char *job)
{
	const json_t *jobs = json_object_get(body, "jobs");

	for (size_t i = 0; i < json_array_size(jobs); i++) {
		const json_t *o = json_array_get(jobs, i);
		const char *id = json_string_value(json_object_get(o, "job_id"));

		if (id && strcmp(id, job) == 0)
			return o;
	}
	return NULL;
}

void watch_heard(struct watch_jobs *w, const struct message *m)
{
	int64_t now_ms = clock_mono_ms();

	watch_alive(w, m->from, now_ms);
	/* What follows from a complaint may change the list. */
	for (size_t i = watch_first(w, m->from); is_of(w, i, m->from); i++) {
		struct watch_part *p = w->by_node[i];
		const json_t *status = status_of(m->body, p->job->name);
		struct complaint c = {p->job, m->from, now_ms};

		if (status)
			evidence_hear(&p->witness, status, on_complaint, &c);
	}
}

/* --- what follows from time --- */

static void look_at(struct watch_jobs *w, struct watch_part *p, int64_t now_ms)
{
	int64_t silent_ms = now_ms - p->heard_ms;

	if (watch_is_here(p) && silent_ms >= WATCH_SILENT_MS)
		watch_put(p, PART_SUSPECT);
	if (p->state != PART_SUSPECT)
		return;
	if (silent_ms >= WATCH_OFFLINE_MS) {
		watch_lose(p, NULL, p->why);
		return;
	}
	if (now_ms - p->asked_ms >= ASK_AGAIN_MS)
		watch_ask(w, p->witness.node_id);
}

/* One a turn: a job whose lost parts were replaced, or that has ended, changes the list. */
static void on_soon(void *arg)
{
	struct watch_jobs *w = arg;
	int64_t now_ms = clock_mono_ms();

	for (size_t i = 0; i < w->job_count; i++) {
		struct watch_job *j = w->jobs[i];

		if (!j->looking && now_ms >= j->try_ms && (has_lost(j) || watch_drains(j))) {
			timer_again(w->soon, 0, 0);
			watch_replace(j);
			return;
		}
	}
}

/* It is the watch that was away, not the nodes: this process was held up, or the bus cannot be heard. */
static bool was_deaf(const struct watch_jobs *w, int64_t now_ms)
{
	return now_ms - w->tick_ms >= WATCH_PAUSE_MS || now_ms - w->heard_ms >= WATCH_SILENT_MS;
}

static void begin_anew(struct watch_jobs *w, int64_t now_ms)
{
	w->began_ms = now_ms;
	for (size_t i = 0; i < w->part_count; i++) {
		if (w->by_node[i]->state != PART_LOST)
			w->by_node[i]->heard_ms = now_ms;
	}
}

void watch_tick(struct watch_jobs *w)
{
	int64_t now_ms = clock_mono_ms();

	if (was_deaf(w, now_ms))
		begin_anew(w, now_ms);
	w->tick_ms = now_ms;
	for (size_t i = 0; i < w->part_count; i++)
		look_at(w, w->by_node[i], now_ms);
	on_soon(w);
}

struct watch_jobs *watch_new(const void *ctx, const struct service_host *host, struct runs *runs)
{
	struct watch_jobs *w = mem_new(ctx, struct watch_jobs);

	w->host = host;
	w->runs = runs;
	w->jobs = mem_array(w, struct watch_job *, 0);
	w->by_node = mem_array(w, struct watch_part *, 0);
	w->soon = timer_start(w, host->loop, 0, 0, on_soon, w);
	runs_listen(runs, watch_ran, w);
	return w;
}
