#include "base/clock.h"

#include <time.h>

#include "base/mem.h"

static int64_t read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

char *clock_format(const void *ctx, int64_t wall_ms)
{
	int64_t ms = wall_ms % 1000;
	time_t seconds = wall_ms / 1000;
	struct tm tm = {0};
	char day[64];

	if (ms < 0) { /* before 1970: the fraction still counts forward */
		ms += 1000;
		seconds--;
	}
	gmtime_r(&seconds, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	return mem_printf(ctx, "%s.%03dZ", day, (int)ms);
}
