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

/* theta's column parity of column x, and what it adds to column x (d). */
#define KECCAK_PARITY(a, x) LANE_XOR5(a[x], a[(x) + 5], a[(x) + 10], a[(x) + 15], a[(x) + 20])
#define KECCAK_SPREAD(c, x) LANE_XOR(c[((x) + 4) % 5], LANE_ROTATE(c[((x) + 1) % 5], 1))
/* theta's addition and rho: lane i = x + 5y, rotated by `bits`. */
#define KECCAK_MOVE(a, d, i, bits) LANE_ROTATE(LANE_XOR(a[i], d[(i) % 5]), bits)
/* chi on the row that pi gathered in b. */
#define KECCAK_ROW(e, b, y)                                  \
	do {                                                 \
		e[5 * (y) + 0] = LANE_CHI(b[0], b[1], b[2]); \
		e[5 * (y) + 1] = LANE_CHI(b[1], b[2], b[3]); \
		e[5 * (y) + 2] = LANE_CHI(b[2], b[3], b[4]); \
		e[5 * (y) + 3] = LANE_CHI(b[3], b[4], b[0]); \
		e[5 * (y) + 4] = LANE_CHI(b[4], b[0], b[1]); \
	} while (0)
#define KECCAK_GATHER(b, a, d, i0, r0, i1, r1, i2, r2, i3, r3, i4, r4) \
	do {                                                           \
		b[0] = KECCAK_MOVE(a, d, i0, r0);                      \
		b[1] = KECCAK_MOVE(a, d, i1, r1);                      \
		b[2] = KECCAK_MOVE(a, d, i2, r2);                      \
		b[3] = KECCAK_MOVE(a, d, i3, r3);                      \
		b[4] = KECCAK_MOVE(a, d, i4, r4);                      \
	} while (0)

/* One round from the lanes a to the lanes e. */
#define KECCAK_ROUND(e, a, round)                                                    \
	do {                                                                         \
		LANE c[5], d[5], b[5];                                               \
                                                                                     \
		c[0] = KECCAK_PARITY(a, 0);                                          \
		c[1] = KECCAK_PARITY(a, 1);                                          \
		c[2] = KECCAK_PARITY(a, 2);                                          \
		c[3] = KECCAK_PARITY(a, 3);                                          \
		c[4] = KECCAK_PARITY(a, 4);                                          \
		d[0] = KECCAK_SPREAD(c, 0);                                          \
		d[1] = KECCAK_SPREAD(c, 1);                                          \
		d[2] = KECCAK_SPREAD(c, 2);                                          \
		d[3] = KECCAK_SPREAD(c, 3);                                          \
		d[4] = KECCAK_SPREAD(c, 4);                                          \
		b[0] = LANE_XOR(a[0], d[0]);                                         \
		b[1] = KECCAK_MOVE(a, d, 6, 44);                                     \
		b[2] = KECCAK_MOVE(a, d, 12, 43);                                    \
		b[3] = KECCAK_MOVE(a, d, 18, 21);                                    \
		b[4] = KECCAK_MOVE(a, d, 24, 14);                                    \
		KECCAK_ROW(e, b, 0);                                                 \
		e[0] = LANE_XOR(e[0], LANE_CONSTANT(keccak_round_constants[round])); \
		KECCAK_GATHER(b, a, d, 3, 28, 9, 20, 10, 3, 16, 45, 22, 61);         \
		KECCAK_ROW(e, b, 1);                                                 \
		KECCAK_GATHER(b, a, d, 1, 1, 7, 6, 13, 25, 19, 8, 20, 18);           \
		KECCAK_ROW(e, b, 2);                                                 \
		KECCAK_GATHER(b, a, d, 4, 27, 5, 36, 11, 10, 17, 15, 23, 56);        \
		KECCAK_ROW(e, b, 3);                                                 \
		KECCAK_GATHER(b, a, d, 2, 62, 8, 55, 14, 39, 15, 41, 21, 2);         \
		KECCAK_ROW(e, b, 4);                                                 \
	} while (0)

/* All rounds on the lanes a; two at a time, so that the result ends where it began without copies. */
#define KECCAK_ALL_ROUNDS(a)                                         \
	do {                                                         \
		LANE e_[25];                                         \
                                                                     \
		for (unsigned r_ = 0; r_ < KECCAK_ROUNDS; r_ += 2) { \
			KECCAK_ROUND(e_, a, r_);                     \
			KECCAK_ROUND(a, e_, r_ + 1);                 \
		}                                                    \
	} while (0)

#endif
