/* What the files of the service share: nobody else includes it. */
#ifndef DSN_MANAGER_JOBS_JOBS_IMPL_H
#define DSN_MANAGER_JOBS_JOBS_IMPL_H

#include "manager/jobs/placing.h"
#include "manager/jobs/run.h"
#include "manager/jobs/watch.h"

#define JOBS_OPEN 1000 /* orders of one customer that are not over */

struct jobs_deletion;
struct jobs {
	const struct service_host *host;
	struct runs *runs;
	size_t unreadable; /* orders that nobody can be told of, at the last look */
	struct placing *placing;
	struct watch_jobs *watch;
	bool begun;         /* what the orders' rows say is known: what they hold, and what is to be watched */
	bool choosing;      /* nodes for those that are scheduled, once the fleet is up to date */
	int64_t waiting_ms; /* monotonic: when nodes are looked for again for those for which there were none */
	struct jobs_deletion *deletion;
};

/* Whose orders the caller of `c` sees: NULL: all. */
const char *jobs_owner(const struct method_call *c);
/* Begins a run for `row` (taken over), and answers `c` with the order when it has ended. */
void jobs_run(struct jobs *j, struct order_row *row, struct method_call *c);

/* ERROR_UNAVAILABLE until the orders are read. */
struct error *jobs_ready(const struct jobs *j) MUST_CHECK;

/* Calls `fn` once the fleet is up to date, or with the error (borrowed) that it is not. */
typedef void jobs_fresh_fn(struct jobs *j, struct method_call *c, const struct error *away);
void jobs_when_fresh(struct jobs *j, struct method_call *c, jobs_fresh_fn *fn);

/* status.c */
method_fn jobs_orders_status;

/* sources.c */
method_fn jobs_orders_sources;
/* parts.c */
method_fn jobs_orders_parts;
/* What the caller of an order is told: order_row_json(), and where it is watched. */
json_t *jobs_order_json(const struct jobs *j, const struct order_row *row, bool with_key);

/* jobs_create.c */
method_fn jobs_orders_plan, jobs_orders_create;
/* Chooses nodes for `order`, which becomes row's document, with tasks and the publisher's key; they are held until
 * placing_release() or placing_keep(). Errors: placing_order(), and that they cannot carry it. */
struct error *jobs_choose(struct jobs *j, struct order_row *row, const json_t *order, json_t **ret_record) MUST_CHECK;
/* schedule.c: what begins and ends by itself; to be called every second. */
void jobs_schedule(struct jobs *j);
/* recordings.c: what is to be deleted; to be called now and then. */
void jobs_delete_recordings(struct jobs *j);
/* jobs_change.c */
method_fn jobs_orders_cancel, jobs_pipelines_start, jobs_pipelines_stop, jobs_pipelines_close;
/* pipelines.c */
method_fn jobs_pipelines_list, jobs_pipelines_status;
/* explain.c */
method_fn jobs_orders_explain, jobs_nodes_explain;

#endif
