#include <assert.h>
#include <math.h>
#include <string.h>

#include "crypto/keccak.h"
#include "rlp/rlp.h"
#include "whisper/pow.h"

#define HASH_BITS (8 * KECCAK_BYTES)
#define NONCE_BYTES 8

uint8_t *pow_short(const void *ctx, uint32_t expiry, uint32_t ttl, const uint8_t topic[TOPIC_BYTES],
		   const uint8_t *data, size_t data_bytes, size_t *ret_bytes)
{
	struct rlp_writer w;

	rlp_writer_init(&w, ctx);
	rlp_list_begin(&w);
	rlp_write_u64(&w, expiry);
	rlp_write_u64(&w, ttl);
	rlp_write_bytes(&w, topic, TOPIC_BYTES);
	rlp_write_bytes(&w, data, data_bytes);
	rlp_list_end(&w);
	*ret_bytes = w.len;
	return w.data;
}

void pow_nonce_bytes(uint64_t nonce, uint8_t ret_bytes[8])
{
	nonce = __builtin_bswap64(nonce);
	memcpy(ret_bytes, &nonce, sizeof(nonce));
}

unsigned pow_hash_bits(enum pow_rule rule, const uint8_t hash[KECCAK_BYTES])
{
	for (unsigned i = 0; i < KECCAK_BYTES; i++) {
		uint8_t byte = hash[rule == POW_LEGACY ? KECCAK_BYTES - 1 - i : i];

		if (byte)
			return 8 * i + (unsigned)(rule == POW_LEGACY ? __builtin_ctz(byte) : __builtin_clz(byte) - 24);
	}
	return rule == POW_LEGACY ? 0 : HASH_BITS;
}

/* k: with `short` absorbed */
static unsigned finish(enum pow_rule rule, struct keccak k, uint64_t nonce)
{
	uint8_t hash[KECCAK_BYTES], nonce_bytes[NONCE_BYTES];
	static const uint8_t zeros[POW_LEGACY_ZEROS];

	pow_nonce_bytes(nonce, nonce_bytes);
	if (rule == POW_LEGACY) {
		keccak_digest(&k, hash);
		keccak_init(&k);
		keccak_update(&k, hash, sizeof(hash));
		keccak_update(&k, zeros, sizeof(zeros));
	}
	keccak_update(&k, nonce_bytes, sizeof(nonce_bytes));
	keccak_digest(&k, hash);
	return pow_hash_bits(rule, hash);
}

unsigned pow_bits(enum pow_rule rule, const uint8_t *short_rlp, size_t short_bytes, uint64_t nonce)
{
	struct keccak k;

	keccak_init(&k);
	keccak_update(&k, short_rlp, short_bytes);
	return finish(rule, k, nonce);
}

void pow_bits_all(const uint8_t *short_rlp, size_t short_bytes, uint64_t nonce, unsigned ret_bits[POW_RULES])
{
	struct keccak k;

	keccak_init(&k);
	keccak_update(&k, short_rlp, short_bytes);
	for (enum pow_rule rule = 0; rule < POW_RULES; rule++)
		ret_bits[rule] = finish(rule, k, nonce);
}

double pow_value(enum pow_rule rule, unsigned bits, size_t short_bytes, size_t data_bytes, uint32_t ttl)
{
	double size = (double)(rule == POW_LEGACY ? POW_LEGACY_OVERHEAD + data_bytes : short_bytes);

	assert(bits <= HASH_BITS);
	return ldexp(1, (int)bits) / size / ttl;
}

static bool reaches(double target, unsigned bits, size_t short_bytes, size_t data_bytes, uint32_t ttl)
{
	return pow_value(POW_EIP627, bits, short_bytes, data_bytes, ttl) >= target &&
	       pow_value(POW_LEGACY, bits, short_bytes, data_bytes, ttl) >= target;
}

/* At most 257 steps: nothing beside the hashing that follows, and exact where a logarithm rounds. */
unsigned pow_target_bits(double target, size_t short_bytes, size_t data_bytes, uint32_t ttl)
{
	unsigned bits = 1;

	if (!(target > 0))
		return 0;
	while (bits < HASH_BITS && !reaches(target, bits, short_bytes, data_bytes, ttl))
		bits++;
	return bits;
}
