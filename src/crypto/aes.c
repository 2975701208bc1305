#include "crypto/aes.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/evp.h"
#include "crypto/secret.h"

/* EVP counts in int. */
#define PART_BYTES ((size_t)1 << 30)

static EVP_CIPHER_CTX *begin(const EVP_CIPHER *cipher, const uint8_t *key, const uint8_t *iv, bool encrypt)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

	evp_need(c && EVP_CipherInit_ex2(c, cipher, key, iv, encrypt, NULL));
	return c;
}

static void update(EVP_CIPHER_CTX *c, const uint8_t *in, size_t n, uint8_t *ret_out)
{
	while (n > 0) {
		int part = n < PART_BYTES ? (int)n : (int)PART_BYTES, made = 0;

		evp_need(EVP_CipherUpdate(c, ret_out, &made, in, part) && made == part);
		in += part;
		ret_out += part;
		n -= (size_t)part;
	}
}

struct aes_ctr {
	EVP_CIPHER_CTX *evp;
};

static int ctr_free(struct aes_ctr *c)
{
	EVP_CIPHER_CTX_free(c->evp); /* wipes */
	return 0;
}

struct aes_ctr *aes_ctr_new(const void *ctx, const uint8_t *key, size_t key_bytes, const uint8_t iv[16])
{
	const struct evp_algorithms *a = evp_algorithms();
	struct aes_ctr *c = mem_new(ctx, struct aes_ctr);

	assert(key_bytes == 16 || key_bytes == 32);
	talloc_set_destructor(c, ctr_free);
	c->evp = begin(key_bytes == 16 ? a->ctr_128 : a->ctr_256, key, iv, true);
	return c;
}

void aes_ctr_restart(struct aes_ctr *c, const uint8_t iv[16])
{
	evp_need(EVP_CipherInit_ex2(c->evp, NULL, NULL, iv, true, NULL));
}

void aes_ctr_apply(struct aes_ctr *c, const uint8_t *in, size_t n, uint8_t *ret_out)
{
	update(c->evp, in, n, ret_out);
}

struct aes_block {
	EVP_CIPHER_CTX *evp;
};

static int block_free(struct aes_block *b)
{
	EVP_CIPHER_CTX_free(b->evp);
	return 0;
}

struct aes_block *aes_block_new(const void *ctx, const uint8_t *key, size_t key_bytes)
{
	const struct evp_algorithms *a = evp_algorithms();
	struct aes_block *b = mem_new(ctx, struct aes_block);

	assert(key_bytes == 16 || key_bytes == 32);
	talloc_set_destructor(b, block_free);
	b->evp = begin(key_bytes == 16 ? a->ecb_128 : a->ecb_256, key, NULL, true);
	return b;
}

void aes_block_encrypt(struct aes_block *b, const uint8_t in[16], uint8_t ret_out[16])
{
	update(b->evp, in, 16, ret_out);
}

void aes_gcm_seal(const uint8_t key[32], const uint8_t nonce[AES_GCM_NONCE_BYTES], const uint8_t *plain, size_t n,
		  uint8_t *ret_sealed)
{
	EVP_CIPHER_CTX *c = begin(evp_algorithms()->gcm_256, key, nonce, true);
	int made = 0;

	update(c, plain, n, ret_sealed);
	evp_need(EVP_CipherFinal_ex(c, ret_sealed + n, &made) &&
		 EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, AES_GCM_TAG_BYTES, ret_sealed + n));
	EVP_CIPHER_CTX_free(c);
}

struct error *aes_gcm_open(const uint8_t key[32], const uint8_t nonce[AES_GCM_NONCE_BYTES], const uint8_t *sealed,
			   size_t n, uint8_t *ret_plain)
{
	uint8_t tag[AES_GCM_TAG_BYTES], end[16];
	EVP_CIPHER_CTX *c = NULL;
	size_t plain_bytes = n - AES_GCM_TAG_BYTES;
	bool fits = false;
	int made = 0;

	if (n < AES_GCM_TAG_BYTES)
		return error_new(ERROR_REFUSED, "AES-GCM: %zu bytes are too few for a tag", n);
	memcpy(tag, sealed + plain_bytes, sizeof(tag));
	c = begin(evp_algorithms()->gcm_256, key, nonce, false);
	evp_need(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, AES_GCM_TAG_BYTES, tag));
	update(c, sealed, plain_bytes, ret_plain);
	fits = EVP_CipherFinal_ex(c, end, &made);
	EVP_CIPHER_CTX_free(c);
	if (fits)
		return NULL;
	/* Nobody may use what an attacker chose. */
	secret_wipe(ret_plain, plain_bytes);
	return error_new(ERROR_REFUSED, "AES-GCM: the tag does not fit");
}
