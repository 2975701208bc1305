/* Cursors, and what may be removed because no cursor is still to see it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/events.h"
#include "store/events_impl.h"

/* That a cursor is in use is written this often, so that looking for events writes nothing. */
#define SEEN_EVERY_MS (EVENTS_SILENT_MIN_MS / 8)

static struct error *check_cursor(const char *name)
{
	return events_check_name("cursor", name, EVENTS_NAME_MAX);
}

/* --- one by one --- */

struct making {
	const char *name;
	bool from_now;
};

static struct error *make(struct db *db, const void *arg)
{
	const struct making *m = arg;
	struct db_time now;

	TRY(db_now(db, &now));
	return db_exec(db,
		       m->from_now
			       ? "insert into event_cursor select ?, coalesce(max(id), 0), ?, ? from event where true "
				 "on conflict do nothing"
			       : "insert into event_cursor select ?, id, ?, ? from event_removed where true "
				 "on conflict do nothing",
		       "sis", m->name, now.ms, now.clock);
}

struct error *events_cursor_make(struct db *db, const char *name, bool from_now)
{
	TRY(check_cursor(name));
	return db_together(db, make, &(struct making){name, from_now});
}

struct cursor {
	bool found;
	int64_t id, seen_ms, last;
	char clock[sizeof(((struct db_time *)0)->clock)];
};

static struct error *on_cursor(const struct db_row *row, void *arg)
{
	struct cursor *c = arg;

	c->found = true;
	c->id = db_int(row, 0);
	c->seen_ms = db_int(row, 1);
	snprintf(c->clock, sizeof(c->clock), "%s", db_text(row, 2));
	c->last = db_int(row, 3);
	return NULL;
}

static struct error *look(struct db *db, const char *name, struct cursor *ret)
{
	*ret = (struct cursor){0};
	TRY(db_query(
		db, on_cursor, ret,
		"select id, seen_ms, seen_clock, (select coalesce(max(id), 0) from event) from event_cursor where name = ?",
		"s", name));
	if (ret->found)
		return NULL;
	return error_new(ERROR_NOT_FOUND,
			 "%s: the event log has no cursor \"%s\": it was not made, or not used for so long that it was "
			 "removed; make it, and look at all that its reader keeps",
			 db_path(db), name);
}

struct error *events_cursor_get(struct db *db, const char *name, int64_t *ret_id)
{
	struct cursor c;

	TRY(check_cursor(name));
	TRY(look(db, name, &c));
	*ret_id = c.id;
	return NULL;
}

struct moving {
	const char *name;
	int64_t id;
};

static struct error *move(struct db *db, const void *arg)
{
	const struct moving *m = arg;
	struct cursor c;
	struct db_time now;

	TRY(look(db, m->name, &c));
	if (m->id > c.last)
		return error_new(ERROR_INVALID, "cursor \"%s\": %" PRId64 " is no event yet, the newest is %" PRId64,
				 m->name, m->id, c.last);
	TRY(db_now(db, &now));
	return db_exec(db, "update event_cursor set id = ?, seen_ms = ?, seen_clock = ? where name = ?", "iiss",
		       m->id > c.id ? m->id : c.id, now.ms, now.clock, m->name);
}

struct error *events_cursor_move(struct db *db, const char *name, int64_t id)
{
	TRY(check_cursor(name));
	return db_together(db, move, &(struct moving){name, id});
}

struct error *events_cursor_remove(struct db *db, const char *name)
{
	TRY(check_cursor(name));
	return db_exec(db, "delete from event_cursor where name = ?", "s", name);
}

/* --- taking --- */

struct taking {
	const char *name;
	size_t limit;
	events_fn *fn;
	void *arg;
	int64_t *last;
	size_t *count;
};

static struct error *on_taken(struct db *db, const struct event *event, void *arg)
{
	const struct taking *t = arg;

	*t->last = event->id;
	return t->fn(db, event, t->arg);
}

