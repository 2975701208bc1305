/* What becomes of an order whose nodes change while it runs, on disk: the moves of its places from one node to another,
 * and whom its nodes' changes are still to be told. A replacement is one transaction, with its event; who was told is
 * struck off, so another dsnd goes on where one has ended.
 *
 * Threads: as the database.
 */
#ifndef DSN_MANAGER_JOBS_MOVE_ROWS_H
#define DSN_MANAGER_JOBS_MOVE_ROWS_H

#include "manager/jobs/order_rows.h"

extern const char *const move_rows_tables[]; /* a migration of the jobs' tables */

/* Make before break: the first step's nodes serve before the second's are told. */
enum move_step {
	MOVE_NEW = 1,   /* a node that is new in the job gets its task */
	MOVE_NEIGHBOUR, /* one that stays has another task now */
	MOVE_OUT,       /* one that is out of the job ends it */
};

struct move_telling {
	char *node_id, *role;
	enum move_step step;
};

#define MOVE_ROWS_DRAINED "drained"

/* A place of the job (its index in the document's nodes) goes from one node to another. */
struct move_place {
	size_t place;
	char *role, *from, *to;
	char *cause; /* a word: "lost", "start", MOVE_ROWS_DRAINED */
	char *why;   /* for people, and the same text for the same fault, the id of `from` aside: it is counted by */
};

/* What changes at once; belongs to one ctx. */
struct move_set {
	struct move_place *moves;
	size_t count;
	struct move_telling *tellings;
	size_t telling_count;
};

/* Writes the order's document and tasks as `row` has them, the moves, whom to tell, and the event job.replaced of each
 * move. ERROR_REFUSED: the order is not running any more. */
struct error *move_rows_write(struct db *db, const struct order_row *row, const struct move_set *set) MUST_CHECK;
/* Who is still to be told, the lowest step first. Belongs to ctx. */
struct error *move_rows_tellings(const void *ctx, struct db *db, const char *job, struct move_telling **ret_list,
				 size_t *ret_count) MUST_CHECK;
/* These have been told; the row's ingest, watch and why are written with it. When nobody is left, the job's moves are
 * over: the event job.moved. */
struct error *move_rows_told(struct db *db, const struct order_row *row, const struct move_telling *told,
			     size_t count) MUST_CHECK;
/* When (wall clock) the node has left the job last; 0: never. */
struct error *move_rows_out(struct db *db, const char *job, const char *node_id, int64_t *ret_ms) MUST_CHECK;
/* The order ends: its nodes learn that, nothing else. */
struct error *move_rows_drop(struct db *db, const char *job) MUST_CHECK;
/* Why an order that runs is not as it should be; `why` NULL: it is. Writes no event. */
struct error *move_rows_why(struct db *db, const char *job, const char *why) MUST_CHECK;
/* Which nodes have failed in this place since `since_ms` (wall clock), the latest first, at most MOVE_ROWS_TRIED: those
 * that were drained have not. Belongs to ctx. */
#define MOVE_ROWS_TRIED 16
struct error *move_rows_tried(const void *ctx, struct db *db, const char *job, size_t place, int64_t since_ms,
			      struct move_place **ret_moves, size_t *ret_count) MUST_CHECK;

/* Is a drained node that had this place still to be told that it is out? It serves until then. */
struct error *move_rows_drained(struct db *db, const char *job, size_t place, bool *ret_served) MUST_CHECK;

#endif
