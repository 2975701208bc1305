/* FNV-1a of 32 bits (draft-eastlake-fnv): tells bytes that happen to differ apart. Who wants two of the same sum finds
 * them, so nothing that somebody else gains by may hang on it. Pure; threads: any. */
#ifndef DSN_BASE_FNV_H
#define DSN_BASE_FNV_H

#include <stddef.h>
#include <stdint.h>

/* The sum of no bytes; where a secret seed stands in its place, strangers cannot choose what falls together. */
#define FNV32_BASIS UINT32_C(0x811c9dc5)
#define FNV32_PRIME UINT32_C(0x01000193)

/* The sum of what came before and these bytes; the first time `sum` is FNV32_BASIS. */
static inline uint32_t fnv32(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		sum = (uint32_t)((uint64_t)(sum ^ bytes[i]) * FNV32_PRIME);
	return sum;
}

#endif
