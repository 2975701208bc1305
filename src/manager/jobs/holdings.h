/* What each job has on which nodes: the reservations by their jobs. A job's lines on nodes that nobody has heard of
 * yet, or that have not said yet that they obey (after a start of the manager), wait, and are adopted when they have.
 * Threads: as the fleet. */
#ifndef DSN_MANAGER_JOBS_HOLDINGS_H
#define DSN_MANAGER_JOBS_HOLDINGS_H

#include "manager/jobs/reserve.h"

struct holdings;
struct holdings *holdings_new(const void *ctx, struct place_fleet *fleet);
/* All parts of a plan, until holdings_keep(), or until expires_ms. Errors: reserve_hold_plan(). A job that holds
 * something already holds this instead. */
struct error *holdings_plan(struct holdings *h, const char *job, const struct place_plan *plan,
			    int64_t expires_ms) MUST_CHECK;
/* It no longer expires. */
void holdings_keep(struct holdings *h, const char *job);
/* The lines of a job that is to start again, for good. ERROR_LIMIT: a node has no room for its line any more (that it
 * is away is no reason); ERROR_UNAVAILABLE: one is not known. A job that holds something is left as it is. */
struct error *holdings_again(struct holdings *h, const char *job, const struct reserve_line *lines,
			     size_t count) MUST_CHECK;
/* What a job has already, whatever room there is. A job that holds something is left as it is. */
void holdings_adopt(struct holdings *h, const char *job, const struct reserve_line *lines, size_t count);
bool holdings_has(const struct holdings *h, const char *job);
void holdings_release(struct holdings *h, const char *job);
/* The job's line on `lost` ends (if it has one), and this one begins. */
void holdings_move(struct holdings *h, const char *job, const char *lost, const struct reserve_line *line);
/* Nodes have been heard of: lines that wait for them. */
void holdings_heard(struct holdings *h);
void holdings_expire(struct holdings *h, int64_t now_ms);
/* Jobs that hold something. */
size_t holdings_count(const struct holdings *h);

#endif
