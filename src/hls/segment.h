/* The segment that is being written: what it holds so far, and how long that lasts. */
#ifndef DSN_HLS_SEGMENT_H
#define DSN_HLS_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

/* Steps between pictures are counted by their milliseconds, below this. */
#define SEGMENT_STEPS 256

struct segment {
	bool open;
	bool discontinuity;
	int64_t number, start_ms;
	int64_t last_ms;      /* largest pts of its pictures */
	int64_t audio_end_ms; /* of its sound; 0: none */
	int64_t frames;
	int64_t last_dts_ms;
	uint32_t steps[SEGMENT_STEPS]; /* how often a picture came so long after the one before, in decoding order */
};

/* A picture was stored. */
void segment_count(struct segment *g, int64_t pts_ms, int64_t dts_ms);
/* Frames per 1000 s, of the commonest step and its neighbours: what a lost picture leaves out of an average. 0: none.
 */
int64_t segment_rate_mhz(const struct segment *g);

/* Average time between its pictures. */
int64_t segment_frame_ms(const struct segment *g);
/* Where it ends, at most `longest_ms` after its start. `next_ms`: where the next one begins, NULL when none follows:
 * that is the end unless something is missing between. */
int64_t segment_end_ms(const struct segment *g, const int64_t *next_ms, int64_t longest_ms);

#endif
