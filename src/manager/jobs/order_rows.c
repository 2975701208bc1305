#include "manager/jobs/order_rows.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "manager/jobs/move_rows.h"
#include "manager/jobs/placements.h"
#include "manager/jobs/recording_rows.h"
#include "store/events.h"

#define DOCUMENT_BYTES (1 << 20)
#define DAY_MS (INT64_C(24) * 3600 * 1000)

static const char *const first[] = {
	"create table jobs_order(number bigint primary key, job text not null unique, owner text not null, "
	"once text, state text not null, why text, document text not null, tasks text not null, key text, ingest text, "
	"watch text, created_ms bigint not null, changed_ms bigint not null, unique(owner, once))",
	NULL,
};
/* One row: the number of the next order. */
static const char *const numbers[] = {
	"create table jobs_number(one bigint primary key, next bigint not null)",
	"insert into jobs_number select 1, coalesce(max(number),0)+1 from jobs_order",
	NULL,
};
/* Most orders there ever were are over: those that are not are found without looking at them. */
#define NOT_OVER "state not in ('failed','stopped','cancelled')"
static const char *const not_over[] = {
	"create index jobs_order_not_over on jobs_order(number) where " NOT_OVER,
	NULL,
};
const struct db_migration order_migrations[ORDER_MIGRATIONS] = {
	{first}, {numbers}, {placements_tables}, {move_rows_tables}, {not_over}, {recording_rows_tables}};

struct error *order_rows_made(struct db *db, bool continues)
{
	return continues ? db_exec(db, "update jobs_number set next=?", "i", clock_wall_ms()) : NULL;
}

/* --- reading --- */

static int row_destroy(struct order_row *r)
{
	if (r->key)
		secret_wipe(r->key, strlen(r->key));
	json_decref(r->document);
	json_decref(r->tasks);
	return 0;
}

static char *copy(const void *ctx, const char *text)
{
	return text ? mem_strdup(ctx, text) : NULL;
}

static struct error *read_state(const char *word, enum order_state *ret_state)
{
	for (enum order_state s = 0; s < ORDER_STATES; s++) {
		if (strcmp(order_state_name(s), word) == 0) {
			*ret_state = s;
			return NULL;
		}
	}
	return error_new(ERROR_FAILED, "an order in the database has the state \"%.20s\"", word);
}

struct rows {
	const void *ctx;
	struct order_row **list;
	size_t count;
};

#define COLUMNS \
	"job,owner,state,why,document,tasks,key,ingest,watch,created_ms,changed_ms,start_at_ms,end_at_ms,retain_days,delete_at_ms"

static struct error *on_row(const struct db_row *row, void *arg)
{
	struct rows *all = arg;
	struct order_row *r = mem_new(all->ctx, struct order_row);
	const char *document = db_text(row, 4), *tasks = db_text(row, 5);

	talloc_set_destructor(r, row_destroy);
	r->job = copy(r, db_text(row, 0));
	r->owner = copy(r, db_text(row, 1));
	r->why = copy(r, db_text(row, 3));
	r->key = copy(r, db_text(row, 6));
	r->ingest = copy(r, db_text(row, 7));
	r->watch = copy(r, db_text(row, 8));
	r->created_ms = db_int(row, 9);
	r->changed_ms = db_int(row, 10);
	r->start_at_ms = db_int(row, 11);
	r->end_at_ms = db_int(row, 12);
	r->retain_days = db_int(row, 13);
	r->delete_at_ms = db_int(row, 14);
	all->list = mem_resize(all->ctx, all->list, struct order_row *, all->count + 1);
	all->list[all->count++] = r;
	TRY(read_state(db_text(row, 2), &r->state));
	TRY(json_parse(document, strlen(document), DOCUMENT_BYTES, &r->document));
	return json_parse(tasks, strlen(tasks), DOCUMENT_BYTES, &r->tasks);
}

static struct error *on_listed(const struct db_row *row, void *arg)
{
	struct rows *all = arg;
	struct error *e = on_row(row, all);

	if (e) {
		struct order_row *r = all->list[all->count - 1];

		r->unreadable = mem_strdup(r, e->message);
		json_decref(r->document);
		r->document = NULL;
	}
	error_free(e);
	return NULL;
}

static struct error *none(const char *job)
{
	return error_new(ERROR_NOT_FOUND, "params.job: there is no job \"%s\" of yours", job);
}

