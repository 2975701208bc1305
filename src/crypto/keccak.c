#include "crypto/keccak.h"

#include <string.h>

static inline __attribute__((always_inline)) uint64_t rotate(uint64_t lane, unsigned bits)
{
	return lane << bits | lane >> (64 - bits);
}

#define LANE uint64_t
#define LANE_TARGET
#define LANE_XOR(a, b) ((a) ^ (b))
#define LANE_XOR5(a, b, c, d, e) ((a) ^ (b) ^ (c) ^ (d) ^ (e))
#define LANE_ROTATE(a, bits) rotate((a), (bits))
#define LANE_CHI(a, b, c) ((a) ^ (~(b) & (c)))
#define LANE_CONSTANT(n) (n)
#include "crypto/keccak_rounds.inc"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the sponge copies lanes as bytes: little-endian processors only"
#endif

void keccak_permute(uint64_t lanes[25])
{
	uint64_t a[25];

	memcpy(a, lanes, sizeof(a));
	keccak_rounds(a);
	memcpy(lanes, a, sizeof(a));
}

static void xor_bytes(uint64_t lanes[25], unsigned at, const uint8_t *bytes, size_t n)
{
	uint8_t *state = (uint8_t *)lanes + at;

	for (size_t i = 0; i < n; i++)
		state[i] ^= bytes[i];
}

static void xor_block(uint64_t lanes[25], const uint8_t *bytes)
{
	for (size_t i = 0; i < KECCAK_RATE / 8; i++) {
		uint64_t lane = 0;

		memcpy(&lane, bytes + 8 * i, 8);
		lanes[i] ^= lane;
	}
}

void keccak_init(struct keccak *k)
{
	memset(k, 0, sizeof(*k));
}

void keccak_update(struct keccak *k, const void *bytes, size_t n)
{
	const uint8_t *next = bytes;

	if (k->used > 0) {
		size_t part = KECCAK_RATE - k->used < n ? KECCAK_RATE - k->used : n;

		xor_bytes(k->lanes, k->used, next, part);
		k->used += (unsigned)part;
		next += part;
		n -= part;
		if (k->used < KECCAK_RATE)
			return;
		keccak_permute(k->lanes);
		k->used = 0;
	}
	for (; n >= KECCAK_RATE; next += KECCAK_RATE, n -= KECCAK_RATE) {
		xor_block(k->lanes, next);
		keccak_permute(k->lanes);
	}
	if (n > 0)
		xor_bytes(k->lanes, 0, next, n);
	k->used = (unsigned)n;
}

/* Pads with 0x01 .. 0x80 (one byte 0x81 when only one is left) and squeezes the lanes in place. */
static void finish(uint64_t lanes[25], unsigned used, uint8_t ret_digest[KECCAK_BYTES])
{
	uint8_t *state = (uint8_t *)lanes;

	state[used] ^= 0x01;
	state[KECCAK_RATE - 1] ^= 0x80;
	keccak_permute(lanes);
	memcpy(ret_digest, lanes, KECCAK_BYTES);
}

void keccak_digest(const struct keccak *k, uint8_t ret_digest[KECCAK_BYTES])
{
	uint64_t lanes[25];

	memcpy(lanes, k->lanes, sizeof(lanes));
	finish(lanes, k->used, ret_digest);
}

void keccak256(const void *bytes, size_t n, uint8_t ret_digest[KECCAK_BYTES])
{
	struct keccak k;

	keccak_init(&k);
	keccak_update(&k, bytes, n);
	finish(k.lanes, k.used, ret_digest);
}
