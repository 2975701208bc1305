/* The stream that is read: an RTMP URL through libavformat, its packets on one 64-bit time line in milliseconds.
 * One thread; reads block, and end soon after *stop becomes non-zero. */
#ifndef DSN_HLS_SOURCE_H
#define DSN_HLS_SOURCE_H

#include <libavformat/avformat.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "media/h264.h"

struct source;

struct hls_frame {
	AVPacket *packet; /* the source's, until the next read */
	bool video;
	bool damaged;  /* video: no picture that could be stored; the rest below says nothing but its time */
	bool key;      /* video: IDR, decoding may begin here; whatever the container's flag says */
	bool has_sets; /* video: brings its parameter sets itself */
	const uint8_t
		*profile; /* video: profile, constraints and level, 3 bytes, of the parameter sets it is decoded with */
	int64_t pts_ms, dts_ms; /* unwrapped */
	int64_t duration_ms;    /* 0: unknown */
	unsigned codec_version; /* of its stream: rises when codec settings change */
};

enum source_event { SOURCE_FRAME, SOURCE_END, SOURCE_STOPPED };

/* Connect and wait until the stream is there. *ret_source is NULL when stopped meanwhile.
 * ERROR_UNAVAILABLE: nobody answers; ERROR_INVALID: the video is not H.264. */
struct error *source_open(const void *ctx, const char *url, const volatile sig_atomic_t *stop,
			  struct source **ret_source) MUST_CHECK;
/* ERROR_UNAVAILABLE when the connection broke. */
struct error *source_read(struct source *s, enum source_event *ret_event, struct hls_frame *ret_frame) MUST_CHECK;
/* Codec parameters as they are now; audio is NULL when there is none that HLS can carry. */
const AVCodecParameters *source_video(const struct source *s);
const AVCodecParameters *source_audio(const struct source *s);
/* Parameter sets as they are now, until the next read. */
const struct h264_config *source_config(const struct source *s);
unsigned source_video_version(const struct source *s);
unsigned source_audio_version(const struct source *s); /* 0: no audio */

#endif