struct error *order_rows_find(const void *ctx, struct db *db, const char *job, const char *owner,
			      struct order_row **ret_row)
{
	struct rows all = {.ctx = ctx};

	TRY(db_query(db, on_row, &all, "select " COLUMNS " from jobs_order where job=?", "s", job));
	if (!all.count || (owner && strcmp(all.list[0]->owner, owner) != 0))
		return none(job);
	*ret_row = all.list[0];
	return NULL;
}

struct error *order_rows_once(const void *ctx, struct db *db, const char *owner, const char *once,
			      struct order_row **ret_row)
{
	struct rows all = {.ctx = ctx};

	TRY(db_query(db, on_row, &all, "select " COLUMNS " from jobs_order where owner=? and once=?", "ss", owner,
		     once));
	*ret_row = all.count ? all.list[0] : NULL;
	return NULL;
}

struct error *order_rows_list(const void *ctx, struct db *db, const char *owner, int64_t most,
			      struct order_row ***ret_rows, size_t *ret_count)
{
	struct rows all = {.ctx = ctx};

	if (owner)
		TRY(db_query(db, on_listed, &all,
			     "select " COLUMNS " from jobs_order where owner=? order by number desc limit ?", "si",
			     owner, most));
	else
		TRY(db_query(db, on_listed, &all, "select " COLUMNS " from jobs_order order by number desc limit ?",
			     "i", most));
	*ret_rows = all.list;
	*ret_count = all.count;
	return NULL;
}

struct error *order_rows_streams(const void *ctx, struct db *db, const char *owner, struct order_row ***ret_rows,
				 size_t *ret_count)
{
	struct rows all = {.ctx = ctx};

	TRY(db_query(db, on_listed, &all,
		     "select " COLUMNS " from jobs_order where " NOT_OVER
		     " and state<>'scheduled' and (owner=? or ?=1) order by number desc",
		     "si", owner ? owner : "", (int64_t)!owner));
	*ret_rows = all.list;
	*ret_count = all.count;
	return NULL;
}

struct error *order_rows_unfinished(const void *ctx, struct db *db, struct order_row ***ret_rows, size_t *ret_count)
{
	struct rows all = {.ctx = ctx};

	TRY(db_query(
		db, on_listed, &all,
		"select " COLUMNS " from jobs_order where " NOT_OVER
		" and (state in ('starting','failing','stopping','cancelling') or (state='running' and job in (select job "
		"from jobs_telling))) order by number",
		""));
	*ret_rows = all.list;
	*ret_count = all.count;
	return NULL;
}

struct error *order_rows_not_over(const void *ctx, struct db *db, struct order_row ***ret_rows, size_t *ret_count)
{
	struct rows all = {.ctx = ctx};

	TRY(db_query(db, on_listed, &all, "select " COLUMNS " from jobs_order where " NOT_OVER " order by number", ""));
	*ret_rows = all.list;
	*ret_count = all.count;
	return NULL;
}

struct error *order_rows_to_begin(const void *ctx, struct db *db, int64_t now_ms, struct order_row ***ret_rows,
				  size_t *ret_count)
{
	struct rows all = {.ctx = ctx};

	TRY(db_query(db, on_listed, &all,
		     "select " COLUMNS " from jobs_order where " NOT_OVER
		     " and state='scheduled' and start_at_ms<=? order by start_at_ms,number",
		     "i", now_ms));
	*ret_rows = all.list;
	*ret_count = all.count;
	return NULL;
}

struct error *order_rows_to_end(const void *ctx, struct db *db, int64_t now_ms, struct order_row ***ret_rows,
				size_t *ret_count)
{
	struct rows all = {.ctx = ctx};

	TRY(db_query(db, on_listed, &all,
		     "select " COLUMNS " from jobs_order where " NOT_OVER
		     " and state in ('starting','running') and end_at_ms>0 and end_at_ms<=? order by number",
		     "i", now_ms));
	*ret_rows = all.list;
	*ret_count = all.count;
	return NULL;
}

