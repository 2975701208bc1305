#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "whisper/pow.h"

#define LANES 25
#define RATE_LANES (KECCAK_RATE / 8)
#define NONCE_BYTES 8
#define HASH_LANES 4

/* Keccak's padding: 1 behind the message's last byte, 0x80 into the block's last byte. */
#define PAD_LANE (RATE_LANES - 1)
#define PAD_END (0x80ULL << 56)

/* Both rules hash a fixed text, then the nonce. Where the nonce falls in its block decides what is hashed per nonce. */
enum layout {
	NONCE_IN_LAST,   /* nonce and padding share the last block: one permutation */
	NONCE_STRADDLES, /* its low bytes stand in the last block: one more permutation when the others change */
	NONCE_BEFORE,    /* it fills a block up, the last one is all padding: two permutations */
};

struct pow_scan {
	const struct keccak_lanes *lanes;
	enum pow_rule rule;
	enum layout layout;
	unsigned lane, shift; /* where the nonce's first byte goes: lane, bits */
	unsigned low_bits;    /* of the nonce, in the last block; NONCE_STRADDLES */
	uint64_t base[LANES]; /* the state before the nonce's block, fixed bytes (and padding, when it fits) added */
};

static void add_byte(uint64_t lanes[LANES], size_t at, uint8_t byte)
{
	lanes[at / 8] ^= (uint64_t)byte << 8 * (at % 8);
}

struct pow_scan *pow_scan_new(const void *ctx, enum pow_rule rule, const uint8_t *short_rlp, size_t short_bytes,
			      const struct keccak_lanes *lanes)
{
	uint8_t legacy[KECCAK_BYTES + POW_LEGACY_ZEROS] = {0};
	struct pow_scan *s = mem_new(ctx, struct pow_scan);
	size_t whole, at;
	struct keccak k;

	assert(lanes->width <= KECCAK_LANES_MAX);
	if (rule == POW_LEGACY) {
		keccak256(short_rlp, short_bytes, legacy);
		short_rlp = legacy;
		short_bytes = sizeof(legacy);
	}
	s->lanes = lanes;
	s->rule = rule;
	at = short_bytes % KECCAK_RATE;
	whole = short_bytes - at;
	keccak_init(&k);
	keccak_update(&k, short_rlp, whole);
	memcpy(s->base, k.lanes, sizeof(s->base));
	for (size_t i = 0; i < at; i++)
		add_byte(s->base, i, short_rlp[whole + i]);
	s->lane = (unsigned)(at / 8);
	s->shift = (unsigned)(at % 8 * 8);
	if (at + NONCE_BYTES < KECCAK_RATE) {
		s->layout = NONCE_IN_LAST;
		add_byte(s->base, at + NONCE_BYTES, 0x01);
		s->base[PAD_LANE] ^= PAD_END;
	} else {
		s->layout = at + NONCE_BYTES == KECCAK_RATE ? NONCE_BEFORE : NONCE_STRADDLES;
		s->low_bits = s->shift;
	}
	return s;
}

/* The states of one step; on the stack of who runs it. */
struct step {
	uint64_t base[LANES * KECCAK_LANES_MAX] __attribute__((aligned(64)));
	uint64_t states[LANES * KECCAK_LANES_MAX] __attribute__((aligned(64)));
	uint64_t mask; /* bits of the lane that shows them that must be zero */
	unsigned lane; /* which that is */
	unsigned bits; /* asked for */
};

static void spread(const uint64_t lanes[LANES], size_t width, uint64_t *ret_states)
{
	for (size_t i = 0; i < LANES; i++)
		for (size_t j = 0; j < width; j++)
			ret_states[i * width + j] = lanes[i];
}

/* The hash's first lane shows leading zeros, its fourth trailing ones; both are big-endian parts of it. */
static void step_ask(struct step *step, enum pow_rule rule, unsigned bits)
{
	unsigned shown = bits < 64 ? bits : 64;
	uint64_t low = shown ? ~0ULL >> (64 - shown) : 0;

	step->lane = rule == POW_LEGACY ? HASH_LANES - 1 : 0;
	step->mask = __builtin_bswap64(rule == POW_LEGACY || !shown ? low : low << (64 - shown));
	step->bits = bits;
}

static unsigned state_bits(const uint64_t *states, size_t width, size_t index, enum pow_rule rule)
{
	uint8_t hash[KECCAK_BYTES];

	for (size_t i = 0; i < KECCAK_BYTES; i++)
		hash[i] = (uint8_t)(states[i / 8 * width + index] >> 8 * (i % 8));
	return pow_hash_bits(rule, hash);
}

