#ifdef __x86_64__
#include "crypto/keccak_lanes_kinds.h"

#include <immintrin.h>

#define LANE_TARGET __attribute__((target("avx2")))

/* Whole bytes move in one shuffle; all else takes two shifts and an or, AVX2 has no rotation. */
static inline __attribute__((always_inline)) LANE_TARGET __m256i rotate(__m256i lanes, int bits)
{
	if (bits == 8)
		return _mm256_shuffle_epi8(lanes, _mm256_set_epi64x(0x0e0d0c0b0a09080f, 0x0605040302010007,
								    0x0e0d0c0b0a09080f, 0x0605040302010007));
	if (bits == 56)
		return _mm256_shuffle_epi8(lanes, _mm256_set_epi64x(0x080f0e0d0c0b0a09, 0x0007060504030201,
								    0x080f0e0d0c0b0a09, 0x0007060504030201));
	return _mm256_or_si256(_mm256_slli_epi64(lanes, bits), _mm256_srli_epi64(lanes, 64 - bits));
}

#define LANE __m256i
#define LANE_XOR(a, b) _mm256_xor_si256((a), (b))
#define LANE_XOR5(a, b, c, d, e) LANE_XOR(LANE_XOR(LANE_XOR((a), (b)), LANE_XOR((c), (d))), (e))
#define LANE_ROTATE(a, bits) rotate((a), (bits))
#define LANE_CHI(a, b, c) LANE_XOR((a), _mm256_andnot_si256((b), (c)))
#define LANE_CONSTANT(n) _mm256_set1_epi64x((long long)(n))
#include "crypto/keccak_rounds.inc"

LANE_TARGET void keccak_permute_avx2(uint64_t *states)
{
	__m256i a[25], *lanes = (__m256i *)states;

	for (int i = 0; i < 25; i++)
		a[i] = _mm256_load_si256(lanes + i);
	keccak_rounds(a);
	for (int i = 0; i < 25; i++)
		_mm256_store_si256(lanes + i, a[i]);
}
#endif
