/* Any bytes as a snappy block: refused, or decoded to as many bytes as it says. Any bytes as a plain text: they come
 * back. */
#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "devp2p/snappy.h"

#define LIMIT (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_block(const uint8_t *data, size_t size)
{
	size_t length = 0;
	struct error *e = snappy_decoded_length(data, size, LIMIT, &length);

	if (!e) {
		uint8_t *plain = malloc(length + 1);

		assert(length <= LIMIT);
		e = snappy_decode(data, size, plain, length);
		free(plain);
	}
	error_free(e);
}

static void as_plain(const uint8_t *data, size_t size)
{
	uint8_t *block = malloc(snappy_bound(size)), *plain = malloc(size + 1);
	size_t block_bytes = snappy_encode(data, size, block);

	assert(block_bytes <= snappy_bound(size));
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
