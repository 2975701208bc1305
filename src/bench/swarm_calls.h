/* Calls of dsnd's methods over HTTP, so many at once until enough are answered, from a thread and loop of their own:
 * what the caller's loop does meanwhile does not count as the server's time.
 */
#ifndef DSN_BENCH_SWARM_CALLS_H
#define DSN_BENCH_SWARM_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

struct swarm_calls_options {
	int port;
	const char *authorization, *body; /* of each call */
	size_t at_once;                   /* connections, each with one call under way */
	size_t count;                     /* of calls in all */
	int64_t most_ms;                  /* no call is begun later than this */
	int64_t answer_ms;                /* a call has to be answered in */
};

struct swarm_calls_result {
	size_t answered, failed;
	double took_s;
	double *ms; /* of those that were answered, ordered; the caller's ctx owns it */
	char *why;  /* of the first failure; NULL: there was none */
};

/* Runs `loop`, which is the caller's, until it is over. */
void swarm_calls_run(const void *ctx, uv_loop_t *loop, const struct swarm_calls_options *options,
		     struct swarm_calls_result *ret_result);
/* Of ordered values; 0 when there are none. */
double swarm_calls_percentile(const double *ordered, size_t count, double percent);

#endif
