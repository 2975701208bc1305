/* Any bytes as a snappy block: libsnappy and we agree whether it is one and on what is in it. Any bytes as a plain
 * text: both decode what we made of it. */
#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <snappy-c.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "devp2p/snappy.h"

#define LIMIT (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A literal of 2^32 bytes: libsnappy counts in 32 bits and takes it for an empty one. We refuse it, as Go's snappy
 * does. */
static bool has_literal_that_wraps(const uint8_t *data, size_t size)
{
	return memmem(data, size, "\xfc\xff\xff\xff\xff", 5) != NULL;
}

static void as_block(const uint8_t *data, size_t size)
{
	size_t length = 0, said = 0;
	struct error *e = snappy_decoded_length(data, size, LIMIT, &length);
	bool theirs = snappy_uncompressed_length((const char *)data, size, &said) == SNAPPY_OK && said <= LIMIT &&
		      snappy_validate_compressed_buffer((const char *)data, size) == SNAPPY_OK;
	uint8_t *plain = malloc(length + 1);

	if (!e)
		e = snappy_decode(data, size, plain, length);
	assert(theirs == !e || (theirs && has_literal_that_wraps(data, size)));
	if (!e) {
		char *other = malloc(length + 1);
		size_t n = length;

		assert(snappy_uncompress((const char *)data, size, other, &n) == SNAPPY_OK && n == length);
		assert(!memcmp(plain, other, n));
		free(other);
	}
	error_free(e);
	free(plain);
}

static void as_plain(const uint8_t *data, size_t size)
{
	uint8_t *block = malloc(snappy_bound(size)), *plain = malloc(size + 1);
	size_t block_bytes = snappy_encode(data, size, block), n = size;

	assert(block_bytes <= snappy_bound(size));
	assert(snappy_uncompress((const char *)block, block_bytes, (char *)plain, &n) == SNAPPY_OK && n == size);
	assert(!memcmp(plain, data, size));
	if (snappy_decode(block, block_bytes, plain, size))
		abort();
	assert(!memcmp(plain, data, size));
	free(block);
	free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_block(data, size);
	as_plain(data, size);
	return 0;
}
