/* Another node for a place of a job whose own is lost, or is to be emptied. */
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "manager/jobs/replace.h"
#include "manager/jobs/watch_impl.h"

#define LOST_WORD "lost"
#define LOST_WHY "it does not answer"
#define DRAIN_WHY "its owner has set it to maintenance"

struct looking {
	struct watch_jobs *watch;
	char *job;
};

/* What is done for one job at once. */
struct attempt {
	struct watch_job *job;
	struct order_row *row;
	struct move_set set;
	char *lack; /* why a place got none; NULL: each has one */
};

static const char *cause_of(const struct watch_part *p)
{
	if (p->state == PART_DRAINING)
		return MOVE_ROWS_DRAINED;
	return p->cause ? p->cause : LOST_WORD;
}

static const char *why_of(const struct watch_part *p)
{
	if (p->state == PART_DRAINING)
		return DRAIN_WHY;
	return p->cause && p->why ? p->why : LOST_WHY;
}

/* Is it the same text, each node's own id aside? */
static bool is_same_fault(const char *a, const char *a_id, const char *b, const char *b_id)
{
	const size_t a_length = strlen(a_id), b_length = strlen(b_id);

	for (;;) {
		if (a_length && b_length && strncasecmp(a, a_id, a_length) == 0 &&
		    strncasecmp(b, b_id, b_length) == 0) {
			a += a_length;
			b += b_length;
		} else if (*a != *b) {
			return false;
		} else if (!*a) {
			return true;
		} else {
			a++;
			b++;
		}
	}
}

/* How many nodes in a row have failed here with the error that this one has; it counts too. */
static size_t count_same(const struct watch_part *p, const struct move_place *tried, size_t count)
{
	size_t same = 1;

	for (size_t i = 0; i < count; i++)
		same += is_same_fault(tried[i].why, tried[i].from, why_of(p), p->witness.node_id);
	return same;
}

/* The whole order ends when the next node would fail on it too; not while the one that was drained still serves. */
static struct error *set_aside(struct attempt *a, struct watch_part *p, const struct move_place *tried, size_t count)
{
	bool served = false;

	if (count_same(p, tried, count) < WATCH_TRIES)
		return NULL;
	TRY(move_rows_drained(a->job->watch->host->db, a->row->job, p->witness.place, &served));
	if (served)
		return NULL;
	a->row->why =
		mem_printf(a->row, "set aside: %d nodes have failed one after the other as its %s, the last one %s: %s",
			   WATCH_TRIES, api_role_name(p->witness.role), p->witness.node_id, p->why ? p->why : LOST_WHY);
	return order_rows_move(a->job->watch->host->db, a->row, ORDER_FAILING);
}

/* Not those that have failed in this place lately. */
static struct place_excluded *exclude(const void *ctx, const struct move_place *tried, size_t count)
{
	struct place_excluded *excluded = mem_array(ctx, struct place_excluded, count + 1);

	for (size_t i = 0; i < count; i++)
		excluded[i] = (struct place_excluded){tried[i].from, "it has failed in this place"};
	return excluded;
}

/* As it is told of an order: whatever is known of the one that is lost. */
static const char *told_why(const struct watch_part *p)
{
	return p->state == PART_DRAINING || !p->why ? why_of(p) : p->why;
}

static struct error *find_place(struct attempt *a, struct watch_part *p, const struct move_place *tried, size_t count)
{
	const struct placing_loss loss = {
		.job = a->row->job,
		.customer = a->row->owner,
		.document = a->row->document,
		.lost = p->witness.node_id,
		.why = mem_printf(a->row, "%s: %s", cause_of(p), why_of(p)),
		.excluded = exclude(a->row, tried, count),
		.excluded_count = count,
	};
	json_t *node = NULL, *record = NULL;
	struct error *e = placing_replace(a->job->watch->placing, &loss, &node, &record);

	json_decref(record);
	if (e && e->code == ERROR_UNAVAILABLE) {
		if (!a->lack)
			a->lack = mem_printf(a->row, "%s %s: %s; %s; it is tried again", api_role_name(p->witness.role),
					     p->witness.node_id, told_why(p), e->message);
		error_free(e);
		return NULL;
	}
	if (!e)
		e = replace_node(a->row, a->row, p->witness.node_id, node, cause_of(p), why_of(p), &a->set);
	json_decref(node);
	return e;
}

typedef struct error *lost_fn(struct attempt *a, struct watch_part *p, const struct move_place *tried, size_t count);

static struct error *for_each(struct attempt *a, enum part_state state, lost_fn *fn)
{
	for (size_t i = 0; i < a->job->part_count && a->row->state == ORDER_RUNNING; i++) {
		struct watch_part *p = &a->job->parts[i];
		struct move_place *tried = NULL;
		size_t count = 0;

		if (p->state != state)
			continue;
		TRY(move_rows_tried(a->row, a->job->watch->host->db, a->row->job, p->witness.place,
				    clock_wall_ms() - WATCH_POISON_MS, &tried, &count));
		TRY(fn(a, p, tried, count));
	}
	return NULL;
}

