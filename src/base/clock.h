/* Time. All durations and instants are signed 64-bit milliseconds, named ..._ms. */
#ifndef DSN_BASE_CLOCK_H
#define DSN_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since 1970 (wall clock), for records and messages. */
int64_t clock_wall_ms(void);
/* Milliseconds of the monotonic clock, for deadlines and measuring. */
int64_t clock_mono_ms(void);
/* Microseconds of the monotonic clock, for benchmarks. */
int64_t clock_mono_us(void);
/* RFC 3339 in UTC with milliseconds, e.g. 2026-01-31T12:00:00.000Z */
char *clock_format(const void *ctx, int64_t wall_ms);

#endif
