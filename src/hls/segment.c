#include "hls/segment.h"

#include "media/hls.h"

#define DEFAULT_FRAME_MS 40

int64_t segment_frame_ms(const struct segment *g)
{
	if (g->frames < 2 || g->last_ms <= g->start_ms)
		return DEFAULT_FRAME_MS;
	return (g->last_ms - g->start_ms + (g->frames - 1) / 2) / (g->frames - 1);
}

int64_t segment_end_ms(const struct segment *g, const int64_t *next_ms, int64_t longest_ms)
{
	int64_t end_ms = g->last_ms + segment_frame_ms(g);

	if (next_ms && *next_ms > g->start_ms) {
		/* Where the sound goes on, the last picture stands until the next. */
		int64_t held_ms = g->audio_end_ms > end_ms ? g->audio_end_ms : end_ms;

		if (*next_ms - held_ms < HLS_HOLE_MS)
			end_ms = *next_ms;
	}
	return end_ms - g->start_ms > longest_ms ? g->start_ms + longest_ms : end_ms;
}
