#include "media/h264.h"

#include <string.h>

#include "base/mem.h"

#define START_CODE_BYTES 4
/* NAL unit types, ITU-T H.264 table 7-1. */
enum { SLICE = 1, IDR_SLICE = 5, SEQUENCE_SET = 7, PICTURE_SET = 8, DELIMITER = 9 };

struct bytes {
	const uint8_t *at, *end;
};

static size_t left(const struct bytes *b)
{
	return (size_t)(b->end - b->at);
}

static int nal_type(const uint8_t *nal)
{
	return nal[0] & 0x1f;
}

/* A length of n bytes and what follows it; false when that is not all there, or is nothing. */
static bool next_nal(struct bytes *b, int length_bytes, const uint8_t **ret_nal, size_t *ret_len)
{
	size_t len = 0;

	if (left(b) < (size_t)length_bytes)
		return false;
	for (int i = 0; i < length_bytes; i++)
		len = len << 8 | *b->at++;
	if (len == 0 || len > left(b))
		return false;
	*ret_nal = b->at;
	*ret_len = len;
	b->at += len;
	return true;
}

static uint8_t *put_nal(uint8_t *to, const uint8_t *nal, size_t len)
{
	static const uint8_t start_code[START_CODE_BYTES] = {0, 0, 0, 1};

	memcpy(to, start_code, START_CODE_BYTES);
	memcpy(to + START_CODE_BYTES, nal, len);
	return to + START_CODE_BYTES + len;
}

/* `count` parameter sets of one type, appended to c->sets. */
static struct error *read_sets(struct h264_config *c, struct bytes *b, int count, int type)
{
	for (int i = 0; i < count; i++) {
		const uint8_t *nal;
		size_t len;

		if (!next_nal(b, 2, &nal, &len))
			return error_new(ERROR_INVALID, "AVC header: parameter set %d of type %d is cut off", i + 1,
					 type);
		if (nal_type(nal) != type)
			return error_new(ERROR_INVALID, "AVC header: parameter set %d has type %d, not %d", i + 1,
					 nal_type(nal), type);
		if (type == SEQUENCE_SET && len < 4)
			return error_new(ERROR_INVALID, "AVC header: a sequence parameter set of %zu bytes", len);
		if (c->sets_len == 0)
			memcpy(c->profile, nal + 1, sizeof(c->profile));
		c->sets_len = (size_t)(put_nal(c->sets + c->sets_len, nal, len) - c->sets);
	}
	return NULL;
}

static struct error *read_record(struct h264_config *c, struct bytes *b)
{
	int sequence_sets, picture_sets;

	if (left(b) < 7 || b->at[0] != 1)
		return error_new(ERROR_INVALID, "AVC header: no configuration record of version 1");
	c->length_bytes = (b->at[4] & 3) + 1;
	if (c->length_bytes == 3)
		return error_new(ERROR_INVALID, "AVC header: lengths of 3 bytes");
	sequence_sets = b->at[5] & 0x1f;
	b->at += 6;
	if (sequence_sets == 0)
		return error_new(ERROR_INVALID, "AVC header: no sequence parameter set");
	TRY(read_sets(c, b, sequence_sets, SEQUENCE_SET));
	if (left(b) == 0)
		return error_new(ERROR_INVALID, "AVC header: it ends before its picture parameter sets");
	picture_sets = *b->at++;
	if (picture_sets == 0)
		return error_new(ERROR_INVALID, "AVC header: no picture parameter set");
	return read_sets(c, b, picture_sets, PICTURE_SET);
}

struct error *h264_config_read(const void *ctx, const uint8_t *record, size_t len, struct h264_config **ret_config)
{
	struct bytes b = {record, record + len};
	struct h264_config *c;
	struct error *e;

	if (len > H264_MAX_SETS_BYTES)
		return error_new(ERROR_LIMIT, "AVC header: %zu bytes, the limit is %u", len, H264_MAX_SETS_BYTES);
	c = mem_new(ctx, struct h264_config);
	/* Each set's length of 2 bytes becomes a start code of 4. */
	c->sets = mem_array(c, uint8_t, len * 2 + 1);
	e = read_record(c, &b);
	if (e)
		mem_free(c);
	else
		*ret_config = c;
	return e;
}

struct h264_picture h264_picture_look(const struct h264_config *c, const uint8_t *unit, size_t len)
{
	struct bytes b = {unit, unit + len};
	bool slices = false, picture_set = false;
	struct h264_picture p = {0};

	while (left(&b) > 0) {
		const uint8_t *nal;
		size_t nal_len;

		if (!next_nal(&b, c->length_bytes, &nal, &nal_len))
			return (struct h264_picture){0};
		slices |= nal_type(nal) >= SLICE && nal_type(nal) <= IDR_SLICE;
		p.idr |= nal_type(nal) == IDR_SLICE;
		if (nal_type(nal) == SEQUENCE_SET && nal_len >= 4 && !p.sequence_set)
			p.sequence_set = nal;
		picture_set |= nal_type(nal) == PICTURE_SET;
	}
	p.whole = slices;
	p.has_sets = p.sequence_set && picture_set;
	return p;
}

size_t h264_annexb_room(const struct h264_config *c, size_t len)
{
	/* The shortest NAL unit has a length of 1 byte and one byte of its own, and gets a start code of 4. */
	return c->sets_len + len * 3;
}

size_t h264_annexb(const struct h264_config *c, const uint8_t *unit, size_t len, bool with_sets, uint8_t *to)
{
	struct bytes b = {unit, unit + len};
	uint8_t *at = to;
	const uint8_t *nal;
	size_t nal_len;

	while (left(&b) > 0 && next_nal(&b, c->length_bytes, &nal, &nal_len)) {
		if (with_sets && nal_type(nal) != DELIMITER) {
			memcpy(at, c->sets, c->sets_len);
			at += c->sets_len;
			with_sets = false;
		}
		at = put_nal(at, nal, nal_len);
	}
	return (size_t)(at - to);
}
