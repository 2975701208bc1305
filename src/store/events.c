/* Ids in the order of commits.
 *
 * A reader asks for what lies behind the last id it has seen. If a transaction that got id 7 were committed before the
 * one that got 6, a reader who came between them would see 7, remember it, and never see 6. In a file this cannot be:
 * who writes is alone. PostgreSQL's own ways of numbering (identity, sequences) give ids long before the commit, in any
 * order of commits. So there an advisory lock is taken before the id is, and goes with the transaction's end
 * (postgres/postgres_store.c); the id itself is a sequence's, as what follows a lock must not be read in a snapshot
 * that is older than the lock.
 *
 * Not chosen: a counter in a row (under SERIALIZABLE each two that append at once make one of them begin again);
 * readers that stop before the oldest transaction under way (pg_snapshot_xmin: one that is slow, or of another database
 * of the server, stops all readers); numbering events afterwards (one more process that must be alive). The price:
 * transactions that append are committed one after the other.
 */
#include "store/events.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/db_backend.h"
#include "store/events_impl.h"

const char *const events_tables[] = {
	"create table event(id bigint primary key, at_ms bigint not null, type text not null, subject text not null, "
	"body text not null, cause bigint not null)",
	"create table event_cursor(name text primary key, id bigint not null, seen_ms bigint not null, "
	"seen_clock text not null)",
	/* One row: up to where events were removed. */
	"create table event_removed(one bigint primary key, id bigint not null)",
	"insert into event_removed values(1, 0)",
	NULL,
};

/* --- what may be written --- */

static bool is_type(const char *text)
{
	size_t words = 1;
	bool begins = true;

	for (const char *c = text; *c; c++) {
		if (*c == '.') {
			if (begins)
				return false;
			words++;
			begins = true;
		} else if (begins ? *c < 'a' || *c > 'z'
				  : !(islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_')) {
			return false;
		} else {
			begins = false;
		}
	}
	return words > 1 && !begins;
}

static bool is_printable(const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c <= ' ' || *c > '~')
			return false;
	}
	return *text != '\0';
}

static struct error *check_type(const char *type)
{
	if (strlen(type) <= EVENTS_TYPE_MAX && is_type(type))
		return NULL;
	return error_new(
		ERROR_INVALID,
		"\"%.80s\" is no type of event: two or more words of a-z, 0-9 and _, joined by dots, %d characters "
		"at most",
		type, EVENTS_TYPE_MAX);
}

struct error *events_check_name(const char *what, const char *name, size_t max)
{
	if (strlen(name) <= max && is_printable(name))
		return NULL;
	return error_new(ERROR_INVALID, "\"%.80s\" is no %s: 1 to %zu printable characters without blanks", name, what,
			 max);
}

static struct error *check_body(const json_t *body, const char *text)
{
	if (!json_is_object(body))
		return error_new(ERROR_INVALID, "the body of an event is a JSON object");
	if (strlen(text) <= EVENTS_BODY_MAX)
		return NULL;
	return error_new(ERROR_LIMIT,
			 "the body of an event is %zu bytes long, %d at most: put an id into it and the rest "
			 "into a table",
			 strlen(text), EVENTS_BODY_MAX);
}

struct error *events_check_limit(size_t limit)
{
	if (limit >= 1 && limit <= EVENTS_BATCH_MAX)
		return NULL;
	return error_new(ERROR_INVALID, "%zu events at once: 1 to %d", limit, EVENTS_BATCH_MAX);
}

/* --- writing --- */

struct append {
	const char *type, *subject, *body;
	int64_t cause;
	int64_t *ret_id;
};

static struct error *append(struct db *db, const void *arg)
{
	const struct append *a = arg;
	int64_t id = 0;

	/* cppcheck-suppress returnDanglingLifetime ; an error holds a text, no pointer */
	TRY(db->backend->next_event(db, &id));
	if (a->cause < 0 || a->cause >= id)
		return error_new(ERROR_INVALID, "event %" PRId64 " cannot be the cause of event %" PRId64, a->cause,
				 id);
	TRY(db_exec(db, "insert into event(id, at_ms, type, subject, body, cause) values(?,?,?,?,?,?)", "iisssi", id,
		    clock_wall_ms(), a->type, a->subject, a->body, a->cause));
	*a->ret_id = id;
	return NULL;
}

struct error *events_append(struct db *db, const char *type, const char *subject, const json_t *body, int64_t cause,
			    int64_t *ret_id)
{
	int64_t id = 0;
	char *text = NULL;
	struct error *e = check_type(type);

	if (!e)
		e = events_check_name("subject of an event", subject, EVENTS_SUBJECT_MAX);
	if (!e) {
		text = json_text(NULL, body);
		e = check_body(body, text);
	}
	if (!e)
		e = db_together(db, append, &(struct append){type, subject, text, cause, &id});
	mem_free(text);
	if (!e)
		*ret_id = id;
	return e;
}

/* --- reading --- */

static struct error *on_number(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

struct error *events_last(struct db *db, int64_t *ret_id)
{
	return db_query(db, on_number, ret_id, "select coalesce(max(id), 0) from event", "");
}

struct reading {
	struct db *db;
	int64_t after;
	events_fn *fn;
	void *arg;
	size_t count;
};

static struct error *on_event(const struct db_row *row, void *arg)
{
	struct reading *r = arg;
	int64_t removed = db_int(row, 6);
	const struct event event = {
		.id = db_int(row, 0),
		.at_ms = db_int(row, 1),
		.type = db_text(row, 2),
		.subject = db_text(row, 3),
		.body = db_text(row, 4),
		.cause = db_int(row, 5),
	};

	if (r->after < removed)
		return error_new(ERROR_NOT_FOUND,
				 "events up to %" PRId64 " were removed by age, and what was read last is %" PRId64
				 ": begin behind %" PRId64,
				 removed, r->after, removed);
	/* cppcheck-suppress returnDanglingLifetime ; an error holds a text, no pointer */
	TRY(r->fn(r->db, &event, r->arg));
	r->count++;
	return NULL;
}

/* A place behind the newest event: of another database, or made up. */
static struct error *check_end(struct db *db, int64_t after)
{
	int64_t last = 0;

	TRY(events_last(db, &last));
	if (after <= last)
		return NULL;
	return error_new(ERROR_NOT_FOUND, "%" PRId64 " is no event of this log, whose newest is %" PRId64, after, last);
}

struct error *events_read(struct db *db, int64_t after, size_t limit, events_fn *fn, void *arg, size_t *ret_count)
{
	struct reading r = {.db = db, .after = after, .fn = fn, .arg = arg};

	TRY(events_check_limit(limit));
	if (after < 0)
		return error_new(ERROR_INVALID, "%" PRId64 " is no id of an event", after);
	/* One statement, so that nothing is removed between two looks. Where some were removed, there is one left. */
	TRY(db_query(
		db, on_event, &r,
		"select id, at_ms, type, subject, body, cause, (select id from event_removed) from event where id > ? "
		"order by event.id limit ?",
		"ii", after, (int64_t)limit));
	if (r.count == 0)
		TRY(check_end(db, after));
	*ret_count = r.count;
	return NULL;
}
