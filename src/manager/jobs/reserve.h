/* Reservations: capacity is promised once. What a plan has found is held for a while, then committed or given back.
 *
 * A reservation is what one job has on some nodes: all of it is held or nothing. Many plans may be made of the same
 * state; of two that come for the last room one gets it, and the other is told so and plans again.
 * Ownership: a book belongs to its ctx and promises in its fleet, which has to live as long. Freeing the book gives
 *   nothing back.
 * Units: as place_fleet.h. Cost: of the reservation's own nodes, and log n for what expires.
 * Threads: as the fleet.
 */
#ifndef DSN_MANAGER_JOBS_RESERVE_H
#define DSN_MANAGER_JOBS_RESERVE_H

#include "manager/jobs/place.h"

struct reserve_line {
	const char *node;
	struct place_amount amount; /* on its agent; and one job on the node */
};

#define RESERVE_NEVER INT64_MAX

struct reserve_book *reserve_book_new(const void *ctx, struct place_fleet *fleet);

/* Holds all lines until expires_ms, where reserve_expire() gives them back. ERROR_LIMIT: a node has no room any more;
 * ERROR_UNAVAILABLE: it is not online; ERROR_NOT_FOUND: there is no such node; ERROR_INVALID: an amount, or no line at
 * all. Nothing is held then. Ids are never given twice and never 0. */
struct error *reserve_hold(struct reserve_book *book, const char *job, const struct reserve_line *lines, size_t count,
			   int64_t expires_ms, uint64_t *ret_id) MUST_CHECK;
/* The same of all parts of a plan that was placed. */
struct error *reserve_hold_plan(struct reserve_book *book, const char *job, const struct place_plan *plan,
				int64_t expires_ms, uint64_t *ret_id) MUST_CHECK;
/* What runs already, after a start of the manager: committed at once, whatever room and state the nodes have.
 * ERROR_NOT_FOUND, ERROR_INVALID. */
struct error *reserve_adopt(struct reserve_book *book, const char *job, const struct reserve_line *lines, size_t count,
			    uint64_t *ret_id) MUST_CHECK;
/* One line more for a reservation that is there, whatever room and state its node has. ERROR_NOT_FOUND: the
 * reservation has ended, or there is no such node; ERROR_INVALID. */
struct error *reserve_add(struct reserve_book *book, uint64_t id, const struct reserve_line *line) MUST_CHECK;
/* The same of a job that is to start again, for good: `*id` 0 begins its reservation. ERROR_LIMIT: the node has no room
 * for it, whatever state it is in. */
struct error *reserve_add_again(struct reserve_book *book, const char *job, const struct reserve_line *line,
				uint64_t *id) MUST_CHECK;
/* It no longer expires. Once more is no error. ERROR_NOT_FOUND: it has expired, or was released. */
struct error *reserve_commit(struct reserve_book *book, uint64_t id) MUST_CHECK;
/* Gives all back. False: there is no such reservation (any more). */
bool reserve_release(struct reserve_book *book, uint64_t id);
/* Gives one node's line back, after a failover; with the last one the reservation ends. False: it has no such line. */
bool reserve_release_node(struct reserve_book *book, uint64_t id, const char *node);
/* Gives back what has expired at now_ms: how many reservations. */
size_t reserve_expire(struct reserve_book *book, int64_t now_ms);
/* When the next one expires; RESERVE_NEVER. */
int64_t reserve_next_expiry(const struct reserve_book *book);

size_t reserve_count(const struct reserve_book *book);
/* The job of a reservation; NULL: there is none. Lives as long as the reservation. */
const char *reserve_job(const struct reserve_book *book, uint64_t id);

#endif
