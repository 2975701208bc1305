#include "manager/payments/payment_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/events.h"

#define BODY_BYTES EVENTS_BODY_MAX

const char *const payment_tables[] = {
	"create table payments_order(job text primary key, owner text not null, state text not null, chain_job bigint "
	"unique, created_ms bigint not null, changed_ms bigint not null, works bigint not null)",
	"create index payments_order_owner on payments_order(owner, state)",
	"create index payments_order_state on payments_order(state, created_ms)",
	"create table payments_intent(what text primary key, state text not null, attempt bigint not null, term bigint not "
	"null, next_ms bigint not null, why text, changed_ms bigint not null)",
	NULL,
};

static const char *const payment_names[PAYMENT_STATES] = {
	[PAYMENT_OWED] = "owed",
	[PAYMENT_BOUND] = "bound",
	[PAYMENT_OVERDUE] = "overdue",
	[PAYMENT_OVER] = "over",
};
static const struct state_move payment_moves[] = {
	{PAYMENT_OWED, PAYMENT_BOUND, "its escrow is in the chain"},
	{PAYMENT_OWED, PAYMENT_OVERDUE, "none came in time: the order is stopped"},
	{PAYMENT_BOUND, PAYMENT_OVERDUE, "its job on the chain is over before the order: that is stopped"},
	{PAYMENT_OVERDUE, PAYMENT_BOUND, "its escrow is in the chain"},
	{PAYMENT_OWED, PAYMENT_OVER, "the order is cancelled"},
	{PAYMENT_OVERDUE, PAYMENT_OVER, "the order is cancelled"},
	{PAYMENT_BOUND, PAYMENT_OVER, "the order is cancelled, and its nodes are free"},
};
const struct state_machine payment_states = STATE_MACHINE("Payment of an order", payment);

const char *payment_state_name(enum payment_state state)
{
	return payment_names[state];
}

static struct error *read_state(const char *word, enum payment_state *ret_state)
{
	for (enum payment_state s = 0; s < PAYMENT_STATES; s++) {
		if (strcmp(payment_names[s], word) == 0) {
			*ret_state = s;
			return NULL;
		}
	}
	return error_new(ERROR_FAILED, "a payment in the database has the state \"%.20s\"", word);
}

/* --- from the event log --- */

/* Have they nodes at work? By the last word of their events; ENDED: for good; LATER: its time is to come. */
enum { WORKS_ENDED = -1, WORKS_NOT, WORKS, WORKS_LATER };
static const struct {
	const char *type;
	int64_t works;
} events[] = {
	{"order.starting", WORKS},       {"order.running", WORKS},         {"order.failing", WORKS_NOT},
	{"order.failed", WORKS_NOT},     {"order.stopping", WORKS_NOT},    {"order.stopped", WORKS_NOT},
	{"order.cancelling", WORKS_NOT}, {"order.cancelled", WORKS_ENDED},
};

static struct error *take_created(struct db *db, const struct event *event)
{
	json_t *body = NULL;
	const char *owner, *state;
	struct error *e = json_parse(event->body, strlen(event->body), BODY_BYTES, &body);

	owner = json_string_value(json_object_get(body, "owner"));
	state = json_string_value(json_object_get(body, "state"));
	if (!e && owner)
		e = db_exec(
			db,
			"insert into payments_order(job,owner,state,created_ms,changed_ms,works) values(?,?,?,?,?,?) on "
			"conflict do nothing",
			"sssiii", event->subject, owner, payment_names[PAYMENT_OWED], event->at_ms, event->at_ms,
			(int64_t)(state && strcmp(state, "scheduled") == 0 ? WORKS_LATER : WORKS));
	json_decref(body);
	return e;
}

