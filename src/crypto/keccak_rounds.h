/* The 24 rounds of Keccak-f[1600], written once for every width.
 *
 * Private to the keccak*.c files. The includer defines LANE, a type of one or more 64-bit lanes side by side, and over
 * it LANE_XOR(a, b), LANE_XOR5(a, b, c, d, e), LANE_ROTATE(a, bits) with a constant 0 < bits < 64, LANE_CHI(a, b, c) =
 * a ^ (~b & c) and LANE_CONSTANT(u64). All 25 lanes live in variables: every index is a constant. Source: the Keccak
 * reference, sections 1.2 (step mappings) and 1.3 (tables).
 */
#ifndef DSN_CRYPTO_KECCAK_ROUNDS_H
#define DSN_CRYPTO_KECCAK_ROUNDS_H

#include <stdint.h>

#define KECCAK_ROUNDS 24

static const uint64_t keccak_round_constants[KECCAK_ROUNDS] = {
	0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
	0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
	0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
	0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
	0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

#define KECCAK_INLINE static inline __attribute__((always_inline)) LANE_TARGET

/* theta: what is added to column x, from the parities c of the columns beside it. */
KECCAK_INLINE LANE keccak_spread(const LANE c[5], int x)
{
	return LANE_XOR(c[(x + 4) % 5], LANE_ROTATE(c[(x + 1) % 5], 1));
}

KECCAK_INLINE LANE keccak_parity(const LANE a[25], int x)
{
	return LANE_XOR5(a[x], a[x + 5], a[x + 10], a[x + 15], a[x + 20]);
}

/* Written out, as chi is: gcc leaves such loops standing, at a quarter of the speed. */
KECCAK_INLINE void keccak_theta(const LANE a[25], LANE ret_d[5])
{
	LANE c[5];

	c[0] = keccak_parity(a, 0);
	c[1] = keccak_parity(a, 1);
	c[2] = keccak_parity(a, 2);
	c[3] = keccak_parity(a, 3);
	c[4] = keccak_parity(a, 4);
	/* cppcheck-suppress ctuArrayIndex ; it does not know how large vectors are */
	ret_d[0] = keccak_spread(c, 0);
	ret_d[1] = keccak_spread(c, 1);
	ret_d[2] = keccak_spread(c, 2);
	ret_d[3] = keccak_spread(c, 3);
	ret_d[4] = keccak_spread(c, 4);
}

/* chi on the row that pi gathered in b. */
KECCAK_INLINE void keccak_chi(const LANE b[5], LANE ret_row[5])
{
	/* cppcheck-suppress ctuArrayIndex */
	ret_row[0] = LANE_CHI(b[0], b[1], b[2]);
	ret_row[1] = LANE_CHI(b[1], b[2], b[3]);
	ret_row[2] = LANE_CHI(b[2], b[3], b[4]);
	ret_row[3] = LANE_CHI(b[3], b[4], b[0]);
	ret_row[4] = LANE_CHI(b[4], b[0], b[1]);
}

/* theta's addition and rho: lane i = x + 5y, rotated by `bits` (a macro: vector rotations want a constant). */
#define KECCAK_MOVE(i, bits) LANE_ROTATE(LANE_XOR(a[i], d[(i) % 5]), bits)

/* One round from the lanes a to the lanes ret_e; row by row of the result, as pi gathers them. */
KECCAK_INLINE void keccak_round(const LANE a[25], uint64_t constant, LANE ret_e[25])
{
	LANE b[5], d[5];

	keccak_theta(a, d);
	b[0] = LANE_XOR(a[0], d[0]);
	b[1] = KECCAK_MOVE(6, 44);
	b[2] = KECCAK_MOVE(12, 43);
	b[3] = KECCAK_MOVE(18, 21);
	b[4] = KECCAK_MOVE(24, 14);
	keccak_chi(b, ret_e);
	ret_e[0] = LANE_XOR(ret_e[0], LANE_CONSTANT(constant));
	b[0] = KECCAK_MOVE(3, 28);
	b[1] = KECCAK_MOVE(9, 20);
	b[2] = KECCAK_MOVE(10, 3);
	b[3] = KECCAK_MOVE(16, 45);
	b[4] = KECCAK_MOVE(22, 61);
	keccak_chi(b, ret_e + 5);
	b[0] = KECCAK_MOVE(1, 1);
	b[1] = KECCAK_MOVE(7, 6);
	b[2] = KECCAK_MOVE(13, 25);
	b[3] = KECCAK_MOVE(19, 8);
	b[4] = KECCAK_MOVE(20, 18);
	keccak_chi(b, ret_e + 10);
	b[0] = KECCAK_MOVE(4, 27);
	b[1] = KECCAK_MOVE(5, 36);
	b[2] = KECCAK_MOVE(11, 10);
	b[3] = KECCAK_MOVE(17, 15);
	b[4] = KECCAK_MOVE(23, 56);
	keccak_chi(b, ret_e + 15);
	b[0] = KECCAK_MOVE(2, 62);
	b[1] = KECCAK_MOVE(8, 55);
	b[2] = KECCAK_MOVE(14, 39);
	b[3] = KECCAK_MOVE(15, 41);
	b[4] = KECCAK_MOVE(21, 2);
	keccak_chi(b, ret_e + 20);
}

/* All rounds; two at a time, so that the result ends where it began without copies. */
KECCAK_INLINE void keccak_rounds(LANE a[25])
{
	LANE e[25];

	for (int i = 0; i < KECCAK_ROUNDS; i += 2) {
		keccak_round(a, keccak_round_constants[i], e);
		keccak_round(e, keccak_round_constants[i + 1], a);
	}
}

#endif
