/* Exponential back-off with jitter: first_ms, then twice as long each time up to max_ms, +-20 %.
 * reset after `steady_ms` without failure (backoff_success tells when it ran). */
#ifndef DSN_BASE_BACKOFF_H
#define DSN_BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
	int64_t first_ms;
	int64_t max_ms;
	int64_t steady_ms; /* a run longer than this forgets earlier failures */
	unsigned failures; /* in a row */
};

/* Delay before the next try, after one more failure; `ran_ms` is how long the failed try lasted. */
int64_t backoff_next_ms(struct backoff *b, int64_t ran_ms);
void backoff_reset(struct backoff *b);

#endif
