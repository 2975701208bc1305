#include "bus/outbox.h"

#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"

/* Handed to the bus and not yet confirmed. */
#define WINDOW 64

const char outbox_schema[] =
	"create table if not exists outbox( seq integer primary key autoincrement, id text not null, message text not null);";

struct outbox {
	struct db *db;
	struct bus *bus;
	uv_loop_t *loop;
	outbox_outcome_fn *fn;
	void *arg;
	int64_t handed; /* highest seq given to the bus since the last failure */
	unsigned in_flight;
	unsigned round; /* answers of an earlier round do not count against this one's window */
	struct backoff backoff;
	struct timer *timer; /* armed while waiting to try again or to notice an expiry; else NULL */
	struct flight *flights;
};

/* What the bus will tell of: goes with the bus. */
struct flight {
	struct outbox *o; /* NULL: it has gone first */
	struct flight *next, **at;
	struct message *message;
	int64_t seq;
	unsigned round;
	char *id;
};

static void outbox_send(struct outbox *o);

static struct error *remove_row(struct outbox *o, int64_t seq)
{
	return db_exec(o->db, "delete from outbox where seq = ?", "i", seq);
}

static void notify(struct outbox *o, const char *id, const struct error *e)
{
	if (o->fn)
		o->fn(id, e, o->arg);
}

static void on_timer(void *arg)
{
	struct outbox *o = arg;

	mem_free(o->timer);
	o->timer = NULL;
	outbox_send(o);
}

/* Start again from the oldest unconfirmed message, so that order is kept. */
static void start_over(struct outbox *o)
{
	o->handed = 0;
	o->in_flight = 0;
	o->round++;
}

static void try_later(struct outbox *o)
{
	if (!o->timer)
		o->timer = timer_start(o, o->loop, backoff_next_ms(&o->backoff, 0), 0, on_timer, o);
}

/* Final: gone from the outbox before its outcome is told, so that an outcome told twice is the rarer kind of failure.
 */
static void finish(struct outbox *o, int64_t seq, const char *id, const struct error *outcome)
{
	struct error *e = remove_row(o, seq);

	if (e) {
		/* It will be sent once more; receivers know its id. */
		log_error("outbox.not-removed", "message=%s why=%s", id, log_q(e->message));
		error_free(e);
		return;
	}
	notify(o, id, outcome);
}

static void on_sent(const struct error *e, void *arg)
{
	struct flight *f = talloc_steal(NULL, (struct flight *)arg);
	struct outbox *o = f->o;
	bool current = o && f->round == o->round;

	if (!o) {
		mem_free(f);
		return;
	}
	if (current)
		o->in_flight--;
	if (!e || e->code == ERROR_NOT_FOUND || e->code == ERROR_TIMEOUT) {
		if (!e)
			backoff_reset(&o->backoff);
		finish(o, f->seq, f->id, e);
	} else if (current) {
		log_debug("outbox.again", "message=%s why=%s", f->id, log_q(e->message));
		start_over(o);
		/* Once for the many that fail together; a lost connection is waited for by outbox_kick() too. */
		try_later(o);
	}
	mem_free(f);
	if (!o->timer)
		outbox_send(o);
}

struct due {
	int64_t seq;
	char *id, *text;
};

struct batch {
	struct due due[WINDOW];
	size_t count;
};

static struct error *on_due(const struct db_row *row, void *arg)
{
	struct batch *b = arg;
	struct due *d = &b->due[b->count++];

	d->seq = db_int(row, 0);
	d->id = mem_strdup(b, db_text(row, 1));
	d->text = mem_strdup(b, db_text(row, 2));
	return NULL;
}

static int flight_destroy(struct flight *f)
{
	if (!f->o)
		return 0;
	*f->at = f->next;
	if (f->next)
		f->next->at = f->at;
	return 0;
}

static struct flight *flight_new(struct outbox *o, const struct due *d)
{
	struct flight *f = mem_new(o->bus, struct flight);

	*f = (struct flight){.o = o,
			     .next = o->flights,
			     .at = &o->flights,
			     .seq = d->seq,
			     .round = o->round,
			     .id = mem_strdup(f, d->id)};
	if (f->next)
		f->next->at = &f->next;
	o->flights = f;
	talloc_set_destructor(f, flight_destroy);
	return f;
}

