/* Watching the jobs that run, and giving another node the place of one that is gone.
 *
 * What makes a node suspect: a neighbour's status says that its output to it fails, or that its stream has left; or it
 * is silent for WATCH_SILENT_MS. It is asked then, and the bus is asked whether it is there, where the bus can tell
 * (bus_probe()). It is lost when it has not been there for WATCH_GONE_MS, or does not answer within WATCH_ASK_MS, and a
 * neighbour complains, or when it is silent for WATCH_OFFLINE_MS; a complaint alone moves nothing, since who is heard
 * serves. After a reconnection the bus is not believed for WATCH_SILENT_MS: all come back then, one after the other.
 * Nobody is lost before the watch has lasted for WATCH_SILENT_MS: who has just come knows nothing; nor does a watch
 * that did not run for WATCH_PAUSE_MS, or that has heard nobody at all for WATCH_SILENT_MS, so it begins anew.
 *
 * Of a lost node the place goes to another one (replace.h), in one transaction with whom to tell (move_rows.h); a run
 * tells them. Where none would do, the order says so (`why`) and it is tried again after WATCH_TRY_LEAST_MS, then twice
 * as long each time up to WATCH_TRY_MOST_MS. A place that has failed with one error on WATCH_TRIES nodes within
 * WATCH_POISON_MS ends the order: it would fail on the next one too.
 *
 * A node whose owner has set it to maintenance is draining: it serves on, and its places go to other nodes in the same
 * way. It is told last that it is out, when the new one serves and its neighbours know him; until then it delivers, so
 * an order does not end for nodes that fail in its place.
 *
 * Threads: loop thread.
 */
#ifndef DSN_MANAGER_JOBS_WATCH_H
#define DSN_MANAGER_JOBS_WATCH_H

#include "bus/message.h"
#include "manager/jobs/placing.h"
#include "manager/jobs/run.h"
#include "manager/service.h"

#define WATCH_SILENT_MS 15000
#define WATCH_OFFLINE_MS 60000
#define WATCH_ASK_MS 1000
#define WATCH_GONE_MS 300
#define WATCH_PROBE_MS 100
#define WATCH_TICK_MS 250
#define WATCH_PAUSE_MS 5000
#define WATCH_TRY_LEAST_MS 1000
#define WATCH_TRY_MOST_MS 60000
#define WATCH_TRIES 3
#define WATCH_POISON_MS (INT64_C(3600) * 1000)

struct watch_jobs;
/* Listens to the runs from now on. All borrowed, and outlive it. */
struct watch_jobs *watch_new(const void *ctx, const struct service_host *host, struct runs *runs);
/* It also hears what the bus of its host's link knows of who is there, from now on. */
void watch_listen(struct watch_jobs *w);
/* All orders that run are watched from now on; `placing` finds other nodes for them. */
struct error *watch_start(struct watch_jobs *w, struct placing *placing) MUST_CHECK;
/* Another process leads now: nothing is watched any more. */
void watch_stop(struct watch_jobs *w);
/* The order as it is now: watched while it runs, else not any more. */
void watch_order(struct watch_jobs *w, const struct order_row *row);
void watch_heard(struct watch_jobs *w, const struct message *m);
/* Looks which nodes are to be emptied, or no more; to be called when the fleet may have changed. */
void watch_drain(struct watch_jobs *w);
/* To be called every WATCH_TICK_MS. */
void watch_tick(struct watch_jobs *w);
/* How a node's part of a job stands; PART_SERVING for what is not watched. */
enum part_state watch_state(const struct watch_jobs *w, const char *job, const char *node_id);
/* How many parts are in each state. */
void watch_count(const struct watch_jobs *w, size_t ret_counts[PART_STATES]);

#endif
