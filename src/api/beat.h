/* What an agent says of itself and its machine, every few seconds: enough to give its nodes work by, and no more.
 *
 * The bus carries it as a status whose sender is the agent: body {"beat":"1","agent_id":...}. Members that are not
 * known are left alone, so that a newer agent may say more. Units: work in macroblocks of 16x16 a second, as api/plan.h
 * counts it; bit rates in bits a second; parts of a whole in thousandths (_pm); a price is of one second, in the
 * smallest unit of whatever the network pays with. Threads: any.
 */
#ifndef DSN_API_BEAT_H
#define DSN_API_BEAT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/grammar.h"
#include "base/hex.h"

#define API_BEAT_UNKNOWN (-1)
#define API_BEAT_RUNGS 8        /* sizes that ratios are measured for */
#define API_BEAT_CEILING_PM 800 /* where encoders begin to miss real time */
#define API_BEAT_LABELS 16
#define API_BEAT_CUSTOMERS 64
#define API_BEAT_NODES 500                   /* of one beat; an agent that has more sends several */
#define API_BEAT_MOST INT64_C(1000000000000) /* of work, bit rate and price */
#define API_BEAT_MOST_JOBS 1000000
#define API_BEAT_RATIO_MOST 1000000 /* a thousand times too slow */

/* What the owner takes. */
struct api_beat_policy {
	char **customers; /* addresses; nobody but these; count 0: everybody */
	size_t customer_count;
	int ceiling_pm; /* load of the machine that it may come to, 1..1000 */
	int most_jobs;  /* at once on a node; API_BEAT_UNKNOWN: any number */
	int64_t price;  /* that a node asks for; API_BEAT_UNKNOWN: nothing */
};

struct api_beat_node {
	char id[ID_DIGITS + 1];
	bool serves, maintenance;
	int job_count;
};

struct api_beat {
	char agent_id[ID_DIGITS + 1];
	char *owner, *version, *region; /* "": not said */
	char **labels;
	size_t label_count;
	bool gpu;
	int64_t blocks_per_s, bps;       /* of the idle machine; each may be API_BEAT_UNKNOWN */
	int load_pm;                     /* of the whole machine, 0..1000 */
	int jobs_load_pm;                /* the part of it that jobs make */
	int realtime_pm[API_BEAT_RUNGS]; /* 95th percentile of time to encode / time encoded; or API_BEAT_UNKNOWN */
	struct api_beat_policy policy;
	struct api_beat_node *nodes;
	size_t node_count;
};

/* Of an agent that says nothing: nothing is known and nothing is used. */
extern const struct api_beat api_beat_unknown;

/* The lowest rung that has at least this height, or the highest: up to 240 lines, 360, 480, 540, 720, 1080, 1440, more.
 */
int api_beat_rung(int height);

/* Is this body meant as one? */
bool api_beat_is(const json_t *body);
/* Belongs to ctx. ERROR_INVALID names the place. */
struct error *api_beat_read(const void *ctx, const json_t *body, struct api_beat **ret_beat) MUST_CHECK;
/* New reference. */
json_t *api_beat_write(const struct api_beat *b);
/* Do they say the same, but for their nodes? */
bool api_beat_same(const struct api_beat *a, const struct api_beat *b);

#endif
