#ifdef __x86_64__
#include "crypto/keccak_lanes_kinds.h"

#include <immintrin.h>

#define LANE_TARGET __attribute__((target("avx512f")))

/* Functions of three bits as a table of eight answers. */
#define TABLE_XOR3 0x96
#define TABLE_CHI 0xd2

#define LANE __m512i
#define LANE_XOR(a, b) _mm512_xor_si512((a), (b))
#define LANE_XOR3(a, b, c) _mm512_ternarylogic_epi64((a), (b), (c), TABLE_XOR3)
#define LANE_XOR5(a, b, c, d, e) LANE_XOR3(LANE_XOR3((a), (b), (c)), (d), (e))
#define LANE_ROTATE(a, bits) _mm512_rol_epi64((a), (bits))
#define LANE_CHI(a, b, c) _mm512_ternarylogic_epi64((a), (b), (c), TABLE_CHI)
#define LANE_CONSTANT(n) _mm512_set1_epi64((long long)(n))
#include "crypto/keccak_rounds.inc"

LANE_TARGET void keccak_permute_avx512(uint64_t *states)
{
	__m512i a[25], *lanes = (__m512i *)states;

	for (int i = 0; i < 25; i++)
		a[i] = _mm512_load_si512(lanes + i);
	keccak_rounds(a);
	for (int i = 0; i < 25; i++)
		_mm512_store_si512(lanes + i, a[i]);
}
#endif
