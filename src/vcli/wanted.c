#include "vcli/wanted.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "vcli/known.h"

/* A sign of life that came with the command, or on its way, says nothing yet. */
#define LEARNED_AFTER_MS 60000

static const char *verb_name(enum api_verb verb)
{
	return verb == API_PIPELINE_CLOSE ? "close" : "stop";
}

static struct error *keep(struct outstore *s, const char *job, enum api_verb verb, const struct request *r)
{
	int64_t now_ms = clock_wall_ms();

	return db_exec(s->db, "insert or replace into wanted_end values(?,?,?,?,?,?)", "sssiii", job, r->to,
		       verb_name(verb), now_ms, now_ms, now_ms + (r->gone ? WANTED_SOON_MS : WANTED_AGAIN_MS));
}

static struct error *keep_all(struct outstore *s, const char *job, enum api_verb verb, const struct request_list *l,
			      bool all)
{
	TRY(db_exec(s->db, "delete from wanted_end where job = ?", "s", job));
	for (size_t i = 0; i < l->count; i++) {
		if (all || l->items[i].away)
			TRY(keep(s, job, verb, &l->items[i]));
	}
	return NULL;
}

static bool any_away(const struct request_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		if (l->items[i].away)
			return true;
	}
	return false;
}

struct error *wanted_keep(struct vcli *v, const char *job, enum api_verb verb, const struct request_list *l, bool all)
{
	struct outstore *s = NULL;
	struct error *e;

	if (!all && !any_away(l))
		return wanted_forget(v, job);
	TRY(outstore_open(v, &v->set.client, &s));
	TRY(db_begin(s->db));
	e = keep_all(s, job, verb, l, all);
	if (!e)
		e = db_commit(s->db);
	if (e)
		db_rollback(s->db);
	if (!e)
		e = outstore_mark(s, true);
	mem_free(s);
	return e;
}

struct error *wanted_forget(struct vcli *v, const char *job)
{
	struct outstore *s = NULL;
	struct error *e;

	TRY(outstore_find(v, &v->set.client, &s));
	if (!s)
		return NULL;
	e = db_exec(s->db, "delete from wanted_end where job = ?", "s", job);
	mem_free(s);
	return e;
}

static struct error *on_count(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

static struct error *count(struct outstore *s, int64_t *ret_count)
{
	return db_query(s->db, on_count, ret_count, "select count(*) from wanted_end", "");
}

struct error *wanted_settle(struct vcli *v, struct outstore *s, int64_t *ret_left)
{
	void *scope = mem_new(NULL, char);
	struct known *k = NULL;
	struct error *e;

	*ret_left = 0;
	e = count(s, ret_left);
	if (!e && *ret_left > 0)
		e = known_open(scope, v, &k);
	for (size_t i = 0; !e && k && i < k->count; i++)
		e = db_exec(s->db, "delete from wanted_end where node = ? and told_ms < ?", "si", k->nodes[i]->id,
			    k->nodes[i]->seen_ms - LEARNED_AFTER_MS);
	if (!e && k)
		e = db_exec(s->db, "delete from wanted_end where since_ms < ?", "i", clock_wall_ms() - WANTED_LIMIT_MS);
	if (!e && k)
		e = count(s, ret_left);
	mem_free(scope);
	return e;
}

struct rows {
	const void *ctx;
	struct wanted *rows;
	size_t count;
};

static struct error *on_row(const struct db_row *row, void *arg)
{
	struct rows *r = arg;

	r->rows = mem_resize(r->ctx, r->rows, struct wanted, r->count + 1);
	r->rows[r->count++] = (struct wanted){
		.job = mem_strdup(r->ctx, db_text(row, 0)),
		.node_id = mem_strdup(r->ctx, db_text(row, 1)),
		.verb = strcmp(db_text(row, 2), "close") == 0 ? API_PIPELINE_CLOSE : API_PIPELINE_STOP,
	};
	return NULL;
}

struct error *wanted_due(const void *ctx, struct outstore *s, struct wanted **ret_rows, size_t *ret_count)
{
	struct rows r = {.ctx = ctx, .rows = mem_array(ctx, struct wanted, 0)};

	TRY(db_query(s->db, on_row, &r, "select job, node, verb from wanted_end where again_ms <= ? order by job, node",
		     "i", clock_wall_ms()));
	*ret_rows = r.rows;
	*ret_count = r.count;
	return NULL;
}

struct error *wanted_told(struct outstore *s, const struct wanted *w)
{
	int64_t now_ms = clock_wall_ms();

	return db_exec(s->db, "update wanted_end set told_ms = ?, again_ms = ? where job = ? and node = ?", "iiss",
		       now_ms, now_ms + WANTED_AGAIN_MS, w->job, w->node_id);
}
