#include "node/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bus/dedupe.h"
#include "bus/keyring.h"
#include "bus/outbox.h"

/* Released: they stay as they are (store/schema.h). */
static const char first_sql[] =
	"create table if not exists node(id text primary key, role integer not null, runtime text not null, mode text not null, image text not null, mounts text not null, memory_bytes integer not null, millicpus integer not null, rtmp integer not null, rtmp_host integer not null, http integer not null, http_host integer not null, control integer not null, maintenance integer not null) without rowid;"
	"create table if not exists node_name(node text primary key, name text not null) without rowid;create table if not exists job(node text not null, job text not null, task text not null, running integer not null, epoch_ms integer not null, offset_ms integer not null, normalise integer not null, primary key(node, job)) without rowid;"
	/* Of a job with normalise; earlier versions stored none. */
	"create table if not exists job_mending(node text not null, job text not null, fps integer not null, copy_video integer not null, primary key(node, job)) without rowid;"
	/* Of a job whose relay has published; earlier versions stored none. */
	"create table if not exists job_carried(node text not null, job text not null, carried text not null, primary key(node, job)) without rowid;create table if not exists node_user(node text primary key, uid integer not null unique) without rowid;create table if not exists failover(node text not null, unit text not null, primary key(node, unit)) without rowid;"
	"create table if not exists command(id text primary key, message text not null, time_ms integer not null) without rowid;create table if not exists decision(number integer primary key, node text not null, time_ms integer not null, what text not null, why text not null);create index if not exists decision_node on decision(node, number);"
	/* With the insert, not after it: one wait for the disk, not two. */
	"create trigger if not exists decision_bound after insert on decision begin delete from decision where node=new.node and number<=(select number from decision where node=new.node order by number desc limit 1 offset " DECISIONS_KEPT
	"); end;";

static const char *const first[] = {first_sql, outbox_schema, dedupe_schema, keyring_schema, NULL};
static const char *const manager_terms[] = {
	"create table manager_term(manager text not null, recipient text not null, term integer not null, "
	"primary key(manager, recipient)) without rowid",
	NULL,
};
static const struct db_migration migrations[] = {{first}, {manager_terms}};
static const char *const first_tables[] = {"node",      "node_name", "job",     "job_mending", "job_carried",
					   "node_user", "failover",  "command", "decision",    "outbox",
					   "seen",      "known_key", NULL};
static const struct db_schema schema = {
	.application_id = DB_APPLICATION_ID('A'),
	.name = "an agent's database",
	.first_tables = first_tables,
	.migrations = migrations,
	.count = sizeof(migrations) / sizeof(migrations[0]),
};

struct error *store_open(const void *ctx, const char *path, struct db **ret_db)
{
	int fd;

	/* Tasks hold publishers' keys: SQLite gives its side files the mode of this one. */
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_sys(errno, "open %s", path);
	close(fd);
	return db_open(ctx, path, &schema, ret_db);
}

/* --- nodes --- */

/* "a:b\nc:d": neither half holds a line feed, api/ has seen to that. */
static char *join_mounts(const void *ctx, const struct node_row *row)
{
	char *text = mem_strdup(ctx, "");

	for (size_t i = 0; i < row->mount_count; i++)
		text = mem_printf(ctx, "%s%s\n", text, row->mounts[i]);
	return text;
}

static void split_mounts(struct node_row *row, const char *text)
{
	const char *end;

	row->mounts = mem_array(row, char *, 1);
	for (; (end = strchr(text, '\n')); text = end + 1) {
		row->mounts = mem_resize(row, row->mounts, char *, row->mount_count + 2);
		row->mounts[row->mount_count++] = mem_strndup(row, text, (size_t)(end - text));
		row->mounts[row->mount_count] = NULL;
	}
}

static struct error *put_node(struct db *db, const void *arg)
{
	const struct node_row *row = arg;
	void *tmp = mem_strdup(NULL, "");
	struct error *e =
		db_exec(db, "insert or replace into node values(?,?,?,?,?,?,?,?,?,?,?,?,?,?)", "sissssiiiiiiii",
			row->id, (int64_t)row->role, row->runtime, row->mode, row->image, join_mounts(tmp, row),
			row->memory_bytes, (int64_t)(row->cpus * 1000 + 0.5), (int64_t)row->rtmp.container_port,
			(int64_t)row->rtmp.host_port, (int64_t)row->http.container_port, (int64_t)row->http.host_port,
			(int64_t)row->control_port, (int64_t)row->maintenance);

