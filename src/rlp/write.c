#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "rlp/rlp.h"

#define HEADER_MAX 9 /* bytes: a length of up to eight bytes, and its prefix */

void rlp_writer_init(struct rlp_writer *w, const void *ctx)
{
	*w = (struct rlp_writer){.ctx = ctx};
}

static uint8_t *grow(struct rlp_writer *w, size_t n)
{
	if (w->len + n > w->capacity) {
		size_t capacity = w->capacity ? w->capacity : 128;

		while (capacity < w->len + n)
			capacity *= 2;
		w->data = mem_resize(w->ctx, w->data, uint8_t, capacity);
		w->capacity = capacity;
	}
	w->len += n;
	return w->data + w->len - n;
}

static size_t big_endian(uint64_t value, uint8_t ret_bytes[8])
{
	size_t n = 0;

	for (int shift = 56; shift >= 0; shift -= 8) {
		uint8_t byte = (uint8_t)(value >> shift);

		if (n > 0 || byte)
			ret_bytes[n++] = byte;
	}
	return n;
}

/* offset: 0x80 for a string, 0xc0 for a list */
static size_t header(uint8_t offset, size_t n, uint8_t ret_header[HEADER_MAX])
{
	size_t length_bytes;

	if (n < 56) {
		ret_header[0] = (uint8_t)(offset + n);
		return 1;
	}
	length_bytes = big_endian(n, ret_header + 1);
	ret_header[0] = (uint8_t)(offset + 55 + length_bytes);
	return 1 + length_bytes;
}

void rlp_write_raw(struct rlp_writer *w, const void *bytes, size_t n)
{
	if (n > 0)
		memcpy(grow(w, n), bytes, n);
}

void rlp_write_bytes(struct rlp_writer *w, const void *bytes, size_t n)
{
	uint8_t head[HEADER_MAX] = {0};

	if (n != 1 || *(const uint8_t *)bytes >= 0x80) {
		size_t head_bytes = header(0x80, n, head);

		rlp_write_raw(w, head, head_bytes);
	}
	rlp_write_raw(w, bytes, n);
}

void rlp_write_uint(struct rlp_writer *w, const uint8_t *bytes, size_t n)
{
	while (n > 0 && *bytes == 0) {
		bytes++;
		n--;
	}
	rlp_write_bytes(w, bytes, n);
}

void rlp_write_u64(struct rlp_writer *w, uint64_t value)
{
	uint8_t bytes[8] = {0};
	size_t n = big_endian(value, bytes);

	rlp_write_bytes(w, bytes, n);
}

void rlp_write_bool(struct rlp_writer *w, bool value)
{
	rlp_write_u64(w, value);
}

void rlp_list_begin(struct rlp_writer *w)
{
	assert(w->depth < sizeof(w->open) / sizeof(w->open[0]));
	w->open[w->depth++] = w->len;
}

void rlp_list_end(struct rlp_writer *w)
{
	uint8_t head[HEADER_MAX];
	size_t begin, n, head_bytes;

	assert(w->depth > 0);
	begin = w->open[--w->depth];
	n = w->len - begin;
	head_bytes = header(0xc0, n, head);
	grow(w, head_bytes);
	memmove(w->data + begin + head_bytes, w->data + begin, n);
	memcpy(w->data + begin, head, head_bytes);
}
