#include "manager/jobs/recording_rows.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/events.h"

#define DOCUMENT_BYTES (1 << 20)

/* Orders of before have no term: what they have stored stays, as they were told. */
const char *const recording_rows_tables[] = {
	"alter table jobs_order add column start_at_ms bigint not null default 0",
	"alter table jobs_order add column end_at_ms bigint not null default 0",
	"alter table jobs_order add column retain_days bigint not null default 0",
	"alter table jobs_order add column delete_at_ms bigint not null default 0",
	"alter table jobs_order add column notice_ms bigint not null default 0",
	"create index jobs_order_delete on jobs_order(delete_at_ms) where delete_at_ms>0",
	"create table jobs_recording(job text not null, node_id text not null, since_ms bigint not null, told_ms bigint not null, primary key(job, node_id))",
	NULL,
};

/* An order whose recordings are looked at, and what of it is told. */
struct kept {
	char *job, *owner, *document;
	int64_t delete_at_ms;
};

struct kept_list {
	const void *ctx;
	struct kept *list;
	size_t count;
};

static struct error *on_kept(const struct db_row *row, void *arg)
{
	struct kept_list *all = arg;

	all->list = mem_resize(all->ctx, all->list, struct kept, all->count + 1);
	all->list[all->count++] = (struct kept){
		.job = mem_strdup(all->ctx, db_text(row, 0)),
		.owner = mem_strdup(all->ctx, db_text(row, 1)),
		.document = mem_strdup(all->ctx, db_text(row, 2)),
		.delete_at_ms = db_int(row, 3),
	};
	return NULL;
}

static struct error *tell(struct db *db, const char *type, const struct kept *k, const char *node_id)
{
	json_t *body = json_object();
	int64_t id = 0;
	struct error *e;

	json_put(body, "owner", k->owner);
	if (node_id)
		json_put(body, "node_id", node_id);
	if (k->delete_at_ms) {
		char *at = clock_format(NULL, k->delete_at_ms);

		json_put(body, "delete_at", at);
		mem_free(at);
	}
	e = events_append(db, type, k->job, body, 0, &id);
	json_decref(body);
	return e;
}

/* --- what follows from the time --- */

struct step {
	const struct kept *kept;
	int64_t now_ms;
};

static struct error *give_notice(struct db *db, const void *arg)
{
	const struct step *s = arg;

	TRY(db_exec(db, "update jobs_order set notice_ms=? where job=? and notice_ms=0 and delete_at_ms>0", "is",
		    s->now_ms, s->kept->job));
	return db_changes(db) == 1 ? tell(db, "recording.expiring", s->kept, NULL) : NULL;
}

static struct error *add_node(struct db *db, const struct step *s, const char *node_id)
{
	return db_exec(
		db,
		"insert into jobs_recording(job,node_id,since_ms,told_ms) values(?,?,?,0) on conflict(job,node_id) "
		"do nothing",
		"ssi", s->kept->job, node_id, s->now_ms);
}

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* The storages of its document, and those that stand in for them. */
static struct error *add_storages(struct db *db, const struct step *s, const json_t *document)
{
	const json_t *nodes = json_object_get(json_object_get(document, "pipeline"), "nodes");

	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *node = json_array_get(nodes, i);
		const char *role = text_of(node, "type"), *standby = text_of(node, "failover_node_id");

		if (!role || strcmp(role, "storage") != 0)
			continue;
		TRY(add_node(db, s, text_of(node, "node_id")));
		if (standby)
			TRY(add_node(db, s, standby));
	}
	return NULL;
}

/* Those that it had before have what they had stored. */
static struct error *add_former(struct db *db, const struct step *s)
{
	return db_exec(
		db,
		"insert into jobs_recording(job,node_id,since_ms,told_ms) select distinct job,node_from,?,0 from "
		"jobs_move where job=? and role='storage' on conflict(job,node_id) do nothing",
		"is", s->now_ms, s->kept->job);
}

static struct error *begin_deletion(struct db *db, const void *arg)
{
	const struct step *s = arg;
	json_t *document = NULL;
	struct error *e;

	TRY(db_exec(db,
		    "update jobs_order set delete_at_ms=0, notice_ms=0 where job=? and delete_at_ms>0 and notice_ms>0",
		    "s", s->kept->job));
	if (db_changes(db) != 1)
		return NULL;
	TRY(json_parse(s->kept->document, strlen(s->kept->document), DOCUMENT_BYTES, &document));
	e = add_storages(db, s, document);
	json_decref(document);
	TRY(e);
	TRY(add_former(db, s));
	return tell(db, "recording.deleting", s->kept, NULL);
}

typedef struct error *step_fn(struct db *db, const void *arg);

static struct error *for_all(struct db *db, const struct kept_list *all, int64_t now_ms, step_fn *fn)
{
	for (size_t i = 0; i < all->count; i++)
		TRY(db_together(db, fn, &(struct step){&all->list[i], now_ms}));
	return NULL;
}

/* `document` is the storage's id here. */
static struct error *leave(struct db *db, const void *arg)
{
	const struct kept *k = arg;