	mem_free(tmp);
	if (!e && row->name)
		e = db_exec(db, "insert or replace into node_name values(?,?)", "ss", row->id, row->name);
	return e;
}

struct error *store_put_node(struct db *db, const struct node_row *row)
{
	return db_together(db, put_node, row);
}

static struct error *remove_node(struct db *db, const void *id)
{
	TRY(db_exec(db, "delete from node where id=?", "s", id));
	TRY(db_exec(db, "delete from node_name where node=?", "s", id));
	TRY(db_exec(db, "delete from failover where node=?", "s", id));
	TRY(db_exec(db, "delete from manager_term where recipient=?", "s", id));
	TRY(db_exec(db, "delete from job_mending where node=?", "s", id));
	TRY(db_exec(db, "delete from job_carried where node=?", "s", id));
	return db_exec(db, "delete from job where node=?", "s", id);
}

struct error *store_remove_node(struct db *db, const char *id)
{
	return db_together(db, remove_node, id);
}

/* A list that grows by one and ends with NULL. */
struct list {
	const void *ctx;
	void **items;
	size_t count;
};

static void list_begin(struct list *l, const void *ctx)
{
	*l = (struct list){.ctx = ctx, .items = mem_array(ctx, void *, 1)};
}

static void list_add(struct list *l, void *item)
{
	l->items = mem_resize(l->ctx, l->items, void *, l->count + 2);
	l->items[l->count++] = item;
	l->items[l->count] = NULL;
}

static struct error *read_node(const struct db_row *r, void *arg)
{
	struct list *list = arg;
	struct node_row *row = mem_new(list->ctx, struct node_row);

	row->id = mem_strdup(row, db_text(r, 0));
	row->role = (enum api_role)db_int(r, 1);
	row->runtime = mem_strdup(row, db_text(r, 2));
	row->mode = mem_strdup(row, db_text(r, 3));
	row->image = mem_strdup(row, db_text(r, 4));
	split_mounts(row, db_text(r, 5));
	row->memory_bytes = db_int(r, 6);
	row->cpus = (double)db_int(r, 7) / 1000;
	row->rtmp = (struct runtime_port){(int)db_int(r, 8), (int)db_int(r, 9)};
	row->http = (struct runtime_port){(int)db_int(r, 10), (int)db_int(r, 11)};
	row->control_port = (int)db_int(r, 12);
	row->maintenance = db_int(r, 13) != 0;
	row->name = db_text(r, 14) ? mem_strdup(row, db_text(r, 14)) : NULL;
	list_add(list, row);
	return NULL;
}

struct error *store_nodes(const void *ctx, struct db *db, struct node_row ***ret_rows)
{
	struct list list;

	list_begin(&list, ctx);
	TRY(db_query(db, read_node, &list, "select node.*, name from node left join node_name on node=id order by id",
		     ""));
	*ret_rows = (struct node_row **)list.items;
	return NULL;
}

/* --- jobs --- */

static int job_row_destroy(struct job_row *row)
{
	json_decref(row->task);
	return 0;
}

struct job_row *job_row_new(const void *ctx, const char *node_id, const char *job, json_t *task)
{
	struct job_row *row = mem_new(ctx, struct job_row);

	row->node_id = mem_strdup(row, node_id);
	row->job = mem_strdup(row, job);
	row->task = json_incref(task);
	talloc_set_destructor(row, job_row_destroy);
	return row;
}

static struct error *put_mending(struct db *db, const char *node_id, const char *job, const struct job_mending *m)
{
	if (!m->fps && !m->copy_video)
		return db_exec(db, "delete from job_mending where node=? and job=?", "ss", node_id, job);
	return db_exec(db, "insert or replace into job_mending values(?,?,?,?)", "ssii", node_id, job, (int64_t)m->fps,
		       (int64_t)m->copy_video);
}

static struct error *put_carried(struct db *db, const char *node_id, const char *job, const char *carried)
{
	if (!*carried)
		return db_exec(db, "delete from job_carried where node=? and job=?", "ss", node_id, job);
	return db_exec(db, "insert or replace into job_carried values(?,?,?)", "sss", node_id, job, carried);
}

