/* Round trips, gathered and told: milliseconds. Threads: any, each one at a time. */
#ifndef DSN_VCLI_WHISPER_WHISPER_STATS_H
#define DSN_VCLI_WHISPER_WHISPER_STATS_H

#include <jansson.h>
#include <stddef.h>

struct whisper_times {
	double *ms; /* in order of arrival until whisper_summary() sorts them */
	size_t count, room;
};
void whisper_times_add(const void *ctx, struct whisper_times *t, double ms);

struct whisper_summary {
	double min, median, p95, max; /* all 0 without times */
};
/* Sorts. The median of an even number is the mean of the two in the middle; 95 % of the times are p95 or less. */
struct whisper_summary whisper_summary(struct whisper_times *t);
/* {"min": "1.2", ...}; {} without times. */
json_t *whisper_summary_json(struct whisper_times *t);

#endif
