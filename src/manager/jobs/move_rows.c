#include "manager/jobs/move_rows.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/events.h"

#define TELLINGS_MOST 256 /* a document has at most 132 tasks */

const char *const move_rows_tables[] = {
	"create table jobs_move(job text not null, place bigint not null, role text not null, node_from text not null, "
	"node_to text not null, cause text not null, why text not null, state text not null, at_ms bigint not null, "
	"primary key(job, place, node_from, at_ms))",
	"create table jobs_telling(job text not null, node_id text not null, role text not null, step bigint not null, "
	"primary key(job, node_id))",
	NULL,
};

/* --- writing --- */

struct writing {
	const struct order_row *row;
	const struct move_set *set;
	const char *document, *tasks;
	int64_t now_ms;
};

static struct error *tell_moved(struct db *db, const char *type, const struct order_row *row,
				const struct move_place *m)
{
	int64_t id = 0;
	json_t *body = json_object();
	struct error *e;

	json_put(body, "owner", row->owner);
	if (m) {
		json_put(body, "role", m->role);
		json_put(body, "from", m->from);
		json_put(body, "to", m->to);
		json_put(body, "cause", m->cause);
		json_put(body, "why", m->why);
	}
	e = events_append(db, type, row->job, body, 0, &id);
	json_decref(body);
	return e;
}

/* Who is new in the job stays so until it serves, whatever else changes in its task. */
static struct error *write_telling(struct db *db, const char *job, const struct move_telling *t)
{
	return db_exec(db,
		       "insert into jobs_telling(job,node_id,role,step) values(?,?,?,?) on conflict(job,node_id) do "
		       "update set role=excluded.role, step=case when jobs_telling.step=1 and excluded.step=2 then 1 "
		       "else excluded.step end",
		       "sssi", job, t->node_id, t->role, (int64_t)t->step);
}

static struct error *write_all(struct db *db, const void *arg)
{
	const struct writing *w = arg;
	const char *job = w->row->job;

	TRY(db_exec(db,
		    "update jobs_order set document=?, tasks=?, why=?, ingest=?, watch=?, changed_ms=? where job=? and "
		    "state=?",
		    "sssssiss", w->document, w->tasks, w->row->why, w->row->ingest, w->row->watch, w->now_ms, job,
		    order_state_name(ORDER_RUNNING)));
	if (db_changes(db) != 1)
		return error_new(ERROR_REFUSED, "job %s is not running any more", job);
	for (size_t i = 0; i < w->set->telling_count; i++)
		TRY(write_telling(db, job, &w->set->tellings[i]));
	for (size_t i = 0; i < w->set->count; i++) {
		const struct move_place *m = &w->set->moves[i];

		TRY(db_exec(db,
			    "insert into jobs_move(job,place,role,node_from,node_to,cause,why,state,at_ms) "
			    "values(?,?,?,?,?,?,?,?,?)",
			    "sissssssi", job, (int64_t)m->place, m->role, m->from, m->to, m->cause, m->why,
			    part_state_name(PART_REPLACING), w->now_ms));
	}
	for (size_t i = 0; i < w->set->count; i++)
		TRY(tell_moved(db, "job.replaced", w->row, &w->set->moves[i]));
	return NULL;
}

struct error *move_rows_write(struct db *db, const struct order_row *row, const struct move_set *set)
{
	void *scope = mem_strdup(NULL, "");
	const struct writing w = {row, set, json_text(scope, row->document), json_text(scope, row->tasks),
				  clock_wall_ms()};
	struct error *e = db_together(db, write_all, &w);

	mem_free(scope);
	return e;
}

/* --- who is to be told --- */

struct tellings {
	const void *ctx;
	struct move_telling *list;
	size_t count;
};

static struct error *on_telling(const struct db_row *row, void *arg)
{
	struct tellings *all = arg;

	all->list = mem_resize(all->ctx, all->list, struct move_telling, all->count + 1);
	all->list[all->count++] = (struct move_telling){
		.node_id = mem_strdup(all->ctx, db_text(row, 0)),
		.role = mem_strdup(all->ctx, db_text(row, 1)),
		.step = (enum move_step)db_int(row, 2),
	};
	return NULL;
}