static struct error *put_job(struct db *db, const void *arg)
{
	const struct job_row *row = arg;
	char *task = json_text(NULL, row->task);
	struct error *e =
		db_exec(db, "insert or replace into job values(?,?,?,?,?,?,?)", "sssiiii", row->node_id, row->job, task,
			(int64_t)row->running, row->epoch_ms, row->offset_ms, row->mending.bps);

	mem_free(task);
	if (!e)
		e = put_carried(db, row->node_id, row->job, row->carried);
	return e ? e : put_mending(db, row->node_id, row->job, &row->mending);
}

struct error *store_put_job(struct db *db, const struct job_row *row)
{
	return db_together(db, put_job, row);
}

struct error *store_job_wanted(struct db *db, const char *node_id, const char *job, bool running)
{
	return db_exec(db, "update job set running=? where node=? and job=?", "iss", (int64_t)running, node_id, job);
}

struct job_source {
	const char *node_id, *job;
	int64_t epoch_ms, offset_ms;
	const char *carried;
	const struct job_mending *mending;
};

static struct error *put_source(struct db *db, const void *arg)
{
	const struct job_source *s = arg;

	TRY(db_exec(db, "update job set epoch_ms=?,offset_ms=?,normalise=? where node=? and job=?", "iiiss",
		    s->epoch_ms, s->offset_ms, s->mending->bps, s->node_id, s->job));
	TRY(put_carried(db, s->node_id, s->job, s->carried));
	return put_mending(db, s->node_id, s->job, s->mending);
}

struct error *store_job_source(struct db *db, const char *node_id, const char *job, int64_t epoch_ms, int64_t offset_ms,
			       const char *carried, const struct job_mending *mending)
{
	return db_together(db, put_source, &(struct job_source){node_id, job, epoch_ms, offset_ms, carried, mending});
}

struct job_name {
	const char *node_id, *job;
};

static struct error *remove_job(struct db *db, const void *arg)
{
	const struct job_name *n = arg;

	TRY(db_exec(db, "delete from job_mending where node=? and job=?", "ss", n->node_id, n->job));
	TRY(db_exec(db, "delete from job_carried where node=? and job=?", "ss", n->node_id, n->job));
	return db_exec(db, "delete from job where node=? and job=?", "ss", n->node_id, n->job);
}

struct error *store_remove_job(struct db *db, const char *node_id, const char *job)
{
	return db_together(db, remove_job, &(struct job_name){node_id, job});
}

static struct error *read_job(const struct db_row *r, void *arg)
{
	const char *text = db_text(r, 2);
	struct list *list = arg;
	struct job_row *row;
	json_t *task;

	TRY(json_parse(text, strlen(text), MESSAGE_LIMIT, &task));
	row = job_row_new(list->ctx, db_text(r, 0), db_text(r, 1), task);
	json_decref(task);
	row->running = db_int(r, 3) != 0;
	row->epoch_ms = db_int(r, 4);
	row->offset_ms = db_int(r, 5);
	row->mending = (struct job_mending){db_int(r, 6), (int)db_int(r, 7), db_int(r, 8) != 0};
	snprintf(row->carried, sizeof(row->carried), "%s", db_text(r, 9));
	list_add(list, row);
	return NULL;
}

struct error *store_jobs(const void *ctx, struct db *db, const char *node_id, struct job_row ***ret_rows)
{
	struct list list;

	list_begin(&list, ctx);
	TRY(db_query(
		db, read_job, &list,
		"select job.*,ifnull(fps,0),ifnull(copy_video,0),ifnull(carried,'') from job left join job_mending using(node,job) left join job_carried using(node,job) where node=? order by job",
		"s", node_id));
	*ret_rows = (struct job_row **)list.items;
	return NULL;
}

/* --- failover --- */

struct error *store_put_failover(struct db *db, const char *node_id, const char *unit, bool on)
{
	if (on)
		return db_exec(db, "insert or ignore into failover values(?,?)", "ss", node_id, unit);
	return db_exec(db, "delete from failover where node=? and unit=?", "ss", node_id, unit);
}

static struct error *found(const struct db_row *r, void *arg)
{
	(void)r;
	*(bool *)arg = true;
	return NULL;
}

