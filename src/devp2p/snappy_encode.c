#include <string.h>

#include "devp2p/snappy.h"

/* Matches are looked for within pieces, so that offsets and the table's positions fit into 16 bits. */
#define PIECE_BYTES 65536
#define TABLE_BITS_MAX 12
#define TABLE_BITS_MIN 8
#define MATCH_MIN 4
/* Every 2^5 bytes without a match the step grows by one: random bytes are passed over quickly. */
#define PATIENCE_BITS 5

size_t snappy_bound(size_t n)
{
	/* Five bytes of length; no more than three for the header of a literal, one of which stands before a copy that
	 * saves as much, or at the end of a piece. */
	return 5 + n + n / 6 + 27;
}

static uint32_t load32(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

static uint8_t *put_literal(uint8_t *out, const uint8_t *bytes, size_t n)
{
	if (n == 0)
		return out;
	if (n <= 60) {
		*out++ = (uint8_t)((n - 1) << 2);
	} else if (n <= 256) {
		*out++ = 60 << 2;
		*out++ = (uint8_t)(n - 1);
	} else {
		*out++ = 61 << 2;
		*out++ = (uint8_t)(n - 1);
		*out++ = (uint8_t)((n - 1) >> 8);
	}
	memcpy(out, bytes, n);
	return out + n;
}

static uint8_t *put_copy(uint8_t *out, size_t offset, size_t n)
{
	while (n > 64) {
		/* Leaves no rest shorter than the short form's least. */
		size_t part = n - 64 < MATCH_MIN ? 60 : 64;

		*out++ = (uint8_t)((part - 1) << 2 | 2);
		*out++ = (uint8_t)offset;
		*out++ = (uint8_t)(offset >> 8);
		n -= part;
	}
	if (n >= 4 && n <= 11 && offset < 2048) {
		*out++ = (uint8_t)((offset >> 8) << 5 | (n - 4) << 2 | 1);
		*out++ = (uint8_t)offset;
		return out;
	}
	*out++ = (uint8_t)((n - 1) << 2 | 2);
	*out++ = (uint8_t)offset;
	*out++ = (uint8_t)(offset >> 8);
	return out;
}

static size_t match_length(const uint8_t *bytes, size_t n, size_t earlier, size_t at)
{
	size_t length = MATCH_MIN;

	while (at + length < n && bytes[earlier + length] == bytes[at + length])
		length++;
	return length;
}

static uint8_t *encode_piece(const uint8_t *bytes, size_t n, uint8_t *out)
{
	uint16_t table[1 << TABLE_BITS_MAX]; /* where bytes of this hash were last seen */
	unsigned bits = TABLE_BITS_MIN;
	size_t at = 1, pending = 0; /* from `pending` on nothing is written yet */
	unsigned misses = 1 << PATIENCE_BITS;

	while (bits < TABLE_BITS_MAX && (size_t)1 << bits < n)
		bits++;
	memset(table, 0, sizeof(table[0]) << bits);
	while (at + MATCH_MIN <= n) {
		uint32_t next = load32(bytes + at);
		uint32_t hash = next * 0x9e3779b1u >> (32 - bits);
		size_t earlier = table[hash], length;

		table[hash] = (uint16_t)at;
		if (load32(bytes + earlier) != next) {
			at += misses++ >> PATIENCE_BITS;
			continue;
		}
		length = match_length(bytes, n, earlier, at);
		out = put_literal(out, bytes + pending, at - pending);
		out = put_copy(out, at - earlier, length);
		at += length;
		pending = at;
		misses = 1 << PATIENCE_BITS;
	}
	return put_literal(out, bytes + pending, n - pending);
}

size_t snappy_encode(const uint8_t *bytes, size_t n, uint8_t *ret_block)
{
	uint8_t *out = ret_block;
	size_t length = n;

	while (length >= 0x80) {
		*out++ = (uint8_t)(length | 0x80);
		length >>= 7;
	}
	*out++ = (uint8_t)length;
	while (n > 0) {
		size_t piece = n < PIECE_BYTES ? n : PIECE_BYTES;

		out = encode_piece(bytes, piece, out);
		bytes += piece;
		n -= piece;
	}
	return (size_t)(out - ret_block);
}
