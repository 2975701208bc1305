/* Where the stream is cut, what the segments are called, and the playlist of them.
 *
 * A segment begins at the first IDR picture whose floor(pts / fragment) differs from the running segment's, and nowhere
 * else, so that each can be decoded on its own; that floor is its number. One without such a picture ends where it
 * would become too long (hls_longest_ms()), and what follows until the next is left out. So is what is damaged: nothing
 * in a stream's data ends a segment or loses it. Key frames have the same pts in all renditions of a job, so cuts and
 * numbers are equal, also after a restart of anything in between. When the time line jumps backwards, numbers go on
 * forward behind a discontinuity. */
#ifndef DSN_HLS_SEGMENTER_H
#define DSN_HLS_SEGMENTER_H

#include "hls/report.h"
#include "hls/source.h"

struct segmenter;

/* Reads the folder's playlist back if there is one. The folder exists and is locked by the caller. */
struct error *segmenter_new(const void *ctx, const char *folder, int fragment_s, int window_s,
			    struct hls_report *report, struct segmenter **ret_segmenter) MUST_CHECK;
struct error *segmenter_frame(struct segmenter *s, const struct source *source, const struct hls_frame *f) MUST_CHECK;
/* The stream is over: keep what there is of the last segment. No EXT-X-ENDLIST. */
struct error *segmenter_flush(struct segmenter *s) MUST_CHECK;

#endif
