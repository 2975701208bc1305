#include "relay/tag.h"

#include <string.h>

#define NAL_PICTURE 1
#define NAL_IDR 5
#define ENHANCED 0x80
#define KEY_FRAME 1
#define COMMAND_FRAME 5

/* Enhanced RTMP names codecs by four letters. The names are ours: a stranger's letters go nowhere. */
static const char *enhanced_name(const uint8_t *fourcc)
{
	static const struct {
		char fourcc[5];
		const char *name;
	} known[] = {
		{"hvc1", "HEVC in enhanced RTMP"}, {"av01", "AV1 in enhanced RTMP"}, {"vp09", "VP9 in enhanced RTMP"},
		{"vp08", "VP8 in enhanced RTMP"},  {"vvc1", "VVC in enhanced RTMP"}, {"avc1", "H.264 in enhanced RTMP"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (memcmp(known[i].fourcc, fourcc, 4) == 0)
			return known[i].name;
	return "an unknown codec in enhanced RTMP";
}

static int32_t lead_of(const uint8_t *data)
{
	int32_t value = data[2] << 16 | data[3] << 8 | data[4];

	return value & 0x800000 ? value - 0x1000000 : value;
}

static void look_at_video(const struct tag *t, struct tag_look *l)
{
	int frame_type = t->data[0] >> 4 & 7;

	l->codec = t->data[0] & 15;
	if (t->data[0] & ENHANCED) {
		l->codec = -1;
		l->foreign = t->len < 5 ? "video that is cut off" : enhanced_name(t->data + 1);
		return;
	}
	/* Numbers that some servers use for it; FLV knows none. */
	if (l->codec == 12)
		l->foreign = "HEVC as FLV's codec 12";
	if (frame_type == COMMAND_FRAME)
		return;
	l->key = frame_type == KEY_FRAME;
	if (l->codec != TAG_CODEC_H264) {
		l->frame = t->len > 1;
		return;
	}
	if (t->len <= TAG_AVC_HEAD)
		return;
	l->header = t->data[1] == 0;
	l->frame = t->data[1] == 1;
	l->lead_ms = lead_of(t->data);
}

struct tag_look tag_look(const struct tag *t)
{
	struct tag_look l = {.type = t->type};

	if (t->len < 1)
		return l;
	if (t->type == TAG_VIDEO) {
		look_at_video(t, &l);
	} else if (t->type == TAG_AUDIO) {
		l.codec = t->data[0] >> 4;
		l.header = l.codec == TAG_CODEC_AAC && t->len > TAG_AAC_HEAD && t->data[1] == 0;
		l.frame = l.codec == TAG_CODEC_AAC ? t->len > TAG_AAC_HEAD && t->data[1] == 1 : t->len > 1;
	}
	return l;
}

static bool is_h264(const struct tag *t)
{
	return t->type == TAG_VIDEO && t->len > TAG_AVC_HEAD && !(t->data[0] & ENHANCED) &&
	       (t->data[0] & 15) == TAG_CODEC_H264;
}

int tag_nal_bytes(const struct tag *header)
{
	/* avcC (ISO/IEC 14496-15, 5.2.4.1): version, profile, compatibility, level, then the length in two bits. */
	if (!is_h264(header) || header->len < TAG_AVC_HEAD + 5 || header->data[TAG_AVC_HEAD] != 1)
		return 0;
	return (header->data[TAG_AVC_HEAD + 4] & 3) + 1;
}

bool tag_is_idr(const struct tag *t, int nal_bytes)
{
	size_t at = TAG_AVC_HEAD;
	bool picture = false;

	if (!is_h264(t) || nal_bytes < 1)
		return true;
	while (t->len - at > (size_t)nal_bytes) {
		size_t len = 0;

		for (int i = 0; i < nal_bytes; i++)
			len = len << 8 | t->data[at++];
		if (len == 0)
			continue;
		if ((t->data[at] & 31) == NAL_IDR)
			return true;
		picture = picture || (t->data[at] & 31) == NAL_PICTURE;
		if (len > t->len - at)
			break;
		at += len;
	}
	return !picture;
}

void tag_set_lead(struct tag *t, int32_t lead_ms)
{
	if (!is_h264(t))
		return;
	t->data[2] = (uint8_t)(lead_ms >> 16);
	t->data[3] = (uint8_t)(lead_ms >> 8);
	t->data[4] = (uint8_t)lead_ms;
}
