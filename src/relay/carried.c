#include "relay/carried.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"

bool carried_has_settings(const struct tag_look *look)
{
	return look->codec == (look->type == TAG_VIDEO ? TAG_CODEC_H264 : TAG_CODEC_AAC);
}

uint32_t carried_mark(const struct tag *t, const struct tag_look *look)
{
	size_t head = look->type == TAG_VIDEO ? TAG_AVC_HEAD : TAG_AAC_HEAD;
	uint32_t sum;

	if (!look->header ||
	    t->len <= head) /* a frame of sound says codec, rate, width and channels in its first byte */
		return 2u + (look->type == TAG_VIDEO || !t->len ? (uint32_t)look->codec : t->data[0]);
	sum = fnv32(FNV32_BASIS, t->data + head, t->len - head);
	return sum ? sum : 1;
}

bool carried_equal(const struct carried *a, const struct carried *b)
{
	return memcmp(a->marks, b->marks, sizeof(a->marks)) == 0 && a->mended == b->mended;
}

void carried_text(const struct carried *c, char *ret_text)
{
	snprintf(ret_text, MEDIA_CARRIED_BYTES, "%08" PRIx32 "-%08" PRIx32 "-%" PRIx32, c->marks[CARRIED_VIDEO],
		 c->marks[CARRIED_AUDIO], c->mended);
}

struct error *carried_parse(const char *text, struct carried *ret)
{
	struct carried c = {0};
	char again[MEDIA_CARRIED_BYTES], *end;

	c.marks[CARRIED_VIDEO] = (uint32_t)strtoul(text, &end, 16);
	c.marks[CARRIED_AUDIO] = *end ? (uint32_t)strtoul(end + 1, &end, 16) : 0;
	c.mended = *end ? (uint32_t)strtoul(end + 1, &end, 16) : 0;
	/* Only what we have written reads the same again. */
	carried_text(&c, again);
	if (strcmp(text, again) != 0)
		return error_new(ERROR_INVALID, "--carried: %s is not what a relay has reported", text);
	*ret = c;
	return NULL;
}
