#include <string.h>

#include "devp2p/snappy.h"

/* The densest element: a copy of 64 bytes in 3. */
#define DENSEST_BYTES 64
#define DENSEST_COST 3

/* An element's kind: the two low bits of its first byte. */
enum { LITERAL, COPY_1, COPY_2, COPY_4 };

struct snappy_input {
	const uint8_t *next, *end;
};

struct snappy_output {
	uint8_t *begin, *next, *end;
};

static struct error *read_length(struct snappy_input *in, uint32_t *ret_length)
{
	uint64_t length = 0;

	for (unsigned shift = 0; shift < 35; shift += 7) {
		uint8_t byte;

		if (in->next == in->end)
			return error_new(ERROR_INVALID, "invalid snappy block: it ends in its length");
		byte = *in->next++;
		length |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			if (length > UINT32_MAX)
				break;
			*ret_length = (uint32_t)length;
			return NULL;
		}
	}
	return error_new(ERROR_INVALID, "invalid snappy block: its length needs more than 32 bits");
}

struct error *snappy_decoded_length(const uint8_t *block, size_t n, size_t limit, size_t *ret_length)
{
	struct snappy_input in = {block, block + n};
	uint32_t length = 0;

	TRY(read_length(&in, &length));
	if (length > limit)
		return error_new(ERROR_LIMIT, "a snappy block of %u bytes, %zu are allowed", length, limit);
	if (length > (size_t)(in.end - in.next) * DENSEST_BYTES / DENSEST_COST)
		return error_new(ERROR_INVALID, "invalid snappy block: it cannot hold the %u bytes it says", length);
	*ret_length = length;
	return NULL;
}

static size_t left(const struct snappy_input *in)
{
	return (size_t)(in->end - in->next);
}

/* Little-endian; the caller knows that they are there. */
static uint32_t take(struct snappy_input *in, unsigned n)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < n; i++)
		value |= (uint32_t)*in->next++ << (8 * i);
	return value;
}

static struct error *literal(struct snappy_input *in, struct snappy_output *out, uint8_t tag)
{
	size_t n = tag >> 2;

	if (n >= 60) {
		unsigned width = (unsigned)n - 59;

		if (left(in) < width)
			return error_new(ERROR_INVALID, "invalid snappy block: it ends in an element");
		n = take(in, width);
	}
	n++;
	if (n > left(in))
		return error_new(ERROR_INVALID, "invalid snappy block: it ends in a literal");
	if (n > (size_t)(out->end - out->next))
		return error_new(ERROR_INVALID, "invalid snappy block: it makes more than it says");
	memcpy(out->next, in->next, n);
	out->next += n;
	in->next += n;
	return NULL;
}

static struct error *copy(struct snappy_input *in, struct snappy_output *out, uint8_t tag)
{
	static const uint8_t widths[] = {[COPY_1] = 1, [COPY_2] = 2, [COPY_4] = 4};
	unsigned kind = tag & 3;
	size_t n, offset;
	const uint8_t *from;

	if (left(in) < widths[kind])
		return error_new(ERROR_INVALID, "invalid snappy block: it ends in an element");
	offset = take(in, widths[kind]);
	n = (tag >> 2) + 1u;
	if (kind == COPY_1) {
		n = ((tag >> 2) & 7) + 4u;
		offset |= (size_t)(tag >> 5) << 8;
	}
	if (offset == 0 || offset > (size_t)(out->next - out->begin))
		return error_new(ERROR_INVALID, "invalid snappy block: a copy from before its beginning");
	if (n > (size_t)(out->end - out->next))
		return error_new(ERROR_INVALID, "invalid snappy block: it makes more than it says");
	from = out->next - offset;
	if (offset >= n) {
		memcpy(out->next, from, n);
		out->next += n;
		return NULL;
	}
	/* Source and target overlap: what was just written is repeated. */
	while (n-- > 0)
		*out->next++ = *from++;
	return NULL;
}

struct error *snappy_decode(const uint8_t *block, size_t n, uint8_t *ret_bytes, size_t length)
{
	struct snappy_input in = {block, block + n};
	struct snappy_output out = {ret_bytes, ret_bytes, ret_bytes + length};
	uint32_t said = 0;

	TRY(read_length(&in, &said));
	if (said != length)
		return error_new(ERROR_INVALID, "invalid snappy block: it says %u bytes, not %zu", said, length);
	while (in.next < in.end) {
		uint8_t tag = *in.next++;

		TRY((tag & 3) == LITERAL ? literal(&in, &out, tag) : copy(&in, &out, tag));
	}
	if (out.next != out.end)
		return error_new(ERROR_INVALID, "invalid snappy block: it makes less than it says");
	return NULL;
}
