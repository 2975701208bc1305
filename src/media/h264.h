/* H.264 as RTMP carries it and as MPEG-TS wants it.
 *
 * RTMP has the form of ISO/IEC 14496-15: parameter sets in a configuration record ("avcC", 5.3.3.1), pictures as NAL
 * units with their length in front. MPEG-TS has that of ITU-T H.264 annex B: start codes, parameter sets in the stream.
 * All bytes are a stranger's: everything is bounded by the lengths given. Threads: safe. */
#ifndef DSN_MEDIA_H264_H
#define DSN_MEDIA_H264_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Parameter sets of one configuration record; more are nobody's. */
#define H264_MAX_SETS_BYTES (64u << 10)

struct h264_config {
	int length_bytes;   /* of the length in front of each NAL unit: 1, 2 or 4 */
	uint8_t profile[3]; /* profile, constraints, level of the first sequence parameter set */
	uint8_t *sets;      /* all parameter sets with start codes, sequence ones first */
	size_t sets_len;
};

/* Read a configuration record; every refusal says what is wrong with it. */
struct error *h264_config_read(const void *ctx, const uint8_t *record, size_t len,
			       struct h264_config **ret_config) MUST_CHECK;

/* What one access unit holds. */
struct h264_picture {
	bool whole;                  /* it has slices, and no NAL unit is empty or longer than what is there */
	bool idr;                    /* decoding may begin here */
	bool has_sets;               /* brings sequence and picture parameter sets of its own */
	const uint8_t *sequence_set; /* the first of these, 4 bytes at least; NULL: none */
};

struct h264_picture h264_picture_look(const struct h264_config *c, const uint8_t *unit, size_t len);
/* Most bytes that h264_annexb() writes for a unit of that length. */
size_t h264_annexb_room(const struct h264_config *c, size_t len);
/* Write a whole picture with start codes, after its access unit delimiter (if it has one) the parameter sets when
 * `with_sets`. Returns the number of bytes, at most h264_annexb_room(). */
size_t h264_annexb(const struct h264_config *c, const uint8_t *unit, size_t len, bool with_sets, uint8_t *to);

#endif
