/* What an agent says of itself and its machine, every few seconds: enough to give its nodes work by, and no more.
 *
 * Units: work in macroblocks of 16x16 a second, as api/plan.h counts it; bit rates in bits a second; parts of a whole
 *   in thousandths (_pm); a price is of one second, in the smallest unit of whatever the network pays with.
 * Threads: any.
 */
#ifndef DSN_API_BEAT_H
#define DSN_API_BEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hex.h"

#define API_BEAT_UNKNOWN (-1)
#define API_BEAT_RUNGS                                                                                 \
	8 /* sizes that ratios are measured for: up to 240 lines, 360, 480, 576, 720, 1080, 1440, more \
	   */
#define API_BEAT_CEILING_PM 800 /* where encoders begin to miss real time */

/* What the owner takes. */
struct api_beat_policy {
	char **customers; /* addresses; nobody but these; count 0: everybody */
	size_t customer_count;
	int ceiling_pm; /* load of the machine that it may come to, 1..1000 */
	int most_jobs;  /* at once on a node; API_BEAT_UNKNOWN: any number */
	int64_t price;  /* that a node asks for; API_BEAT_UNKNOWN: nothing */
};

struct api_beat {
	char *owner, *version, *region; /* "": not said */
	char **labels;
	size_t label_count;
	bool gpu;
	int64_t blocks_per_s, bps;       /* of the idle machine; each may be API_BEAT_UNKNOWN */
	int load_pm;                     /* of the whole machine, 0..1000 */
	int jobs_load_pm;                /* the part of it that jobs make */
	int realtime_pm[API_BEAT_RUNGS]; /* 95th percentile of time to encode / time encoded; or API_BEAT_UNKNOWN */
	struct api_beat_policy policy;
};

/* Of an agent that says nothing: nothing is known and nothing is used. */
extern const struct api_beat api_beat_unknown;

#endif
