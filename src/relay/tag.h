/* What an FLV tag's body says of itself (Adobe's FLV specification 10.1, annex E.4; enhanced RTMP v1,
 * "ExVideoTagHeader"): enough to pass it on, no more. The bytes are a stranger's: every length is looked at before it
 * is read. Pure functions. */
#ifndef DSN_RELAY_TAG_H
#define DSN_RELAY_TAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tag_type { TAG_AUDIO = 8, TAG_VIDEO = 9, TAG_SCRIPT = 18 };

/* A composition time beyond these is no picture's: reordering spans a few frames. */
#define TAG_LEAD_MIN_MS (-2000)
#define TAG_LEAD_MAX_MS 5000
/* FLV's numbers of the codecs whose settings come in a tag of their own, and what stands before these in it: codec and
 * kind of packet, and before H.264's the composition time. */
#define TAG_CODEC_H264 7
#define TAG_CODEC_AAC 10
#define TAG_AVC_HEAD 5
#define TAG_AAC_HEAD 2

struct tag {
	enum tag_type type;
	uint32_t stamp_ms; /* as it came: 32 bits that start over */
	uint8_t *data;
	size_t len;
};

struct tag_look {
	enum tag_type type;
	bool header; /* the codec's settings: no time passes */
	bool frame;  /* a picture or sound */
	bool key;
	int codec;           /* FLV's number; -1: enhanced RTMP */
	int32_t lead_ms;     /* video: pts - dts */
	const char *foreign; /* video that nobody here can read: its name; NULL: none */
};

/* Neither header nor frame: nothing to pass on (empty, end of sequence, an unknown kind). */
struct tag_look tag_look(const struct tag *t);
/* H.264: the settings' length of a NAL unit's length, 1 to 4; 0: they are no settings. */
int tag_nal_bytes(const struct tag *header);
/* H.264: does the key frame hold an IDR picture? Only there a player can join: an open GOP's or intra refresh's "key
 * frame" needs what was before. True where that cannot be said. */
bool tag_is_idr(const struct tag *t, int nal_bytes);
/* H.264: write another composition time into the tag. */
void tag_set_lead(struct tag *t, int32_t lead_ms);

#endif