/* Later, after a pause that grows. */
static void put_off(struct attempt *a)
{
	struct watch_job *j = a->job;
	struct error *e = move_rows_why(j->watch->host->db, j->name, a->lack);

	j->try_ms = clock_mono_ms() + backoff_next_ms(&j->backoff, 0);
	log_warn("jobs.replace", "job=%s why=%s", j->name, log_q(a->lack));
	if (e)
		log_error("jobs.replace", "job=%s why=%s", j->name, log_q(e->message));
	error_free(e);
}

/* Who was lost has failed the order; who is only to rest has not. */
static void judge_moves(const struct attempt *a)
{
	for (size_t i = 0; i < a->set.count; i++) {
		const struct move_place *m = &a->set.moves[i];

		if (strcmp(m->cause, MOVE_ROWS_DRAINED) != 0)
			placing_judge(a->job->watch->placing, a->row->owner, m->from, false);
	}
}

static void log_moves(const struct attempt *a)
{
	for (size_t i = 0; i < a->set.count; i++) {
		const struct move_place *m = &a->set.moves[i];

		log_info("jobs.replaced", "job=%s role=%s from=%s to=%s cause=%s", a->row->job, m->role, m->from, m->to,
			 m->cause);
	}
}

/* Takes the row. */
static void tell(struct watch_jobs *w, struct order_row *row)
{
	runs_drop(w->runs, row->job, "its nodes have changed meanwhile");
	run_begin(w->runs, row, NULL, NULL);
}

static struct error *carry_out(struct attempt *a)
{
	struct watch_jobs *w = a->job->watch;

	/* First, since its nodes are told by the document that it has on disk. */
	TRY(for_each(a, PART_LOST, set_aside));
	if (a->row->state != ORDER_RUNNING) {
		watch_order(w, a->row);
		tell(w, a->row);
		return NULL;
	}
	TRY(for_each(a, PART_LOST, find_place));
	TRY(for_each(a, PART_DRAINING, find_place));
	a->row->why = a->lack;
	if (a->lack)
		put_off(a);
	if (!a->set.count)
		return NULL;
	TRY(move_rows_write(w->host->db, a->row, &a->set));
	judge_moves(a);
	log_moves(a);
	watch_order(w, a->row);
	tell(w, a->row);
	return NULL;
}

static void on_fresh(const struct error *away, void *arg)
{
	struct looking *l = arg;
	struct watch_job *j = watch_find(l->watch, l->job);
	void *scope = mem_strdup(NULL, "");
	struct order_row *row = NULL;
	struct error *e = away ? error_copy(away) : NULL;

	if (j)
		j->looking = false;
	if (j && !e)
		e = order_rows_find(scope, l->watch->host->db, l->job, NULL, &row);
	if (j && !e && row->state == ORDER_RUNNING) {
		struct attempt a = {.job = j, .row = row};

		e = carry_out(&a);
		if (e)
			placing_reread(l->watch->placing, l->job);
	}
	if (e) {
		log_error("jobs.replace", "job=%s why=%s", l->job, log_q(e->message));
		j = watch_find(l->watch, l->job);
		if (j)
			j->try_ms = clock_mono_ms() + backoff_next_ms(&j->backoff, 0);
	}
	error_free(e);
	mem_free(scope);
	mem_free(l);
}

void watch_replace(struct watch_job *j)
{
	struct looking *l = mem_new(j->watch, struct looking);

	j->looking = true;
	l->watch = j->watch;
	l->job = mem_strdup(l, j->name);
	placing_refresh(j->watch->placing, on_fresh, l);
}

/* --- the new one does not start --- */

static bool is_new(const struct move_telling *list, size_t count, const char *node_id)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].step == MOVE_NEW && strcmp(list[i].node_id, node_id) == 0)
			return true;
	}
	return false;
}

static struct error *lose_failed(struct watch_job *j, const json_t *nodes)
{
	struct move_telling *list = NULL;
	void *scope = mem_strdup(NULL, "");
	size_t count = 0;
	struct error *e = move_rows_tellings(scope, j->watch->host->db, j->name, &list, &count);

	for (size_t i = 0; !e && i < json_array_size(nodes); i++) {
		const json_t *o = json_array_get(nodes, i);
		const char *id = json_string_value(json_object_get(o, "node_id")),
			   *why = json_string_value(json_object_get(o, "why"));
		struct watch_part *p = watch_part_of(j, id);

		if (p && why && is_new(list, count, id))
			watch_lose(p, "start", why);
	}
	mem_free(scope);
	return e;
}

void watch_ran(const struct order_row *row, const json_t *nodes, const struct error *failed, void *arg)
{
	struct watch_jobs *w = arg;
	struct watch_job *j;
	struct error *e;

	watch_order(w, row);
	j = watch_find(w, row->job);
	if (!j)
		return;
	if (!failed) {
		watch_serves(j);
		return;
	}
	e = lose_failed(j, nodes);
	if (e)
		log_error("jobs.watch", "job=%s why=%s", row->job, log_q(e->message));
	error_free(e);
}
