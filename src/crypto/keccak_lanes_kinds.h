/* The vector forms of keccak_lanes.h, each in a file of its own: only to be called where the processor has them. */
#ifndef DSN_CRYPTO_KECCAK_LANES_KINDS_H
#define DSN_CRYPTO_KECCAK_LANES_KINDS_H

#include <stdint.h>

#ifdef __x86_64__
void keccak_permute_avx2(uint64_t *states);   /* 4 states */
void keccak_permute_avx512(uint64_t *states); /* 8 states; AVX-512F */
#endif

#endif
