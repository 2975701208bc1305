/* Orders on disk, their states, and what happened to them: each change is one transaction with its event.
 *
 * What a state means, and every way from one to another: manager/jobs/states.h.
 * Threads: as the database.
 */
#ifndef DSN_MANAGER_JOBS_ORDER_ROWS_H
#define DSN_MANAGER_JOBS_ORDER_ROWS_H

#include <jansson.h>
#include <stdbool.h>

#include "manager/jobs/states.h"
#include "store/db.h"

#define ORDER_MIGRATIONS 6
extern const struct db_migration order_migrations[ORDER_MIGRATIONS];

struct order_row {
	int64_t number; /* of a new one; else 0 */
	char *job, *owner;
	enum order_state state;
	char *why;            /* it is not as it should be; NULL: nothing to say */
	json_t *document;     /* public, with its nodes; owned */
	json_t *tasks;        /* the private document, with keys; owned */
	char *key;            /* the publisher's, or NULL */
	char *ingest, *watch; /* NULL: not known yet */
	int64_t created_ms, changed_ms;
	int64_t start_at_ms, end_at_ms; /* wall clock; 0: at once, when it is ended */
	int64_t retain_days;            /* after its end what was stored stays so long; 0: until somebody removes it */
	int64_t delete_at_ms;           /* of one that is over; 0: nothing is to be deleted, or all is being deleted */
	/* Only of lists: what of the row cannot be read; its documents are not there then. NULL: all can. */
	char *unreadable;
};

/* Of tables that were just made: numbers begin at 1, or where the network is older than its tables, with the clock's
 * milliseconds, so that no number is given twice (fewer than a thousand orders come in a second). */
struct error *order_rows_made(struct db *db, bool continues) MUST_CHECK;
/* Gives a new row the next number, and the job's id made of it: in the form of jobs of the chain, "02" and 20 digits.
 * No two rows get the same, whoever else asks. */
struct error *order_rows_next(struct db *db, struct order_row *row) MUST_CHECK;
/* Writes a new order (STARTING or SCHEDULED; `once` may be NULL) and the event order.created. */
struct error *order_rows_create(struct db *db, const struct order_row *row, const char *once) MUST_CHECK;
/* Belongs to ctx. `owner` NULL: whoever's. ERROR_NOT_FOUND, the same for what is not there and what is another's. */
struct error *order_rows_find(const void *ctx, struct db *db, const char *job, const char *owner,
			      struct order_row **ret_row) MUST_CHECK;
/* The order that this owner gave with this word before; *ret_row NULL: none. */
struct error *order_rows_once(const void *ctx, struct db *db, const char *owner, const char *once,
			      struct order_row **ret_row) MUST_CHECK;
/* Those of `owner` (NULL: all), the newest first, at most `most`. The array belongs to ctx. */
struct error *order_rows_list(const void *ctx, struct db *db, const char *owner, int64_t most,
			      struct order_row ***ret_rows, size_t *ret_count) MUST_CHECK;
/* Those of `owner` (NULL: all) that are neither over nor scheduled, the newest first. */
struct error *order_rows_streams(const void *ctx, struct db *db, const char *owner, struct order_row ***ret_rows,
				 size_t *ret_count) MUST_CHECK;
/* Those that wait for nodes to be told something; of those that run, the ones with changes (move_rows.h). As in each
 * list, one that cannot be read does not hide the others: see `unreadable`. */
struct error *order_rows_unfinished(const void *ctx, struct db *db, struct order_row ***ret_rows,
				    size_t *ret_count) MUST_CHECK;
/* Those that are not over: neither failed nor stopped nor cancelled. */
struct error *order_rows_not_over(const void *ctx, struct db *db, struct order_row ***ret_rows,
				  size_t *ret_count) MUST_CHECK;
/* Those that are scheduled for now or earlier, and those that start or run and whose end has come. */
struct error *order_rows_to_begin(const void *ctx, struct db *db, int64_t now_ms, struct order_row ***ret_rows,
				  size_t *ret_count) MUST_CHECK;
struct error *order_rows_to_end(const void *ctx, struct db *db, int64_t now_ms, struct order_row ***ret_rows,
				size_t *ret_count) MUST_CHECK;
/* One that is scheduled has the nodes of row's document now, and comes to STARTING. */
struct error *order_rows_give_nodes(struct db *db, struct order_row *row) MUST_CHECK;
/* Why one that is scheduled has not begun yet. Writes no event. */
struct error *order_rows_wait(struct db *db, const struct order_row *row) MUST_CHECK;
/* `row` comes to `to` (with why, ingest and watch as it has them), and the event order.STATE is written. ERROR_REFUSED:
 * there is no way from its state to that one, or it is in another state by now; it is left as it is. With its end it
 * gets the time when what was stored is deleted (recording_rows.h), with a start it loses it. */
struct error *order_rows_move(struct db *db, struct order_row *row, enum order_state to) MUST_CHECK;
/* Its `why`, while it stays in its state; writes no event. */
struct error *order_rows_say(struct db *db, const struct order_row *row) MUST_CHECK;
/* How many of `owner` are not over: neither failed nor stopped nor cancelled. */
struct error *order_rows_open(struct db *db, const char *owner, int64_t *ret_count) MUST_CHECK;
/* How many are in each state. */
struct error *order_rows_count(struct db *db, int64_t ret_counts[ORDER_STATES]) MUST_CHECK;

/* `start_at`, `end_at` and `delete_at`, those that are not 0. */
void order_put_times(json_t *o, int64_t start_at_ms, int64_t end_at_ms, int64_t delete_at_ms);
/* What its owner is told. New reference. */
json_t *order_row_json(const struct order_row *row, bool with_key);

#endif