struct error *move_rows_tellings(const void *ctx, struct db *db, const char *job, struct move_telling **ret_list,
				 size_t *ret_count)
{
	struct tellings all = {.ctx = ctx};

	TRY(db_query(db, on_telling, &all,
		     "select node_id,role,step from jobs_telling where job=? order by step,node_id limit ?", "si", job,
		     (int64_t)TELLINGS_MOST));
	*ret_list = all.list;
	*ret_count = all.count;
	return NULL;
}

struct told {
	const struct order_row *row;
	const struct move_telling *told;
	size_t count;
};

static struct error *on_left(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

static struct error *strike_off(struct db *db, const void *arg)
{
	const struct told *t = arg;
	const char *job = t->row->job;
	int64_t left = 0;

	for (size_t i = 0; i < t->count; i++)
		TRY(db_exec(db, "delete from jobs_telling where job=? and node_id=?", "ss", job, t->told[i].node_id));
	TRY(db_exec(db, "update jobs_order set ingest=?, watch=?, why=? where job=?", "ssss", t->row->ingest,
		    t->row->watch, t->row->why, job));
	TRY(db_query(db, on_left, &left, "select count(*) from jobs_telling where job=?", "s", job));
	if (left)
		return NULL;
	TRY(db_exec(db, "update jobs_move set state=? where job=? and state=?", "sss", part_state_name(PART_REPLACED),
		    job, part_state_name(PART_REPLACING)));
	return db_changes(db) ? tell_moved(db, "job.moved", t->row, NULL) : NULL;
}

struct error *move_rows_told(struct db *db, const struct order_row *row, const struct move_telling *told, size_t count)
{
	const struct told t = {row, told, count};

	return db_together(db, strike_off, &t);
}

struct error *move_rows_out(struct db *db, const char *job, const char *node_id, int64_t *ret_ms)
{
	return db_query(db, on_left, ret_ms, "select coalesce(max(at_ms),0) from jobs_move where job=? and node_from=?",
			"ss", job, node_id);
}

struct error *move_rows_drop(struct db *db, const char *job)
{
	return db_exec(db, "delete from jobs_telling where job=?", "s", job);
}

struct error *move_rows_why(struct db *db, const char *job, const char *why)
{
	return db_exec(db, "update jobs_order set why=? where job=? and state=?", "sss", why, job,
		       order_state_name(ORDER_RUNNING));
}

/* --- what was tried --- */

struct tried {
	const void *ctx;
	struct move_place *list;
	size_t count;
};

static struct error *on_move(const struct db_row *row, void *arg)
{
	struct tried *all = arg;

	all->list = mem_resize(all->ctx, all->list, struct move_place, all->count + 1);
	all->list[all->count++] = (struct move_place){
		.place = (size_t)db_int(row, 0),
		.role = mem_strdup(all->ctx, db_text(row, 1)),
		.from = mem_strdup(all->ctx, db_text(row, 2)),
		.to = mem_strdup(all->ctx, db_text(row, 3)),
		.cause = mem_strdup(all->ctx, db_text(row, 4)),
		.why = mem_strdup(all->ctx, db_text(row, 5)),
	};
	return NULL;
}

struct error *move_rows_tried(const void *ctx, struct db *db, const char *job, size_t place, int64_t since_ms,
			      struct move_place **ret_moves, size_t *ret_count)
{
	struct tried all = {.ctx = ctx};

	TRY(db_query(
		db, on_move, &all,
		"select place,role,node_from,node_to,cause,why from jobs_move where job=? and place=? and at_ms>=? "
		"and cause<>? order by at_ms desc limit ?",
		"siisi", job, (int64_t)place, since_ms, MOVE_ROWS_DRAINED, (int64_t)MOVE_ROWS_TRIED));
	*ret_moves = all.list;
	*ret_count = all.count;
	return NULL;
}

struct error *move_rows_drained(struct db *db, const char *job, size_t place, bool *ret_served)
{
	int64_t count = 0;

	TRY(db_query(
		db, on_left, &count,
		"select count(*) from jobs_move where job=? and place=? and cause=? and node_from in (select node_id "
		"from jobs_telling where job=? and step=?)",
		"sissi", job, (int64_t)place, MOVE_ROWS_DRAINED, job, (int64_t)MOVE_OUT));
	*ret_served = count > 0;
	return NULL;
}
