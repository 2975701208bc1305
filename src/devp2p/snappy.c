#include "devp2p/snappy.h"

#include <snappy-c.h>

/* The densest element: a copy of 64 bytes in 3. Asked before memory is made for what a block only says of itself. */
#define DENSEST_BYTES 64
#define DENSEST_COST 3

size_t snappy_bound(size_t n)
{
	return snappy_max_compressed_length(n);
}

size_t snappy_encode(const uint8_t *bytes, size_t n, uint8_t *ret_block)
{
	size_t block_bytes = snappy_bound(n);

	/* Fails only in less room than that. */
	(void)snappy_compress((const char *)bytes, n, (char *)ret_block, &block_bytes);
	return block_bytes;
}

static struct error *read_length(const uint8_t *block, size_t n, size_t *ret_length)
{
	if (snappy_uncompressed_length((const char *)block, n, ret_length) != SNAPPY_OK)
		return error_new(ERROR_INVALID, "invalid snappy block: its length is none of 32 bits");
	return NULL;
}

struct error *snappy_decoded_length(const uint8_t *block, size_t n, size_t limit, size_t *ret_length)
{
	size_t length = 0;

	TRY(read_length(block, n, &length));
	if (length > limit)
		return error_new(ERROR_LIMIT, "a snappy block of %zu bytes, %zu are allowed", length, limit);
	if (length > n * DENSEST_BYTES / DENSEST_COST)
		return error_new(ERROR_INVALID, "invalid snappy block: it cannot hold the %zu bytes it says", length);
	*ret_length = length;
	return NULL;
}

struct error *snappy_decode(const uint8_t *block, size_t n, uint8_t *ret_bytes, size_t length)
{
	size_t said = 0;

	TRY(read_length(block, n, &said));
	if (said != length)
		return error_new(ERROR_INVALID, "invalid snappy block: it says %zu bytes, not %zu", said, length);
	if (snappy_uncompress((const char *)block, n, (char *)ret_bytes, &said) != SNAPPY_OK)
		return error_new(ERROR_INVALID, "invalid snappy block: its elements do not make the %zu bytes it says",
				 length);
	return NULL;
}