static struct error *on_number(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

struct error *order_rows_open(struct db *db, const char *owner, int64_t *ret_count)
{
	return db_query(db, on_number, ret_count, "select count(*) from jobs_order where owner=? and " NOT_OVER, "s",
			owner);
}

static struct error *on_count(const struct db_row *row, void *arg)
{
	int64_t *counts = arg;
	enum order_state state;

	struct error *e = read_state(db_text(row, 0), &state);

	if (!e)
		counts[state] = db_int(row, 1);
	error_free(e); /* such an order is unreadable: lists say so */
	return NULL;
}

struct error *order_rows_count(struct db *db, int64_t ret_counts[ORDER_STATES])
{
	memset(ret_counts, 0, ORDER_STATES * sizeof(*ret_counts));
	return db_query(db, on_count, ret_counts, "select state,count(*) from jobs_order group by state", "");
}

/* --- writing --- */

struct numbering {
	int64_t *ret_number;
};

static struct error *next_number(struct db *db, const void *arg)
{
	return db_query(db, on_number, ((const struct numbering *)arg)->ret_number,
			"update jobs_number set next=next+1 returning next-1", "");
}

struct error *order_rows_next(struct db *db, struct order_row *row)
{
	TRY(db_together(db, next_number, &(struct numbering){&row->number}));
	row->job = mem_printf(row, "02%020" PRId64, row->number);
	return NULL;
}

static void put_time(json_t *o, const char *key, int64_t wall_ms)
{
	char *text = clock_format(NULL, wall_ms);

	json_put(o, key, text);
	mem_free(text);
}

void order_put_times(json_t *o, int64_t start_at_ms, int64_t end_at_ms, int64_t delete_at_ms)
{
	if (start_at_ms)
		put_time(o, "start_at", start_at_ms);
	if (end_at_ms)
		put_time(o, "end_at", end_at_ms);
	if (delete_at_ms)
		put_time(o, "delete_at", delete_at_ms);
}

static void put_times(json_t *o, const struct order_row *row)
{
	order_put_times(o, row->start_at_ms, row->end_at_ms, row->delete_at_ms);
}

static struct error *tell(struct db *db, const struct order_row *row, const char *what)
{
	char *type = mem_printf(NULL, "order.%s", what);
	json_t *body = json_object();
	int64_t id = 0;
	struct error *e;

	json_put(body, "owner", row->owner);
	if (row->state == ORDER_SCHEDULED)
		json_put(body, "state", order_state_name(row->state));
	if (row->why)
		json_put(body, "why", row->why);
	put_times(body, row);
	e = events_append(db, type, row->job, body, 0, &id);
	json_decref(body);
	mem_free(type);
	return e;
}

struct creation {
	const struct order_row *row;
	const char *once, *document, *tasks;
};

static struct error *create(struct db *db, const void *arg)
{
	const struct creation *c = arg;
	const struct order_row *r = c->row;

	TRY(db_exec(db,
		    "insert into jobs_order(number,job,owner,once,state,document,tasks,key,created_ms,changed_ms,"
		    "start_at_ms,end_at_ms,retain_days) values(?,?,?,?,?,?,?,?,?,?,?,?,?)",
		    "isssssssiiiii", r->number, r->job, r->owner, c->once, order_state_name(r->state), c->document,
		    c->tasks, r->key, r->created_ms, r->changed_ms, r->start_at_ms, r->end_at_ms, r->retain_days));
	return tell(db, r, "created");
}

struct error *order_rows_create(struct db *db, const struct order_row *row, const char *once)
{
	void *scope = mem_strdup(NULL, "");
	const struct creation c = {row, once, json_text(scope, row->document), json_text(scope, row->tasks)};
	struct error *e = db_together(db, create, &c);

	mem_free(scope);
	return e;
}

struct move {
	const struct order_row *row;
	enum order_state from;
};

static struct error *update(struct db *db, const void *arg)
{
	const struct move *m = arg;
	const struct order_row *r = m->row;

	TRY(db_exec(
		db,
		"update jobs_order set state=?, why=?, ingest=?, watch=?, changed_ms=?, delete_at_ms=? where job=? and "
		"state=?",
		"ssssiiss", order_state_name(r->state), r->why, r->ingest, r->watch, r->changed_ms, r->delete_at_ms,
		r->job, order_state_name(m->from)));
	if (db_changes(db) != 1)
		return error_new(ERROR_REFUSED, "job %s is not %s any more: look at it again", r->job,
				 order_state_name(m->from));
	if (r->state == ORDER_STARTING)
		TRY(recording_rows_drop(db, r->job));
	return tell(db, r, order_state_name(r->state));
}

static bool is_over(enum order_state state)
{
	return state == ORDER_FAILED || state == ORDER_STOPPED || state == ORDER_CANCELLED;
}

/* When what was stored is deleted: counted from the first end, and not at all while there is something to come. One
 * that never had nodes has stored nothing. */
static int64_t delete_at(const struct order_row *row, enum order_state to)
{
	if (to == ORDER_STARTING || row->state == ORDER_SCHEDULED)
		return 0;
	if (!is_over(to) || row->delete_at_ms || !row->retain_days)
		return row->delete_at_ms;
	return row->changed_ms + row->retain_days * DAY_MS;
}

struct error *order_rows_move(struct db *db, struct order_row *row, enum order_state to)
{
	enum order_state from = row->state;
	int64_t delete_before_ms = row->delete_at_ms;
	struct error *e;

	if (!order_state_may(from, to))
		return error_new(ERROR_REFUSED, "job %s is %s: it cannot become %s", row->job, order_state_name(from),
				 order_state_name(to));
	row->changed_ms = clock_wall_ms();
	row->delete_at_ms = delete_at(row, to);
	row->state = to;
	e = db_together(db, update, &(struct move){row, from});
	if (e) {
		row->state = from;
		row->delete_at_ms = delete_before_ms;
	}
	return e;
}

struct error *order_rows_say(struct db *db, const struct order_row *row)
{
	return db_exec(db, "update jobs_order set why=? where job=? and state=?", "sss", row->why, row->job,
		       order_state_name(row->state));
}

struct giving {
	const struct order_row *row;
	const char *document, *tasks;
};

static struct error *give(struct db *db, const void *arg)
{
	const struct giving *g = arg;

	TRY(db_exec(db, "update jobs_order set document=?, tasks=?, key=? where job=? and state=?", "sssss",
		    g->document, g->tasks, g->row->key, g->row->job, order_state_name(ORDER_SCHEDULED)));
	return update(db, &(struct move){g->row, ORDER_SCHEDULED});
}

struct error *order_rows_give_nodes(struct db *db, struct order_row *row)
{
	void *scope = mem_strdup(NULL, "");
	const struct giving g = {row, json_text(scope, row->document), json_text(scope, row->tasks)};
	struct error *e;

	row->state = ORDER_STARTING;
	row->why = NULL;
	row->changed_ms = clock_wall_ms();
	e = db_together(db, give, &g);
	if (e)
		row->state = ORDER_SCHEDULED;
	mem_free(scope);
	return e;
}

struct error *order_rows_wait(struct db *db, const struct order_row *row)
{
	return db_exec(db, "update jobs_order set why=? where job=? and state=?", "sss", row->why, row->job,
		       order_state_name(ORDER_SCHEDULED));
}

/* --- for its owner --- */

static json_t *ingest_json(const struct order_row *row, bool with_key)
{
	json_t *o = json_object();
	char *stream_key;

	json_put(o, "url", row->ingest);
	json_put(o, "stream", row->job);
	if (!row->key || !with_key)
		return o;
	stream_key = mem_printf(NULL, "%s?key=%s", row->job, row->key);
	json_put(o, "key", row->key);
	json_put(o, "stream_key", stream_key);
	secret_wipe(stream_key, strlen(stream_key));
	mem_free(stream_key);
	return o;
}

static json_t *nodes_json(const struct order_row *row)
{
	const json_t *nodes = json_object_get(json_object_get(row->document, "pipeline"), "nodes");
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *node = json_array_get(nodes, i);

		json_array_append_new(list, json_pack("{s:O,s:O}", "node_id", json_object_get(node, "node_id"), "role",
						      json_object_get(node, "type")));
	}
	return list;
}

json_t *order_row_json(const struct order_row *row, bool with_key)
{
	json_t *o = json_object();

	json_put(o, "job", row->job);
	json_put(o, "state", row->unreadable ? "unreadable" : order_state_name(row->state));
	if (row->unreadable)
		json_put(o, "why", row->unreadable);
	else if (row->why)
		json_put(o, "why", row->why);
	json_put(o, "owner", row->owner);
	put_time(o, "created", row->created_ms);
	put_time(o, "changed", row->changed_ms);
	put_times(o, row);
	if (row->retain_days)
		json_object_set_new(o, "retain_days", json_integer(row->retain_days));
	if (row->ingest)
		json_object_set_new(o, "ingest", ingest_json(row, with_key));
	if (row->watch)
		json_put(o, "watch", row->watch);
	json_object_set_new(o, "nodes", nodes_json(row));
	return o;
}
