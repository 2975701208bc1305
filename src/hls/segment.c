#include "hls/segment.h"

#include "media/hls.h"

#define DEFAULT_FRAME_MS 40

void segment_count(struct segment *g, int64_t pts_ms, int64_t dts_ms)
{
	int64_t step_ms = dts_ms - g->last_dts_ms;

	if (g->frames++ > 0 && step_ms > 0 && step_ms < SEGMENT_STEPS)
		g->steps[step_ms]++;
	g->last_dts_ms = dts_ms;
	if (pts_ms > g->last_ms)
		g->last_ms = pts_ms;
}

int64_t segment_rate_mhz(const struct segment *g)
{
	int64_t common = 1, count = 0, sum_ms = 0;

	for (int64_t i = 1; i < SEGMENT_STEPS; i++)
		if (g->steps[i] > g->steps[common])
			common = i;
	/* A step that is no whole number of milliseconds comes as two neighbours. */
	for (int64_t i = common > 1 ? common - 1 : 1; i <= common + 1 && i < SEGMENT_STEPS; i++) {
		count += g->steps[i];
		sum_ms += g->steps[i] * i;
	}
	return sum_ms ? count * 1000000 / sum_ms : 0;
}

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
