#include "client/desired.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bus/outbox.h"
#include "client/identity.h"
#include "client/known_nodes.h"

/* A sign of life that came with the command, or on its way, says nothing yet. */
#define LEARNED_AFTER_MS 60000

static const char *verb_name(enum api_verb verb)
{
	return verb == API_PIPELINE_CLOSE ? "close" : "stop";
}

static struct error *keep(struct client_outbox *s, const char *job, enum api_verb verb, const struct client_request *r)
{
	int64_t now_ms = clock_wall_ms();

	return db_exec(s->db, "insert or replace into wanted_end values(?,?,?,?,?,?)", "sssiii", job, r->to,
		       verb_name(verb), now_ms, now_ms,
		       now_ms + (r->gone ? CLIENT_DESIRED_SOON_MS : CLIENT_DESIRED_AGAIN_MS));
}

static struct error *keep_all(struct client_outbox *s, const char *job, enum api_verb verb,
			      const struct client_request_list *l, bool all)
{
	TRY(db_exec(s->db, "delete from wanted_end where job = ?", "s", job));
	for (size_t i = 0; i < l->count; i++) {
		if (all || l->items[i].away)
			TRY(keep(s, job, verb, &l->items[i]));
	}
	return NULL;
}

static struct error *keep_together(struct client_outbox *s, const char *job, enum api_verb verb,
				   const struct client_request_list *l, bool all)
{
	struct error *e;

	TRY(db_begin(s->db));
	e = keep_all(s, job, verb, l, all);
	if (!e)
		e = db_commit(s->db);
	if (e)
		db_rollback(s->db);
	return e;
}

static bool any_away(const struct client_request_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		if (l->items[i].away)
			return true;
	}
	return false;
}

struct error *client_desired_keep(const struct client_options *client, const char *job, enum api_verb verb,
				  const struct client_request_list *l, bool all)
{
	void *scope;
	struct client_outbox *s = NULL;
	struct error *e;

	if (!all && !any_away(l))
		return client_desired_forget(client, job);
	scope = mem_new(NULL, char);
	e = client_outbox_open(scope, client, &s);
	if (!e)
		e = keep_together(s, job, verb, l, all);
	if (!e)
		e = client_outbox_mark(s, true);
	mem_free(scope);
	return e;
}

struct error *client_desired_forget(const struct client_options *client, const char *job)
{
	void *scope = mem_new(NULL, char);
	struct client_outbox *s = NULL;
	struct error *e = client_outbox_find(scope, client, &s);

	if (!e && s)
		e = db_exec(s->db, "delete from wanted_end where job = ?", "s", job);
	mem_free(scope);
	return e;
}

static struct error *on_count(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

static struct error *count(struct client_outbox *s, int64_t *ret_count)
{
	return db_query(s->db, on_count, ret_count, "select count(*) from wanted_end", "");
}

struct error *client_desired_settle(const struct client_options *client, struct client_outbox *s, int64_t *ret_left)
{
	void *scope = mem_new(NULL, char);
	struct client_known *k = NULL;
	struct error *e;

	*ret_left = 0;
	e = count(s, ret_left);
	if (!e && *ret_left > 0)
		e = client_known_open(scope, client, &k);
	for (size_t i = 0; !e && k && i < k->count; i++)
		e = db_exec(s->db, "delete from wanted_end where node = ? and told_ms < ?", "si", k->nodes[i]->id,
			    k->nodes[i]->seen_ms - LEARNED_AFTER_MS);
	if (!e && k)
		e = db_exec(s->db, "delete from wanted_end where since_ms < ?", "i",
			    clock_wall_ms() - CLIENT_DESIRED_LIMIT_MS);
	if (!e && k)
		e = count(s, ret_left);
	mem_free(scope);
	return e;
}

struct rows {
	const void *ctx;
	struct client_desired *rows;
	size_t count;
};

static struct error *on_row(const struct db_row *row, void *arg)
{
	struct rows *r = arg;

	r->rows = mem_resize(r->ctx, r->rows, struct client_desired, r->count + 1);
	r->rows[r->count++] = (struct client_desired){
		.job = mem_strdup(r->ctx, db_text(row, 0)),
		.node_id = mem_strdup(r->ctx, db_text(row, 1)),
		.verb = strcmp(db_text(row, 2), "close") == 0 ? API_PIPELINE_CLOSE : API_PIPELINE_STOP,
	};
	return NULL;
}

struct error *client_desired_due(const void *ctx, struct client_outbox *s, struct client_desired **ret_rows,
				 size_t *ret_count)
{
	struct rows r = {.ctx = ctx, .rows = mem_array(ctx, struct client_desired, 0)};

	TRY(db_query(s->db, on_row, &r, "select job, node, verb from wanted_end where again_ms <= ? order by job, node",
		     "i", clock_wall_ms()));
	*ret_rows = r.rows;
	*ret_count = r.count;
	return NULL;
}

struct error *client_desired_told(struct client_outbox *s, const struct client_desired *w)
{
	int64_t now_ms = clock_wall_ms();

	return db_exec(s->db, "update wanted_end set told_ms = ?, again_ms = ? where job = ? and node = ?", "iiss",
		       now_ms, now_ms + CLIENT_DESIRED_AGAIN_MS, w->job, w->node_id);
}

struct desired_putting {
	struct client_outbox *store;
	const struct client_desired *due;
	size_t count;
	const char *self, *what;
};

static struct error *put(const struct desired_putting *p, const struct client_desired *w)
{
	json_t *body = api_command_document(w->verb, w->node_id, w->job, NULL);
	struct message *m = message_new(NULL, MESSAGE_COMMAND, p->self, w->node_id, CLIENT_TTL_MOST_MS, body);
	struct error *e = client_outbox_add(p->store, m, p->what);

	if (!e)
		e = outbox_store(p->store->db, m);
	if (!e)
		e = client_desired_told(p->store, w);
	mem_free(m);
	json_decref(body);
	return e;
}

/* A command that counts as told and is in no outbox would be lost. */
static struct error *put_together(struct db *db, const void *arg)
{
	const struct desired_putting *p = arg;

	(void)db; /* the store's */
	for (size_t i = 0; i < p->count; i++)
		TRY(put(p, &p->due[i]));
	return NULL;
}

struct error *client_desired_put(const struct client_options *client, struct client_outbox *s, const char *what,
				 size_t *ret_count)
{
	void *scope = mem_new(NULL, char);
	struct client_desired *due = NULL;
	size_t count = 0;
	char *self = NULL;
	struct error *e = client_desired_due(scope, s, &due, &count);

	if (!e && count)
		e = client_identity_id(scope, client, &self);
	if (!e && count)
		e = db_together(s->db, put_together, &(struct desired_putting){s, due, count, self, what});
	mem_free(scope);
	if (!e)
		*ret_count = count;
	return e;
}
