/* How fast the machine is and how busy, measured from what runs on it, again and again.
 *
 * The ratio of a unit that encodes is the processor time that it took for a second of video, against the processor time
 * that was there for it: what it used, and what nobody did. Progress against the clock would not do: a live source is
 * never encoded faster than it comes, so that ratio is 1 whether half of the machine is idle or nothing is left; and a
 * source that stutters would look like an encoder that is too slow. This one is 0.1 where nine tenths are to spare,
 * comes to 1 as the machine fills up, and where it is full, it is the time on the clock for a second of video.
 * What a program cannot use because it has too few threads is not seen here: its stream falls behind, which its
 * neighbours see. A unit that makes several sizes counts for each of them.
 *
 * Capacity is the work of all units for a second of processor time, times the processors, weighed by age.
 * Threads: loop thread; nothing here asks the system (hardware_system.h).
 */
#ifndef DSN_NODE_AGENT_SPEED_H
#define DSN_NODE_AGENT_SPEED_H

#include "api/beat.h"

#define SPEED_LEAST_MS 4000    /* between two looks: progress comes in steps of half a second */
#define SPEED_WINDOW_MS 300000 /* what is older is forgotten */
#define SPEED_RATIOS 256       /* of a rung */
#define SPEED_CPU_MS 5000      /* of processor time, before a capacity is told by it */

/* A program of a job. Its counters rise from its start on. */
struct speed_unit {
	uint64_t who;         /* another run, another number */
	int64_t cpu_ms;       /* processor time */
	int64_t out_ms;       /* of video encoded */
	int64_t blocks_per_s; /* work of a second of video */
	double cores;         /* processors that it may use; 0: all */
	unsigned rungs;       /* 1u << api_beat_rung() of each size that it makes; 0: it does not encode */
};

/* The machine at one moment. */
struct speed_look {
	int64_t now_ms; /* monotonic */
	double cores;
	int64_t busy_ms, all_ms; /* processor time since boot: used, and there was */
	const struct speed_unit *units;
	size_t unit_count;
};

struct speed;
struct speed *speed_new(const void *ctx);
/* One that comes too soon is left out. */
void speed_take(struct speed *m, const struct speed_look *look);
/* 0..1000; -1: not known yet. */
int speed_load_pm(const struct speed *m);
/* Sets load, load by jobs, ratios and the capacity for work, as far as they are known. */
void speed_tell(const struct speed *m, int64_t now_ms, struct api_beat *beat);

#endif
