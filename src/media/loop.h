/* A film again and again as one film: lists for ffmpeg's concat demuxer
 * (https://ffmpeg.org/ffmpeg-formats.html#concat-1).
 *
 * The demuxer moves all streams of a turn by the same time, the length that the list tells, so picture and sound keep
 * together whichever of them ends first, and nothing overlaps when that length is the verdict's turn_ms. A list has an
 * end; that of a list of lists is behind the last time stamp that RTMP has (24.8 days), however short the film. */
#ifndef DSN_MEDIA_LOOP_H
#define DSN_MEDIA_LOOP_H

#include <stdint.h>

#include "base/error.h"

struct media_loop {
	char *turns; /* text of a file: many turns of the film */
	char *lists; /* text for descriptor 0 of media_ffmpeg_push(): many times that file */
};

/* `film` and `turns_path` (where `turns` will stand) are absolute paths. Texts belong to ctx. ERROR_INVALID: a path
 * that such a list cannot name. */
struct error *media_loop_lists(const void *ctx, const char *film, const char *turns_path, int64_t turn_ms,
			       struct media_loop *ret_loop) MUST_CHECK;

#endif
