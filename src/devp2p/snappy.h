/* The snappy block format, raw: no stream framing, no checksums (google/snappy format_description.txt, EIP-706), by
 * libsnappy; here are the bounds that it does not know. Threads: any. */
#ifndef DSN_DEVP2P_SNAPPY_H
#define DSN_DEVP2P_SNAPPY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The most that n bytes can become. */
size_t snappy_bound(size_t n);
/* Returns how many bytes of ret_block, of snappy_bound(n) at least, were filled. n <= UINT32_MAX. */
size_t snappy_encode(const uint8_t *bytes, size_t n, uint8_t *ret_block);

/* The length that a block says it has when decoded, before anything is allocated for it. ERROR_LIMIT above `limit`;
 * ERROR_INVALID when it is none, or more than a block of n bytes can hold. */
struct error *snappy_decoded_length(const uint8_t *block, size_t n, size_t limit, size_t *ret_length) MUST_CHECK;
/* ret_bytes: exactly `length` bytes, as snappy_decoded_length() told; their contents are undefined after an error.
 * ERROR_INVALID: the block ends early, reaches back too far, or makes more or less than it said. */
struct error *snappy_decode(const uint8_t *block, size_t n, uint8_t *ret_bytes, size_t length) MUST_CHECK;

#endif
