/* One verdict about a source: may HLS store it as it is, must it be normalised first, or can nothing be made of it?
 *
 * The same for a film and for the first seconds of a live stream. What is judged is what stands in the stream:
 * pictures, packets, NAL units. What a container says of itself (key flags, durations, rates) is believed only where
 * nothing better can be known, and then compared with what was measured. Limits and their reasons: docs/media.md.
 * Threads: any; nothing is shared. */
#ifndef DSN_MEDIA_PROBE_H
#define DSN_MEDIA_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "media/normalise.h"

/* Sound that begins later than this is missed by who looks at a stream only shortly. */
#define MEDIA_LATE_SOUND_MS 400

struct media_verdict {
	bool fits;    /* HLS stores it as it is */
	bool refused; /* normalising would not help either: sound only, nothing that can be decoded, no key frame */
	/* Enough was seen to say so: always for a film read to its end. A live stream judged on too little (fewer than
	 * three key frames and less than two fragments) is told what was seen so far; ask again with more. What does
	 * not fit after little fits no better after more, except for `refused`, which may only have begun late, and
	 * `doubtful`. */
	bool enough;
	bool doubtful; /* it does not fit because of key frames, and one damaged on the way would look so too */
	char *reason;  /* when it does not fit: what, measured, against which limit; else NULL */

	char *video_codec,
		*audio_codec; /* ffprobe's names, "" when absent; "unknown (hvc1)" when only a tag is known */
	/* Streams chosen as players do: default disposition, no covers, the best picture, sound of the same programme.
	 * ffmpeg's index in the source, -1 when absent. */
	int video_index, audio_index;
	int width, height;    /* as shown: after turning, before scaling to even */
	int sar_num, sar_den; /* shape of a pixel, after turning; 1:1 when not told */
	int rotation_deg;     /* how far a player turns it: 0, 90, 180, 270 or what else stands there */
	bool interlaced;
	int64_t frames;
	double fps;          /* measured; 0: not known */
	int64_t duration_ms; /* of what was read: first picture to the end of the last */
	int64_t jumps;       /* of a film's clock: back, or forward by more than a picture is held for */
	int64_t promised_ms; /* what the container promises of the whole; 0: nothing */
	int64_t turn_ms;     /* earliest begin to latest end of both streams: the length of a turn of a loop */
	int64_t audio_start_ms, audio_end_ms; /* sound's against the picture's first frame; 0 without sound */
	int64_t keys;                         /* key frames where decoding can begin: IDR, where that is known */
	int64_t open_keys;                    /* called key frames, but no IDR (open GOP, intra refresh) */
	int64_t max_key_interval_ms, min_key_interval_ms;
	int64_t last_key_ms; /* the last key frame against the first picture */
	int64_t max_frame_bytes;
	int64_t bitrate_bps; /* of both streams */
	/* How to normalise it; of use when !fits && !refused. bitrate_bps is the source's own. */
	struct media_normalise how;
};

/* `text` is JSON as media_ffprobe_packets() has it printed ("packets", "streams", "programs", "format"; other members
 * are passed over). A program of one's own may tell more of a packet than ffprobe can: "idr": 1 or 0, whether an H.264
 * picture is an IDR picture. As soon as one packet of the stream has it, only packets with 1 count as key frames;
 * without, the flag K. Bounded: 32 streams, 64 KiB for one packet or stream. ERROR_INVALID with the place when it is
 * not such JSON. */
struct error *media_probe_judge(const void *ctx, const char *text, size_t len, int fragment_s,
				struct media_verdict **ret_verdict) MUST_CHECK;
/* The same verdict for a film that is sent again and again: a short one's key frames must stay regular over its turns.
 */
void media_verdict_loop(struct media_verdict *v, int fragment_s);
/* How much of the film is missing (an upload that broke off), measured against what its container promises; 0: nothing.
 */
int64_t media_verdict_missing_ms(const struct media_verdict *v);
/* Blocking: a whole film (or its first `seconds`, 0: all), with ffprobe for packets, and ffmpeg for IDR pictures and a
 * look at fields. */
struct error *media_probe_file(const void *ctx, const char *ffmpeg, const char *ffprobe, const char *path, int seconds,
			       int fragment_s, struct media_verdict **ret_verdict) MUST_CHECK;

#endif
