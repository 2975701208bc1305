#include "base/backoff.h"

#include <assert.h>
#include <sys/random.h>

/* 80..120: jitter keeps many children of one failed peer from coming back in step. */
static int64_t percent(void)
{
	uint32_t random = 0;
	if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
		return 100;
	return 80 + (int64_t)(random % 41);
}

int64_t backoff_next_ms(struct backoff *b, int64_t ran_ms)
{
	assert(b->first_ms > 0 && b->max_ms >= b->first_ms);
	if (b->steady_ms > 0 && ran_ms > b->steady_ms)
		b->failures = 0;
	int64_t delay = b->first_ms;
	for (unsigned i = 0; i < b->failures && delay < b->max_ms; i++)
		delay = delay > b->max_ms / 2 ? b->max_ms : delay * 2;
	b->failures++;
	/* Divided first: the product of a huge delay must not overflow. */
	return delay / 100 * percent() + delay % 100 * percent() / 100;
}

void backoff_reset(struct backoff *b)
{
	b->failures = 0;
}