bool store_failover(struct db *db, const char *node_id, const char *unit)
{
	bool on = false;
	struct error *e =
		db_query(db, found, &on, "select 1 from failover where node=? and unit=?", "ss", node_id, unit);

	/* Not knowing costs a restart of the unit at worst. */
	error_free(e);
	return on;
}

/* --- managers --- */

static struct error *on_term(const struct db_row *r, void *arg)
{
	*(int64_t *)arg = db_int(r, 0);
	return NULL;
}

struct seen_term {
	const char *manager, *to;
	int64_t term, *ret_highest;
};

static struct error *see_term(struct db *db, const void *arg)
{
	const struct seen_term *s = arg;

	TRY(db_exec(db,
		    "insert into manager_term values(?,?,?) on conflict(manager, recipient) do update set "
		    "term=excluded.term where excluded.term>term",
		    "ssi", s->manager, s->to, s->term));
	return db_query(db, on_term, s->ret_highest, "select term from manager_term where manager=? and recipient=?",
			"ss", s->manager, s->to);
}

struct error *store_manager_term(struct db *db, const char *manager, const char *to, int64_t term, int64_t *ret_highest)
{
	return db_together(db, see_term, &(struct seen_term){manager, to, term, ret_highest});
}

/* --- commands --- */

struct error *store_put_command(struct db *db, const struct message *m)
{
	char *text;
	struct error *e;
	json_t *o;

	/* A plain message has no envelope to find its id and recipient in again, and the signer is in none. */
	o = json_pack("{s:s,s:s,s:s,s:b,s:s*,s:O}", "id", m->id, "from", m->from, "to", m->to, "plain", m->plain,
		      "signer", m->signer, "body", m->body);
	text = json_text(NULL, o);
	json_decref(o);
	e = db_exec(db, "insert or replace into command values(?,?,?)", "ssi", m->id, text, clock_wall_ms());
	mem_free(text);
	return e;
}

struct error *store_remove_command(struct db *db, const char *id)
{
	return db_exec(db, "delete from command where id=?", "s", id);
}

static struct error *read_command(const struct db_row *r, void *arg)
{
	const char *text = db_text(r, 0), *id, *from, *to, *signer = NULL;
	struct list *list = arg;
	struct message *m;
	json_t *o, *body;
	int plain;

	TRY(json_parse(text, strlen(text), 2 * MESSAGE_LIMIT, &o));
	if (json_unpack(o, "{s:s,s:s,s:s,s:b,s?s,s:o}", "id", &id, "from", &from, "to", &to, "plain", &plain, "signer",
			&signer, "body", &body)) {
		json_decref(o);
		return error_new(ERROR_INVALID, "a stored command is malformed");
	}
	m = message_new(list->ctx, MESSAGE_COMMAND, from, to, 0, body);
	m->id = mem_strdup(m, id);
	m->plain = plain;
	m->signer = signer ? mem_strdup(m, signer) : NULL;
	json_decref(o);
	list_add(list, m);
	return NULL;
}

struct error *store_commands(const void *ctx, struct db *db, struct message ***ret_commands)
{
	struct list list;

	list_begin(&list, ctx);
	TRY(db_query(db, read_command, &list, "select message from command order by time_ms, id", ""));
	*ret_commands = (struct message **)list.items;
	return NULL;
}

/* --- decisions --- */

struct error *store_put_decision(struct db *db, const char *node_id, const char *what, const char *why)
{
	return db_exec(db, "insert into decision(node,time_ms,what,why) values(?,?,?,?)", "siss", node_id,
		       clock_wall_ms(), what, why);
}

static struct error *read_decision(const struct db_row *r, void *arg)
{
	char *time = clock_format(NULL, db_int(r, 0));
	json_t *row = json_object();

	json_put(row, "time", time);
	json_put(row, "what", db_text(r, 1));
	json_put(row, "why", db_text(r, 2));
	json_array_append_new(arg, row);
	mem_free(time);
	return NULL;
}

json_t *store_decisions_json(struct db *db, const char *node_id)
{
	json_t *list = json_array();
	struct error *e = db_query(db, read_decision, list,
				   "select time_ms,what,why from decision where node=? order by number", "s", node_id);

	error_free(e);
	return list;
}