static struct error *take(struct db *db, const void *arg)
{
	struct taking t = *(const struct taking *)arg;
	struct cursor c;

	/* First of all, so that another one that takes by this name waits here. */
	TRY(db_exec(db, "update event_cursor set id = id where name = ?", "s", t.name));
	TRY(look(db, t.name, &c));
	*t.last = c.id;
	*t.count = 0;
	TRY(events_read(db, c.id, t.limit, on_taken, &t, t.count));
	return move(db, &(struct moving){t.name, *t.last});
}

static bool was_just_seen(const struct cursor *c, const struct db_time *now)
{
	return strcmp(c->clock, now->clock) == 0 && now->ms - c->seen_ms < SEEN_EVERY_MS;
}

struct error *events_take(struct db *db, const char *name, size_t limit, events_fn *fn, void *arg, size_t *ret_count)
{
	int64_t last = 0;
	size_t count = 0;
	struct cursor c;
	struct db_time now;

	TRY(check_cursor(name));
	TRY(events_check_limit(limit));
	TRY(look(db, name, &c));
	TRY(db_now(db, &now));
	if (c.id < c.last || !was_just_seen(&c, &now))
		TRY(db_together(db, take, &(struct taking){name, limit, fn, arg, &last, &count}));
	*ret_count = count;
	return NULL;
}

/* --- removing --- */

struct expiry {
	const struct events_bounds *bounds;
	size_t *count;
};

struct old {
	int64_t before_ms, last;
	bool ended;
};

/* The log has no hole: what is young keeps all that is behind it. */
static struct error *on_old(const struct db_row *row, void *arg)
{
	struct old *old = arg;

	if (db_int(row, 1) >= old->before_ms)
		old->ended = true;
	if (!old->ended)
		old->last = db_int(row, 0);
	return NULL;
}

/* A clock that begins anew (the machine's, when it starts) tells nothing of how long a cursor was silent. */
static struct error *drop_silent_cursors(struct db *db, int64_t silent_ms)
{
	struct db_time now;

	TRY(db_now(db, &now));
	TRY(db_exec(db, "update event_cursor set seen_ms = ?, seen_clock = ? where seen_clock <> ?", "iss", now.ms,
		    now.clock, now.clock));
	return db_exec(db, "delete from event_cursor where seen_ms < ?", "i", now.ms - silent_ms);
}

static struct error *expire(struct db *db, const void *arg)
{
	const struct expiry *x = arg;
	struct old old = {.before_ms = x->bounds->now_ms - x->bounds->age_ms};

	*x->count = 0;
	TRY(drop_silent_cursors(db, x->bounds->silent_ms));
	TRY(db_query(db, on_old, &old,
		     "select id, at_ms from event where id < (select max(id) from event) and id <= (select "
		     "coalesce(min(id), 9223372036854775807) from event_cursor) order by id limit ?",
		     "i", (int64_t)x->bounds->limit));
	if (old.last == 0)
		return NULL;
	TRY(db_exec(db, "update event_removed set id = ?", "i", old.last));
	TRY(db_exec(db, "delete from event where id <= ?", "i", old.last));
	*x->count = (size_t)db_changes(db);
	return NULL;
}

struct error *events_expire(struct db *db, const struct events_bounds *bounds, size_t *ret_removed)
{
	size_t count = 0;

	TRY(events_check_limit(bounds->limit));
	if (bounds->age_ms < 0 || bounds->silent_ms < EVENTS_SILENT_MIN_MS)
		return error_new(ERROR_INVALID,
				 "events older than %" PRId64 " ms, cursors silent for %" PRId64
				 " ms: not less than 0 and %" PRId64,
				 bounds->age_ms, bounds->silent_ms, EVENTS_SILENT_MIN_MS);
	TRY(db_together(db, expire, &(struct expiry){bounds, &count}));
	*ret_removed = count;
	return NULL;
}
