/* The event log: what happened, in an order that all agree on, for whoever reacts to it.
 *
 * An event is written in the transaction that changes what it tells of, so there is never one without the other. Ids
 * rise in the order in which transactions are committed: who has read up to an id has missed none below it, now or
 * later (events.c says how). They may leave numbers out.
 *
 * A reader has a cursor, by a name of its own, that is kept in the database: the id up to which it has done its work.
 * events_take() does that work and moves the cursor in one transaction, so that each event is worked on once whatever
 * ends in the middle; who cannot undo what it does (a mail) reads, acts, then moves its cursor, and may act twice.
 *
 * Old events are removed by age, but none that a cursor is still to see, unless nobody has used that cursor for long.
 *
 * Tables: events_tables is a migration of the database's schema (store/schema.h).
 * Errors: those of store/db.h, and what is said at each function. Threads: one thread per struct db.
 */
#ifndef DSN_STORE_EVENTS_H
#define DSN_STORE_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/db.h"

#define EVENTS_TYPE_MAX 64
#define EVENTS_SUBJECT_MAX 128
#define EVENTS_NAME_MAX 64
#define EVENTS_BODY_MAX 65536 /* bytes of JSON */
#define EVENTS_BATCH_MAX 1000 /* of a reading, and of a removal */

extern const char *const events_tables[];

struct event {
	int64_t id;
	int64_t at_ms;       /* the writer's wall clock, for people */
	const char *type;    /* "job.placed": lower-case words of a-z, 0-9 and _, joined by dots, at least two */
	const char *subject; /* what it is about, an id for instance: printable ASCII without blanks */
	const char *body;    /* a JSON object */
	int64_t cause;       /* the event that led to this one; 0: none did */
};

/* Writes one, within the caller's transaction or as its own. ERROR_INVALID: a type, subject, body or cause that is
 * none; ERROR_LIMIT: a body longer than EVENTS_BODY_MAX. On PostgreSQL others that append wait until the transaction
 * ends: it is the last thing that a transaction does, and nothing slow comes behind it. */
struct error *events_append(struct db *db, const char *type, const char *subject, const json_t *body, int64_t cause,
			    int64_t *ret_id) MUST_CHECK;

/* The event and its texts are gone when it returns. An error ends the reading. */
typedef struct error *events_fn(struct db *db, const struct event *event, void *arg);

/* Tells of up to `limit` events behind `after`, oldest first. ERROR_NOT_FOUND: some behind it have been removed by age,
 * or it is no id of this log; the message says from where on there are events. */
struct error *events_read(struct db *db, int64_t after, size_t limit, events_fn *fn, void *arg,
			  size_t *ret_count) MUST_CHECK;
/* The newest event's id; 0: there was none yet. */
struct error *events_last(struct db *db, int64_t *ret_id) MUST_CHECK;

/* Makes the cursor, behind the newest event (`from_now`) or before the oldest that is left; one that is there stays. */
struct error *events_cursor_make(struct db *db, const char *name, bool from_now) MUST_CHECK;
/* ERROR_NOT_FOUND: never made, or removed because nobody had used it for long. */
struct error *events_cursor_get(struct db *db, const char *name, int64_t *ret_id) MUST_CHECK;
/* All up to `id` is done; never moved back. */
struct error *events_cursor_move(struct db *db, const char *name, int64_t id) MUST_CHECK;
struct error *events_cursor_remove(struct db *db, const char *name) MUST_CHECK;
/* Up to `limit` events behind the cursor, and the cursor behind them, in one transaction; fn may be told of an event
 * again when it is done again (db_together()), so it changes nothing but the database. Two that take by one name do
 * so one after the other. */
struct error *events_take(struct db *db, const char *name, size_t limit, events_fn *fn, void *arg,
			  size_t *ret_count) MUST_CHECK;

/* Removes up to `limit` events that are older than `age_ms`, the oldest first, none behind a cursor, and never the
 * newest one; before that the cursors that nobody has used for `silent_ms`, at least EVENTS_SILENT_MIN_MS. `now_ms`:
 * wall clock. ERROR_INVALID: a shorter time. */
#define EVENTS_SILENT_MIN_MS (INT64_C(2) * 3600 * 1000)
struct events_bounds {
	int64_t now_ms, age_ms, silent_ms;
	size_t limit;
};
struct error *events_expire(struct db *db, const struct events_bounds *bounds, size_t *ret_removed) MUST_CHECK;

#endif