struct error *payment_rows_take(struct db *db, const struct event *event)
{
	if (strcmp(event->type, "order.created") == 0)
		return take_created(db, event);
	if (strcmp(event->type, "order.cancelled") == 0)
		TRY(db_exec(
			db,
			"update payments_order set state=?, changed_ms=? where job=? and state in ('owed','overdue')",
			"sis", payment_names[PAYMENT_OVER], event->at_ms, event->subject));
	/* What begins later is owed from then on. */
	if (strcmp(event->type, "order.starting") == 0)
		TRY(db_exec(db, "update payments_order set created_ms=? where job=? and works=?", "isi", event->at_ms,
			    event->subject, (int64_t)WORKS_LATER));
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (strcmp(event->type, events[i].type) == 0)
			return db_exec(db, "update payments_order set works=? where job=?", "is", events[i].works,
				       event->subject);
	}
	return NULL;
}

/* --- reading --- */

struct rows {
	const void *ctx;
	struct payment_row *list;
	size_t count;
};

#define COLUMNS "job,owner,state,coalesce(chain_job,0),created_ms,works"

static struct error *on_row(const struct db_row *row, void *arg)
{
	struct rows *all = arg;
	struct payment_row *r;

	all->list = mem_resize(all->ctx, all->list, struct payment_row, all->count + 1);
	r = &all->list[all->count++];
	*r = (struct payment_row){.job = mem_strdup(all->ctx, db_text(row, 0)),
				  .owner = mem_strdup(all->ctx, db_text(row, 1)),
				  .chain_job = db_int(row, 3),
				  .created_ms = db_int(row, 4),
				  .works = db_int(row, 5) == WORKS,
				  .ended = db_int(row, 5) == WORKS_ENDED};
	return read_state(db_text(row, 2), &r->state);
}

struct error *payment_rows_find(const void *ctx, struct db *db, const char *job, const char *owner,
				struct payment_row **ret_row)
{
	struct rows all = {.ctx = ctx};

	TRY(db_query(db, on_row, &all, "select " COLUMNS " from payments_order where job=?", "s", job));
	if (!all.count || (owner && strcmp(all.list[0].owner, owner) != 0))
		return error_new(ERROR_NOT_FOUND, "params.job: nothing is known of a payment of job \"%s\" of yours",
				 job);
	*ret_row = all.list;
	return NULL;
}

struct error *payment_rows_open(const void *ctx, struct db *db, bool whole, struct payment_row **ret_rows,
				size_t *ret_count)
{
	struct rows all = {.ctx = ctx};

	if (whole)
		TRY(db_query(db, on_row, &all,
			     "select " COLUMNS
			     " from payments_order where state in ('owed','bound','overdue') order by "
			     "created_ms",
			     ""));
	else
		TRY(db_query(db, on_row, &all,
			     "select " COLUMNS " from payments_order where state='owed' order by created_ms", ""));
	*ret_rows = all.list;
	*ret_count = all.count;
	return NULL;
}

