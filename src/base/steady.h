/* Notices that the wall clock was set: it is held against the monotonic one, which nobody sets.
 *
 * Threads: any, one at a time. */
#ifndef DSN_BASE_STEADY_H
#define DSN_BASE_STEADY_H

#include <stdint.h>

/* Less than this is a clock being corrected as it runs. */
#define STEADY_JUMP_MS 60000

struct steady {
	int64_t apart_ms; /* the wall clock is ahead of the monotonic one */
	int64_t since_ms; /* monotonic: of the last jump, or of the first look; 0: not looked yet */
};

/* How far the wall clock has jumped since the last look: 0 when it has not. */
int64_t steady_look(struct steady *s, int64_t wall_ms, int64_t mono_ms);

#endif