/* Always inlined with a constant width, so that its loops over the states become vector instructions. */
static inline __attribute__((always_inline)) void step_fill(const struct pow_scan *s, struct step *step, uint64_t nonce,
							    size_t width)
{
	uint64_t *at = step->states + s->lane * width;

	memcpy(step->states, step->base, LANES * width * sizeof(*step->states));
	for (size_t i = 0; i < width; i++) {
		uint64_t bytes = __builtin_bswap64(nonce + i);

		if (s->layout == NONCE_STRADDLES) {
			step->states[i] ^= bytes >> (64 - s->low_bits);
			continue;
		}
		at[i] ^= bytes << s->shift;
		if (s->shift)
			at[width + i] ^= bytes >> (64 - s->shift);
	}
}

static void step_permute(const struct pow_scan *s, struct step *step)
{
	size_t width = s->lanes->width;

	s->lanes->permute(step->states);
	if (s->layout != NONCE_BEFORE)
		return;
	for (size_t i = 0; i < width; i++) {
		step->states[i] ^= 0x01;
		step->states[PAD_LANE * width + i] ^= PAD_END;
	}
	s->lanes->permute(step->states);
}

/* Up to `count` nonces that share the base. */
static inline __attribute__((always_inline)) bool run(const struct pow_scan *s, struct step *step, uint64_t first,
						      uint64_t count, size_t width, uint64_t *ret_nonce,
						      unsigned *ret_bits)
{
	const uint64_t *shown = step->states + step->lane * width;

	for (uint64_t done = 0; done < count; done += width) {
		bool any = false;

		step_fill(s, step, first + done, width);
		step_permute(s, step);
		for (size_t i = 0; i < width; i++)
			any |= (shown[i] & step->mask) == 0;
		for (size_t i = 0; any && i < width && i < count - done; i++) {
			unsigned bits = state_bits(step->states, width, i, s->rule);

			if (bits < step->bits)
				continue;
			*ret_nonce = first + done + i;
			*ret_bits = bits;
			return true;
		}
	}
	return false;
}

static bool run_width(const struct pow_scan *s, struct step *step, uint64_t first, uint64_t count, uint64_t *ret_nonce,
		      unsigned *ret_bits)
{
	switch (s->lanes->width) {
	case 8:
		return run(s, step, first, count, 8, ret_nonce, ret_bits);
	case 4:
		return run(s, step, first, count, 4, ret_nonce, ret_bits);
	case 1:
		return run(s, step, first, count, 1, ret_nonce, ret_bits);
	default:
		return run(s, step, first, count, s->lanes->width, ret_nonce, ret_bits);
	}
}

/* Nonces that differ in their low bits only share the block in front of the last. */
static bool run_straddling(const struct pow_scan *s, struct step *step, uint64_t first, uint64_t count,
			   uint64_t *ret_nonce, unsigned *ret_bits)
{
	while (count > 0) {
		uint64_t low = first & (~0ULL >> (64 - s->low_bits)), left = (1ULL << s->low_bits) - low;
		uint64_t together = left < count ? left : count;
		uint64_t lanes[LANES];

		memcpy(lanes, s->base, sizeof(lanes));
		lanes[PAD_LANE] ^= __builtin_bswap64(first) << s->shift;
		keccak_permute(lanes);
		add_byte(lanes, s->low_bits / 8, 0x01);
		lanes[PAD_LANE] ^= PAD_END;
		spread(lanes, s->lanes->width, step->base);
		if (run_width(s, step, first, together, ret_nonce, ret_bits))
			return true;
		first += together;
		count -= together;
	}
	return false;
}

bool pow_scan_find(const struct pow_scan *s, uint64_t first, uint64_t count, unsigned bits, uint64_t *ret_nonce,
		   unsigned *ret_bits)
{
	struct step step;

	step_ask(&step, s->rule, bits);
	if (s->layout == NONCE_STRADDLES)
		return run_straddling(s, &step, first, count, ret_nonce, ret_bits);
	spread(s->base, s->lanes->width, step.base);
	return run_width(s, &step, first, count, ret_nonce, ret_bits);
}

void pow_scan_best(const struct pow_scan *s, uint64_t first, uint64_t count, unsigned *ret_bits, uint64_t *ret_nonce)
{
	uint64_t end = first + count, nonce = first;
	unsigned bits = 0;

	assert(count > 0);
	*ret_bits = 0;
	*ret_nonce = first;
	while (count > 0 && pow_scan_find(s, first, count, *ret_bits + 1, &nonce, &bits)) {
		*ret_bits = bits;
		*ret_nonce = nonce;
		first = nonce + 1;
		count = end - first;
	}
}