	TRY(db_exec(db, "delete from jobs_recording where job=? and node_id=?", "ss", k->job, k->document));
	return db_changes(db) == 1 ? tell(db, "recording.left", k, k->document) : NULL;
}

/* Nobody waits for a storage that never comes back. */
static struct error *give_up(struct db *db, int64_t now_ms)
{
	void *scope = mem_strdup(NULL, "");
	struct kept_list all = {.ctx = scope};
	struct error *e =
		db_query(db, on_kept, &all,
			 "select r.job,o.owner,r.node_id,0 from jobs_recording r join jobs_order o on o.job=r.job "
			 "where r.since_ms<=? limit ?",
			 "ii", now_ms - RECORDING_PATIENCE_MS, (int64_t)RECORDING_AT_ONCE);

	for (size_t i = 0; !e && i < all.count; i++)
		e = db_together(db, leave, &all.list[i]);
	mem_free(scope);
	return e;
}

static struct error *look(const void *scope, struct db *db, int64_t now_ms)
{
	struct kept_list noticed = {.ctx = scope}, due = {.ctx = scope};

	TRY(db_query(db, on_kept, &noticed,
		     "select job,owner,document,delete_at_ms from jobs_order where delete_at_ms>0 and notice_ms=0 and "
		     "delete_at_ms<=? limit ?",
		     "ii", now_ms + RECORDING_NOTICE_MS, (int64_t)RECORDING_AT_ONCE));
	TRY(for_all(db, &noticed, now_ms, give_notice));
	TRY(db_query(db, on_kept, &due,
		     "select job,owner,document,delete_at_ms from jobs_order where delete_at_ms>0 and notice_ms>0 and "
		     "delete_at_ms<=? and notice_ms<=? and state in ('failed','stopped','cancelled') limit ?",
		     "iii", now_ms, now_ms - RECORDING_LEAST_MS, (int64_t)RECORDING_AT_ONCE));
	TRY(for_all(db, &due, now_ms, begin_deletion));
	return give_up(db, now_ms);
}

struct error *recording_rows_look(struct db *db, int64_t now_ms)
{
	void *scope = mem_strdup(NULL, "");
	struct error *e = look(scope, db, now_ms);

	mem_free(scope);
	return e;
}

/* --- whom to tell --- */

struct recordings {
	const void *ctx;
	struct recording_row *list;
	size_t count;
};

static struct error *on_recording(const struct db_row *row, void *arg)
{
	struct recordings *all = arg;

	all->list = mem_resize(all->ctx, all->list, struct recording_row, all->count + 1);
	all->list[all->count++] =
		(struct recording_row){mem_strdup(all->ctx, db_text(row, 0)), mem_strdup(all->ctx, db_text(row, 1))};
	return NULL;
}

struct error *recording_rows_due(const void *ctx, struct db *db, int64_t now_ms, struct recording_row **ret_list,
				 size_t *ret_count)
{
	struct recordings all = {.ctx = ctx};

	TRY(db_query(db, on_recording, &all,
		     "select job,node_id from jobs_recording where told_ms<=? order by told_ms,job limit ?", "ii",
		     now_ms - RECORDING_AGAIN_MS, (int64_t)RECORDING_AT_ONCE));
	*ret_list = all.list;
	*ret_count = all.count;
	return NULL;
}

struct error *recording_rows_told(struct db *db, const struct recording_row *r, int64_t now_ms)
{
	return db_exec(db, "update jobs_recording set told_ms=? where job=? and node_id=?", "iss", now_ms, r->job,
		       r->node_id);
}

static struct error *strike_off(struct db *db, const void *arg)
{
	const struct recording_row *r = arg;
	struct kept_list all = {.ctx = r};
	struct recordings left = {.ctx = r};

	TRY(db_exec(db, "delete from jobs_recording where job=? and node_id=?", "ss", r->job, r->node_id));
	if (db_changes(db) != 1)
		return NULL;
	TRY(db_query(db, on_recording, &left, "select job,node_id from jobs_recording where job=? limit 1", "s",
		     r->job));
	TRY(db_query(db, on_kept, &all, "select job,owner,document,0 from jobs_order where job=?", "s", r->job));
	return all.count && !left.count ? tell(db, "recording.deleted", &all.list[0], NULL) : NULL;
}

struct error *recording_rows_gone(struct db *db, const struct recording_row *r)
{
	struct recording_row *scoped = mem_new(NULL, struct recording_row);
	struct error *e;

	*scoped = *r;
	e = db_together(db, strike_off, scoped);
	mem_free(scoped);
	return e;
}

struct error *recording_rows_drop(struct db *db, const char *job)
{
	TRY(db_exec(db, "update jobs_order set notice_ms=0 where job=?", "s", job));
	return db_exec(db, "delete from jobs_recording where job=?", "s", job);
}

struct error *recording_rows_ask(struct db *db, const char *job, int64_t now_ms)
{
	return db_exec(db, "update jobs_order set delete_at_ms=?, notice_ms=? where job=?", "iis", now_ms,
		       now_ms - RECORDING_LEAST_MS, job);
}
