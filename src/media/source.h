/* What is known of a source's streams, gathered from what ffprobe and ffmpeg print; of use inside the media room only.
 * Everything read is another program's text about a stranger's file: bounded, and never believed to be whole. */
#ifndef DSN_MEDIA_SOURCE_H
#define DSN_MEDIA_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define MEDIA_MAX_STREAMS 32
/* A picture may be held so long: ffmpeg sends sound no further ahead (-max_interleave_delta). A longer step, of picture
 * and sound, is a clock that was set. */
#define MEDIA_FORWARD_MS 10000

/* When packets begin and end. */
struct media_span {
	bool timed;
	int64_t first_ms, last_ms, end_ms; /* pts: smallest, largest, largest with its duration */
	int64_t first_dts_ms, end_dts_ms;
};

struct media_stream_facts {
	bool known; /* "streams" names it */
	bool video, audio;
	char codec[32], tag[16], profile[48], pix_fmt[32], field_order[16];
	int width, height, sar_num, sar_den, rotation_deg;
	bool cropped;                        /* the container, not the stream, cuts the edges off */
	bool is_default, is_cover, is_aside; /* dispositions: a picture of its own; comments, for the impaired */
	bool interlaced;                     /* a decoded frame says so */
	int program;                         /* counted from 1; 0: in none */
	int64_t promised_ms;                 /* how long it is, as the container has it; 0: not told */

	int64_t packets, untimed, bytes, max_frame_bytes;
	int64_t hidden; /* packets that players decode and do not show (edit lists, encoders' priming) */
	struct media_span all, shown;
	int64_t flagged; /* packets that the container calls key frames */
	bool first_is_key;
	bool told_idr; /* which of them are IDR is known */
	/* Its clock, by decoding times. `all` and `shown` lie on a line that goes on where the clock goes back. */
	bool clocked;
	int64_t clock_ms, mended_ms;       /* of the last packet; what has been added to later ones by then */
	int64_t max_step_ms;               /* between packets */
	int64_t moving, moving_ms;         /* short steps, and the sum of them: the rate while something moves */
	int64_t back_jumps, forward_jumps; /* backward; forward by more than a picture is held for */
	int64_t forward_ms, least_jump_ms; /* the sum of the forward ones; the smallest of all */

	bool sets_change; /* H.264: sequence parameter sets within the stream are not all equal */
	int64_t keys, last_key_ms;
	int64_t max_key_ms, min_key_ms; /* intervals between key frames; the first: from the first packet */
};

struct media_source {
	struct media_stream_facts streams[MEDIA_MAX_STREAMS];
	int64_t promised_ms; /* the same of the whole container */
	char format[64];     /* ffprobe's name of the container */
	bool others;         /* it has streams that are neither picture nor sound */
	int programs;
};

/* Add what a JSON text of ffprobe's tells: packets, frames, streams, programs, format. See media_probe_judge(). */
struct error *media_source_read(struct media_source *s, const char *text, size_t len) MUST_CHECK;
/* Take the key frames of stream `index` from a list of its IDR pictures in place of those that the container has
 * flagged, and whether its parameter sets change from a list of those (media_ffmpeg_nal(), ffmpeg's framecrc format).
 */
struct error *media_source_read_nal(struct media_source *s, int index, const char *text, size_t len) MUST_CHECK;

/* The picture and the sound that a player would choose; NULL: there is none. */
const struct media_stream_facts *media_source_picture(const struct media_source *s);
const struct media_stream_facts *media_source_sound(const struct media_source *s,
						    const struct media_stream_facts *picture);
int media_source_index(const struct media_source *s, const struct media_stream_facts *stream); /* -1 for NULL */

/* --- json_each.c: a long JSON text element by element --- */

/* `fn` is told each element of each array, and each value that is no array, that are members of the text's object: the
 * member's name, cut to 31 bytes, and the value's own text. Memory needed does not grow with the text. ERROR_INVALID
 * names the place. */
typedef struct error *media_json_each_fn(const char *member, const char *value, size_t len, void *arg);
struct error *media_json_each(const char *text, size_t len, media_json_each_fn *fn, void *arg) MUST_CHECK;

#endif
