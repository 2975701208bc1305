/* When a job's nodes are told again what was not taken the last time, while the bus is well: after longer and longer
 * pauses, RUN_RETRY_MS to RUN_RETRY_MOST_MS, and at once when one of those who did not take it is heard. In memory:
 * another dsnd begins with the shortest.
 *
 * Bounds: an entry for each order that is unfinished. Threads: loop thread.
 */
#ifndef DSN_MANAGER_JOBS_RUN_RETRY_H
#define DSN_MANAGER_JOBS_RUN_RETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUN_RETRY_MS 5000
#define RUN_RETRY_MOST_MS 300000

struct run_retries;
struct run_retries *run_retries_new(const void *ctx);
/* One more try for the job has ended so. `nodes`: who did not take it (copied). */
void run_retries_put_off(struct run_retries *all, const char *job, const char *const *nodes, size_t count,
			 int64_t now_ms);
/* Is it time? Also of a job that nothing was put off for. */
bool run_retries_may(const struct run_retries *all, const char *job, int64_t now_ms);
/* A node has given a sign of life. */
void run_retries_heard(struct run_retries *all, const char *node_id);
/* Something else is wanted of the job, or nothing more. NULL: of all jobs. */
void run_retries_forget(struct run_retries *all, const char *job);

#endif
