/* Telling a job's nodes what its order's state asks for: their tasks, or that it ends; and, while it runs, what has
 * changed (move_rows.h), step by step, make before break. One run for each job at a time; it ends by moving the order
 * on. Threads: loop thread. */
#ifndef DSN_MANAGER_JOBS_RUN_H
#define DSN_MANAGER_JOBS_RUN_H

#include "manager/jobs/order_rows.h"
#include "manager/service.h"

struct runs;
struct runs *runs_new(const void *ctx, const struct service_host *host);
/* Is the job being told something? */
bool runs_has(const struct runs *all, const char *job);
size_t runs_count(const struct runs *all);

/* The run has ended: the order as it is now, and what became of each node (a new reference), or why not. All borrowed.
 */
typedef void run_ended_fn(const struct order_row *row, const json_t *nodes, const struct error *e, void *arg);
/* Gives up all that is under way, without a word to a node: who waits is told `why` (borrowed). */
void runs_abandon(struct runs *all, const struct error *why);
/* Tells the nodes of `row`, which is taken over, what its state asks for (order_rows_unfinished() has those that ask
 * for something). `fn` comes once (NULL: nobody waits), not when `runs` is freed before. */
void run_begin(struct runs *all, struct order_row *row, run_ended_fn *fn, void *arg);
/* Whether it is time to tell the job's nodes again; and a node has given a sign of life (manager/jobs/run_retry.h). */
bool runs_may(const struct runs *all, const char *job);
void runs_heard(struct runs *all, const char *node_id);
/* The order is over although not all its nodes are known to have been told: an operator's word. ERROR_REFUSED: nothing
 * is ending there. */
struct error *runs_give_up(struct runs *all, struct order_row *row) MUST_CHECK;
/* Something else is wanted of the job now: what its run has not sent stays unsent, and who waits for it is told so. */
void runs_drop(struct runs *all, const char *job, const char *why);
/* Called when the nodes of an order that starts have been told, with what became of each, as above. */
typedef void run_started_fn(const struct order_row *row, const json_t *nodes, void *arg);
void runs_judge(struct runs *all, run_started_fn *fn, void *arg);
/* Called for each run that ends by itself, before its own `fn`. */
void runs_listen(struct runs *all, run_ended_fn *fn, void *arg);

#endif
