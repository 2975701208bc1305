/* A token bucket: how often something may happen in the long run, and how often in a row. Threads: any, one at a time.
 */
#ifndef DSN_BASE_BUCKET_H
#define DSN_BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
	unsigned per_s, burst;
	int64_t spent_ms; /* what was taken and has not come back, in milliseconds at per_s; 0 at first: it is full */
	int64_t at_ms;    /* of the last look */
};

/* Takes one at `now_ms` (monotonic). False: none is left, and nothing is taken. */
bool bucket_take(struct bucket *b, int64_t now_ms);

#endif
