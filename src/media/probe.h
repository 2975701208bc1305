/* Can HLS store this source as it is? Judged from ffprobe's packet list. */
#ifndef DSN_MEDIA_PROBE_H
#define DSN_MEDIA_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct media_verdict {
	bool fits;
	char *reason;                    /* when it does not: what, measured, against which limit */
	char *video_codec, *audio_codec; /* "" when absent */
	int width, height;
	int64_t duration_ms; /* of what was read */
	int64_t max_key_interval_ms, min_key_interval_ms;
	int64_t max_frame_bytes;
	int64_t bitrate_bps;
};

/* `text` is the output of media_ffprobe_packets(). Fits: H.264 video, AAC or no audio, key frames regular (longest and
 * shortest interval within 10 %) and at least one per fragment, frames under 1 MiB. */
struct error *media_probe_judge(const void *ctx, const char *text, size_t len, int fragment_s,
				struct media_verdict **ret_verdict) MUST_CHECK;
/* Blocking: probe a whole file (or its first `seconds`, 0: all). */
struct error *media_probe_file(const void *ctx, const char *ffprobe, const char *path, int seconds, int fragment_s,
			       struct media_verdict **ret_verdict) MUST_CHECK;

#endif