static void send_one(struct outbox *o, const struct due *d)
{
	struct message *m;
	struct flight *f;
	struct error *e = message_decode(NULL, d->text, strlen(d->text), false, NULL, &m);

	o->handed = d->seq;
	if (!e && message_expired(m, clock_wall_ms())) {
		e = error_new(ERROR_TIMEOUT, "the message was void before it could be sent");
		mem_free(m);
	}
	if (e) {
		finish(o, d->seq, d->id, e);
		error_free(e);
		return;
	}
	f = flight_new(o, d);
	f->message = talloc_steal(f, m);
	o->in_flight++;
	bus_send(o->bus, m, on_sent, f);
}

/* While the bus is down it is tried now and then; what has expired meanwhile is told when the bus is up again. */
static void outbox_send(struct outbox *o)
{
	struct batch *b;
	struct error *e;

	if (o->in_flight >= WINDOW)
		return;
	if (!bus_is_up(o->bus)) {
		if (outbox_pending(o) > 0)
			try_later(o);
		return;
	}
	b = mem_new(o, struct batch);
	e = db_query(o->db, on_due, b, "select seq, id, message from outbox where seq > ? order by seq limit ?", "ii",
		     o->handed, (int64_t)(WINDOW - o->in_flight));
	if (e) {
		log_error("outbox.unreadable", "why=%s", log_q(e->message));
		error_free(e);
		try_later(o);
	}
	for (size_t i = 0; i < b->count; i++)
		send_one(o, &b->due[i]);
	mem_free(b);
}

static int outbox_destroy(struct outbox *o)
{
	struct flight *f = o->flights, *following;

	for (; f; f = following) {
		following = f->next;
		f->o = NULL;
		if (bus_forget(o->bus, f->message, f))
			mem_free(f);
	}
	return 0;
}

struct error *outbox_open(const void *ctx, struct db *db, struct bus *bus, uv_loop_t *loop, outbox_outcome_fn *fn,
			  void *arg, struct outbox **ret_outbox)
{
	struct outbox *o = mem_new(ctx, struct outbox);

	o->db = db;
	o->bus = bus;
	o->loop = loop;
	o->fn = fn;
	o->arg = arg;
	talloc_set_destructor(o, outbox_destroy);
	o->backoff = (struct backoff){.first_ms = 200, .max_ms = 10000, .steady_ms = 5000};
	o->timer = timer_start(o, loop, 0, 0, on_timer, o);
	*ret_outbox = o;
	return NULL;
}

struct error *outbox_store(struct db *db, const struct message *m)
{
	char *text = message_encode(NULL, m);
	struct error *e = NULL;

	if (strlen(text) > MESSAGE_LIMIT)
		e = error_new(ERROR_LIMIT, "the message has %zu bytes, at most %d are allowed", strlen(text),
			      MESSAGE_LIMIT);
	if (!e)
		e = db_exec(db, "insert into outbox(id, message) values(?, ?)", "ss", m->id, text);
	mem_free(text);
	return e;
}

struct error *outbox_put(struct outbox *o, const struct message *m)
{
	struct error *e = outbox_store(o->db, m);

	if (!e && !o->timer)
		o->timer = timer_start(o, o->loop, 0, 0, on_timer, o);
	return e;
}

static struct error *on_count(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

int64_t outbox_pending(struct outbox *o)
{
	int64_t n = 0;
	struct error *e = db_query(o->db, on_count, &n, "select count(*) from outbox", "");

	if (e) {
		log_error("outbox.unreadable", "why=%s", log_q(e->message));
		error_free(e);
	}
	return n;
}

void outbox_kick(struct outbox *o)
{
	mem_free(o->timer);
	o->timer = NULL;
	start_over(o);
	outbox_send(o);
}

void outbox_look(struct outbox *o)
{
	if (o->timer)
		return;
	if (!o->in_flight)
		start_over(o); /* also to what was sent but could not be taken out of the database */
	outbox_send(o);
}
