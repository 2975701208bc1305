#ifdef __x86_64__
#include "crypto/aes_core.h"

#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("aes,sse2")))
#define INLINE static inline __attribute__((always_inline)) TARGET
#define WIDTH 8 /* blocks under way at once: an instruction takes several cycles, one can start in each */

/* The next four words of the key schedule: each is the one four before it, exclusive or the one before it. */
INLINE __m128i next_words(__m128i words, __m128i first)
{
	words = _mm_xor_si128(words, _mm_slli_si128(words, 4));
	words = _mm_xor_si128(words, _mm_slli_si128(words, 8));
	return _mm_xor_si128(words, first);
}

/* The instruction takes the round constant as a part of itself. */
#define AFTER_ROTATION(words, constant) _mm_shuffle_epi32(_mm_aeskeygenassist_si128((words), (constant)), 0xff)
#define WITHOUT_ROTATION(words) _mm_shuffle_epi32(_mm_aeskeygenassist_si128((words), 0), 0xaa)

TARGET static void expand_128(const uint8_t key[16], __m128i *round)
{
	__m128i a = _mm_loadu_si128((const __m128i *)key);

#define NEXT(i, constant) round[i] = a = next_words(a, AFTER_ROTATION(a, constant))
	round[0] = a;
	NEXT(1, 0x01);
	NEXT(2, 0x02);
	NEXT(3, 0x04);
	NEXT(4, 0x08);
	NEXT(5, 0x10);
	NEXT(6, 0x20);
	NEXT(7, 0x40);
	NEXT(8, 0x80);
	NEXT(9, 0x1b);
	NEXT(10, 0x36);
#undef NEXT
}

TARGET static void expand_256(const uint8_t key[32], __m128i *round)
{
	__m128i a = _mm_loadu_si128((const __m128i *)key), b = _mm_loadu_si128((const __m128i *)(key + 16));

#define NEXT(i, constant)                                                  \
	do {                                                               \
		round[i] = a = next_words(a, AFTER_ROTATION(b, constant)); \
		round[(i) + 1] = b = next_words(b, WITHOUT_ROTATION(a));   \
	} while (0)
	round[0] = a;
	round[1] = b;
	NEXT(2, 0x01);
	NEXT(4, 0x02);
	NEXT(6, 0x04);
	NEXT(8, 0x08);
	NEXT(10, 0x10);
	NEXT(12, 0x20);
	round[14] = next_words(a, AFTER_ROTATION(b, 0x40));
#undef NEXT
}

void aes_ni_expand(const uint8_t *key, size_t bytes, struct aes_key *ret_key)
{
	ret_key->round_count = bytes == 16 ? 10 : 14;
	if (bytes == 16)
		expand_128(key, (__m128i *)ret_key->rounds);
	else
		expand_256(key, (__m128i *)ret_key->rounds);
}

TARGET void aes_ni_encrypt(const struct aes_key *k, const uint8_t in[16], uint8_t ret_out[16])
{
	const __m128i *round = (const __m128i *)k->rounds;
	__m128i block = _mm_xor_si128(_mm_loadu_si128((const __m128i *)in), round[0]);

	for (unsigned i = 1; i < k->round_count; i++)
		block = _mm_aesenc_si128(block, round[i]);
	_mm_storeu_si128((__m128i *)ret_out, _mm_aesenclast_si128(block, round[k->round_count]));
}

struct counter {
	uint64_t high, low;
};

INLINE __m128i take_count(struct counter *c)
{
	__m128i block = _mm_set_epi64x((long long)__builtin_bswap64(c->low), (long long)__builtin_bswap64(c->high));

	if (++c->low == 0)
		c->high++;
	return block;
}

INLINE void ctr_wide(const struct aes_key *k, struct counter *c, const uint8_t *in, uint8_t *out)
{
	const __m128i *round = (const __m128i *)k->rounds;
	__m128i block[WIDTH];

	for (int j = 0; j < WIDTH; j++)
		block[j] = _mm_xor_si128(take_count(c), round[0]);
	for (unsigned i = 1; i < k->round_count; i++) {
		for (int j = 0; j < WIDTH; j++)
			block[j] = _mm_aesenc_si128(block[j], round[i]);
	}
	for (int j = 0; j < WIDTH; j++) {
		__m128i text = _mm_loadu_si128((const __m128i *)in + j);

		block[j] = _mm_aesenclast_si128(block[j], round[k->round_count]);
		_mm_storeu_si128((__m128i *)out + j, _mm_xor_si128(block[j], text));
	}
}

TARGET void aes_ni_ctr(const struct aes_key *k, uint8_t counter[16], const uint8_t *in, size_t blocks, uint8_t *ret_out)
{
	struct counter c;

	memcpy(&c, counter, 16);
	c.high = __builtin_bswap64(c.high);
	c.low = __builtin_bswap64(c.low);
	for (; blocks >= WIDTH; blocks -= WIDTH, in += 16 * WIDTH, ret_out += 16 * WIDTH)
		ctr_wide(k, &c, in, ret_out);
	for (; blocks > 0; blocks--, in += 16, ret_out += 16) {
		uint8_t stream[16];

		_mm_storeu_si128((__m128i *)stream, take_count(&c));
		aes_ni_encrypt(k, stream, stream);
		for (int i = 0; i < 16; i++)
			ret_out[i] = in[i] ^ stream[i];
	}
	c.high = __builtin_bswap64(c.high);
	c.low = __builtin_bswap64(c.low);
	memcpy(counter, &c, 16);
}
#endif
