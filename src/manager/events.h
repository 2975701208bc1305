/* The event log of dsnd: what happened, in order, written in the transaction that changed what it tells. Whoever reacts
 * reads behind a cursor of its own. Rows are never changed. Threads: as the database. */
#ifndef DSN_MANAGER_EVENTS_H
#define DSN_MANAGER_EVENTS_H

#include <jansson.h>
#include <stdint.h>

#include "store/db.h"

/* SQL of the table, for a first migration. */
extern const char events_schema[];

struct events_row {
	int64_t id; /* rising */
	int64_t time_ms;
	const char *type;    /* "order.created" */
	const char *subject; /* id of what it is about */
	json_t *body;        /* borrowed */
	int64_t cause;       /* id of the event that led to it; 0: none */
};

/* Appends within the caller's transaction (or as one of its own). `body` (borrowed) may be NULL: {}. `ret_id` may be
 * NULL. */
struct error *events_append(struct db *db, const char *type, const char *subject, const json_t *body, int64_t cause,
			    int64_t *ret_id) MUST_CHECK;
/* Calls `fn` for at most `most` events behind the id `after`, in order; its error ends the reading. */
typedef struct error *events_fn(const struct events_row *row, void *arg);
struct error *events_read(struct db *db, int64_t after, int64_t most, events_fn *fn, void *arg) MUST_CHECK;

#endif
