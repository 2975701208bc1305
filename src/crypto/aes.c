#include "crypto/aes.h"

#include <assert.h>
#include <openssl/modes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/aes_core.h"
#include "crypto/secret.h"

struct aes_ctr {
	struct aes_key key;
	uint8_t counter[16];
	uint8_t stream[16]; /* of the block begun; its last `left` bytes are not used yet */
	unsigned left;
};

static int ctr_free(struct aes_ctr *c)
{
	secret_wipe(c, sizeof(*c));
	return 0;
}

struct aes_ctr *aes_ctr_new(const void *ctx, const uint8_t *key, size_t key_bytes, const uint8_t iv[16])
{
	struct aes_ctr *c = mem_new(ctx, struct aes_ctr);

	assert(key_bytes == 16 || key_bytes == 32);
	talloc_set_destructor(c, ctr_free);
	aes_core_expand(key, key_bytes, &c->key);
	memcpy(c->counter, iv, sizeof(c->counter));
	return c;
}

void aes_ctr_apply(struct aes_ctr *c, const uint8_t *in, size_t n, uint8_t *ret_out)
{
	static const uint8_t zeros[16];

	for (; c->left > 0 && n > 0; n--)
		*ret_out++ = *in++ ^ c->stream[16 - c->left--];
	if (n == 0)
		return;
	aes_core_ctr(&c->key, c->counter, in, n / 16, ret_out);
	in += n - n % 16;
	ret_out += n - n % 16;
	n %= 16;
	if (n == 0)
		return;
	aes_core_ctr(&c->key, c->counter, zeros, 1, c->stream);
	for (size_t i = 0; i < n; i++)
		ret_out[i] = in[i] ^ c->stream[i];
	c->left = 16 - (unsigned)n;
}

struct aes_block {
	struct aes_key key;
};

static int block_free(struct aes_block *b)
{
	secret_wipe(b, sizeof(*b));
	return 0;
}

struct aes_block *aes_block_new(const void *ctx, const uint8_t *key, size_t key_bytes)
{
	struct aes_block *b = mem_new(ctx, struct aes_block);

	assert(key_bytes == 16 || key_bytes == 32);
	talloc_set_destructor(b, block_free);
	aes_core_expand(key, key_bytes, &b->key);
	return b;
}

void aes_block_encrypt(struct aes_block *b, const uint8_t in[16], uint8_t ret_out[16])
{
	aes_core_encrypt(&b->key, in, ret_out);
}

/* libcrypto's GCM asks for AES by these two: one block, and counted blocks. Its counter has 32 bits, which a message of
 * less than 2^32 - 2 blocks never wraps. */
static void gcm_block(const unsigned char in[16], unsigned char out[16], const void *key)
{
	aes_core_encrypt(key, in, out);
}

static void gcm_blocks(const unsigned char *in, unsigned char *out, size_t blocks, const void *key,
		       const unsigned char ivec[16])
{
	uint8_t counter[16];

	memcpy(counter, ivec, sizeof(counter));
	aes_core_ctr(key, counter, in, blocks, out);
}

/* What fails here is memory, or a message of more than 64 GiB. */
static void need(bool ok)
{
	if (ok)
		return;
	fputs("libcrypto: AES-GCM failed\n", stderr);
	abort();
}

static GCM128_CONTEXT *gcm_new(struct aes_key *k, const uint8_t key[32], const uint8_t nonce[AES_GCM_NONCE_BYTES])
{
	GCM128_CONTEXT *gcm = NULL;

	aes_core_expand(key, 32, k);
	gcm = CRYPTO_gcm128_new(k, gcm_block);
	need(gcm);
	CRYPTO_gcm128_setiv(gcm, nonce, AES_GCM_NONCE_BYTES);
	return gcm;
}

static void gcm_free(GCM128_CONTEXT *gcm, struct aes_key *k)
{
	CRYPTO_gcm128_release(gcm); /* wipes */
	secret_wipe(k, sizeof(*k));
}

void aes_gcm_seal(const uint8_t key[32], const uint8_t nonce[AES_GCM_NONCE_BYTES], const uint8_t *plain, size_t n,
		  uint8_t *ret_sealed)
{
	struct aes_key k;
	GCM128_CONTEXT *gcm = gcm_new(&k, key, nonce);

	need(CRYPTO_gcm128_encrypt_ctr32(gcm, plain, ret_sealed, n, gcm_blocks) == 0);
	CRYPTO_gcm128_tag(gcm, ret_sealed + n, AES_GCM_TAG_BYTES);
	gcm_free(gcm, &k);
}

struct error *aes_gcm_open(const uint8_t key[32], const uint8_t nonce[AES_GCM_NONCE_BYTES], const uint8_t *sealed,
			   size_t n, uint8_t *ret_plain)
{
	size_t plain_bytes = n - AES_GCM_TAG_BYTES;
	uint8_t tag[AES_GCM_TAG_BYTES];
	GCM128_CONTEXT *gcm = NULL;
	struct aes_key k;
	bool fits = false;

	if (n < AES_GCM_TAG_BYTES)
		return error_new(ERROR_REFUSED, "AES-GCM: %zu bytes are too few for a tag", n);
	memcpy(tag, sealed + plain_bytes, sizeof(tag));
	gcm = gcm_new(&k, key, nonce);
	need(CRYPTO_gcm128_decrypt_ctr32(gcm, sealed, ret_plain, plain_bytes, gcm_blocks) == 0);
	fits = CRYPTO_gcm128_finish(gcm, tag, sizeof(tag)) == 0;
	gcm_free(gcm, &k);
	if (fits)
		return NULL;
	/* Nobody may use what an attacker chose. */
	secret_wipe(ret_plain, plain_bytes);
	return error_new(ERROR_REFUSED, "AES-GCM: the tag does not fit");
}