static struct error *on_number(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

struct error *payment_rows_owed(struct db *db, const char *owner, int64_t since_ms, int64_t *ret_count)
{
	return db_query(db, on_number, ret_count,
			"select count(*) from payments_order where owner=? and (state='owed' or (state='overdue' and "
			"changed_ms>=?))",
			"si", owner, since_ms);
}

static struct error *on_count(const struct db_row *row, void *arg)
{
	enum payment_state state;

	TRY(read_state(db_text(row, 0), &state));
	((int64_t *)arg)[state] = db_int(row, 1);
	return NULL;
}

struct error *payment_rows_count(struct db *db, int64_t ret_counts[PAYMENT_STATES])
{
	memset(ret_counts, 0, PAYMENT_STATES * sizeof(*ret_counts));
	return db_query(db, on_count, ret_counts, "select state,count(*) from payments_order group by state", "");
}

/* --- writing --- */

struct move {
	const struct payment_row *row;
	enum payment_state to;
	int64_t chain_job;
	const char *event; /* NULL: nothing is told */
};

static struct error *tell(struct db *db, const struct move *m)
{
	json_t *body = json_pack("{s:s,s:I}", "owner", m->row->owner, "chain_job", (json_int_t)m->chain_job);
	int64_t id = 0;
	struct error *e = events_append(db, m->event, m->row->job, body, 0, &id);

	json_decref(body);
	return e;
}

static struct error *move(struct db *db, const void *arg)
{
	const struct move *m = arg;

	TRY(db_exec(db,
		    "update payments_order set state=?, chain_job=nullif(?,0), changed_ms=? where job=? and state=?",
		    "siiss", payment_names[m->to], m->chain_job, clock_wall_ms(), m->row->job,
		    payment_names[m->row->state]));
	if (db_changes(db) != 1)
		return error_new(ERROR_REFUSED, "the payment of job %s is not %s any more", m->row->job,
				 payment_names[m->row->state]);
	return m->event ? tell(db, m) : NULL;
}

struct error *payment_rows_bind(struct db *db, const struct payment_row *row, int64_t chain_job)
{
	return db_together(db, move, &(struct move){row, PAYMENT_BOUND, chain_job, "order.paid"});
}

struct error *payment_rows_overdue(struct db *db, const struct payment_row *row)
{
	return db_together(db, move, &(struct move){row, PAYMENT_OVERDUE, 0, "order.unpaid"});
}

struct error *payment_rows_end(struct db *db, const struct payment_row *row)
{
	return db_together(db, move, &(struct move){row, PAYMENT_OVER, row->chain_job, NULL});
}

/* --- intentions --- */

static const char *const intent_names[] = {
	[PAYMENT_INTENT_NONE] = "none",
	[PAYMENT_INTENT_OPEN] = "open",
	[PAYMENT_INTENT_DONE] = "done",
	[PAYMENT_INTENT_FAILED] = "failed",
};

struct finding {
	const void *ctx;
	struct payment_intent *intent;
};

static struct error *on_intent(const struct db_row *row, void *arg)
{
	const struct finding *f = arg;
	const char *why = db_text(row, 3);

	for (size_t i = 0; i < sizeof(intent_names) / sizeof(intent_names[0]); i++) {
		if (strcmp(intent_names[i], db_text(row, 0)) == 0)
			f->intent->state = (enum payment_intent_state)i;
	}
	f->intent->attempt = db_int(row, 1);
	f->intent->next_ms = db_int(row, 2);
	f->intent->why = why ? mem_strdup(f->ctx, why) : NULL;
	return NULL;
}

struct error *payment_intent_find(const void *ctx, struct db *db, const char *what, struct payment_intent *ret_intent)
{
	struct finding f = {ctx, ret_intent};

	*ret_intent = (struct payment_intent){.state = PAYMENT_INTENT_NONE};
	snprintf(ret_intent->what, sizeof(ret_intent->what), "%s", what);
	return db_query(db, on_intent, &f, "select state,attempt,next_ms,why from payments_intent where what=?", "s",
			what);
}

struct error *payment_intent_begin(struct db *db, struct payment_intent *intent, int64_t term)
{
	TRY(db_exec(db,
		    "insert into payments_intent(what,state,attempt,term,next_ms,changed_ms) values(?,?,?,?,0,?) on "
		    "conflict(what) do update set state=excluded.state, attempt=excluded.attempt, term=excluded.term, "
		    "next_ms=0, why=null, changed_ms=excluded.changed_ms",
		    "ssiii", intent->what, intent_names[PAYMENT_INTENT_OPEN], intent->attempt + 1, term,
		    clock_wall_ms()));
	intent->attempt++;
	intent->state = PAYMENT_INTENT_OPEN;
	return NULL;
}

struct error *payment_intent_settle(struct db *db, struct payment_intent *intent, enum payment_intent_state state)
{
	intent->state = state;
	return db_exec(
		db,
		"insert into payments_intent(what,state,attempt,term,next_ms,why,changed_ms) values(?,?,?,0,?,?,?) on "
		"conflict(what) do update set state=excluded.state, next_ms=excluded.next_ms, why=excluded.why, "
		"changed_ms=excluded.changed_ms",
		"ssiisi", intent->what, intent_names[state], intent->attempt, intent->next_ms, intent->why,
		clock_wall_ms());
}

char *payment_intent_id(const void *ctx, const struct payment_intent *intent)
{
	return mem_printf(ctx, "dsnd %s #%" PRId64, intent->what, intent->attempt);
}
