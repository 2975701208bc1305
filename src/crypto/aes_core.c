#include "crypto/aes_core.h"

#include <openssl/modes.h>

#include "crypto/secret.h"

static void portable_block(const unsigned char in[16], unsigned char out[16], const void *key)
{
	AES_encrypt(in, out, key);
}

void aes_core_expand_portable(const uint8_t *key, size_t bytes, struct aes_key *ret_key)
{
	AES_set_encrypt_key(key, 8 * (int)bytes, &ret_key->portable);
	ret_key->round_count = 0;
}

void aes_core_expand(const uint8_t *key, size_t bytes, struct aes_key *ret_key)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("aes")) {
		aes_ni_expand(key, bytes, ret_key);
		return;
	}
#endif
	aes_core_expand_portable(key, bytes, ret_key);
}

void aes_core_encrypt(const struct aes_key *k, const uint8_t in[16], uint8_t ret_out[16])
{
#ifdef __x86_64__
	if (k->round_count > 0) {
		aes_ni_encrypt(k, in, ret_out);
		return;
	}
#endif
	AES_encrypt(in, ret_out, &k->portable);
}

void aes_core_ctr(const struct aes_key *k, uint8_t counter[16], const uint8_t *in, size_t blocks, uint8_t *ret_out)
{
	unsigned char stream[16];
	unsigned used = 0;

#ifdef __x86_64__
	if (k->round_count > 0) {
		aes_ni_ctr(k, counter, in, blocks, ret_out);
		return;
	}
#endif
	CRYPTO_ctr128_encrypt(in, ret_out, 16 * blocks, &k->portable, counter, stream, &used, portable_block);
	secret_wipe(stream, sizeof(stream));
}
