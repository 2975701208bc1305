#include "random/tell.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define LINES 30
#define LINE_BYTES 200

static struct {
	uint64_t seed;
	size_t step, count;
	char lines[LINES][LINE_BYTES];
} told;

void tell_begin(uint64_t seed)
{
	told.seed = seed;
	told.step = told.count = 0;
}

void tell_step(size_t step)
{
	told.step = step;
}

void tell(const char *fmt, ...)
{
	char *line = told.lines[told.count++ % LINES];
	int n = snprintf(line, LINE_BYTES, "step %zu at %" PRId64 " ms: ", told.step, clock_mono_ms());
	va_list list;

	va_start(list, fmt);
	vsnprintf(line + n, LINE_BYTES - (size_t)n, fmt, list);
	va_end(list);
	if (getenv("DSN_RANDOM_TELL"))
		fprintf(stderr, "%s\n", line);
}

void tell_fail(const char *fmt, ...)
{
	va_list list;

	fprintf(stderr, "\nDSN_RANDOM_SEED=%" PRIu64 ", step %zu: ", told.seed, told.step);
	va_start(list, fmt);
	vfprintf(stderr, fmt, list);
	va_end(list);
	fprintf(stderr, "\nthe last of what was done:\n");
	for (size_t i = told.count > LINES ? told.count - LINES : 0; i < told.count; i++)
		fprintf(stderr, "  %s\n", told.lines[i % LINES]);
	abort();
}

void tell_must(struct error *e)
{
	if (e)
		tell_fail("%s", e->message);
}
