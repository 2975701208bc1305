#include "crypto/aes.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/secret.h"

/* Fetched once: a fetch takes locks and searches the providers, longer than sealing a message. */
static struct {
	EVP_CIPHER *ctr128, *ctr256, *block128, *block256, *gcm256;
} ciphers;
static pthread_once_t ciphers_once = PTHREAD_ONCE_INIT;

/* What can fail here is memory or an OpenSSL without AES; nothing can go on then. */
static void need(bool ok)
{
	if (ok)
		return;
	fputs("libcrypto: AES failed\n", stderr);
	abort();
}

static void fetch_ciphers(void)
{
	/* The system's openssl.cnf is not ours to obey, and reading it costs memory. */
	need(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL));
	ciphers.ctr128 = EVP_CIPHER_fetch(NULL, "AES-128-CTR", NULL);
	ciphers.ctr256 = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
	ciphers.block128 = EVP_CIPHER_fetch(NULL, "AES-128-ECB", NULL);
	ciphers.block256 = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
	ciphers.gcm256 = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	need(ciphers.ctr128 && ciphers.ctr256 && ciphers.block128 && ciphers.block256 && ciphers.gcm256);
}

/* OpenSSL counts in int. */
static void update(EVP_CIPHER_CTX *evp,
		   int (*step)(EVP_CIPHER_CTX *, unsigned char *, int *, const unsigned char *, int), const uint8_t *in,
		   size_t n, uint8_t *ret_out)
{
	while (n > 0) {
		int part = n > 1 << 30 ? 1 << 30 : (int)n, done = 0;

		need(step(evp, ret_out, &done, in, part) && done == part);
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
	EVP_CIPHER_CTX_free(c->evp); /* wipes the key */
	return 0;
}

struct aes_ctr *aes_ctr_new(const void *ctx, const uint8_t *key, size_t key_bytes, const uint8_t iv[16])
{
	struct aes_ctr *c = mem_new(ctx, struct aes_ctr);

	assert(key_bytes == 16 || key_bytes == 32);
	pthread_once(&ciphers_once, fetch_ciphers);
	c->evp = EVP_CIPHER_CTX_new();
	need(c->evp);
	talloc_set_destructor(c, ctr_free);
	need(EVP_EncryptInit_ex2(c->evp, key_bytes == 16 ? ciphers.ctr128 : ciphers.ctr256, key, iv, NULL));
	return c;
}

void aes_ctr_apply(struct aes_ctr *c, const uint8_t *in, size_t n, uint8_t *ret_out)
{
	update(c->evp, EVP_EncryptUpdate, in, n, ret_out);
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
	struct aes_block *b = mem_new(ctx, struct aes_block);

	assert(key_bytes == 16 || key_bytes == 32);
	pthread_once(&ciphers_once, fetch_ciphers);
	b->evp = EVP_CIPHER_CTX_new();
	need(b->evp);
	talloc_set_destructor(b, block_free);
	need(EVP_EncryptInit_ex2(b->evp, key_bytes == 16 ? ciphers.block128 : ciphers.block256, key, NULL, NULL));
	EVP_CIPHER_CTX_set_padding(b->evp, 0);
	return b;
}

void aes_block_encrypt(struct aes_block *b, const uint8_t in[16], uint8_t ret_out[16])
{
	update(b->evp, EVP_EncryptUpdate, in, 16, ret_out);
}

void aes_gcm_seal(const uint8_t key[32], const uint8_t nonce[AES_GCM_NONCE_BYTES], const uint8_t *plain, size_t n,
		  uint8_t *ret_sealed)
{
	EVP_CIPHER_CTX *evp = NULL;
	int none = 0;

	pthread_once(&ciphers_once, fetch_ciphers);
	evp = EVP_CIPHER_CTX_new();
	need(evp && EVP_EncryptInit_ex2(evp, ciphers.gcm256, key, nonce, NULL));
	update(evp, EVP_EncryptUpdate, plain, n, ret_sealed);
	need(EVP_EncryptFinal_ex(evp, ret_sealed + n, &none) &&
	     EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_GET_TAG, AES_GCM_TAG_BYTES, ret_sealed + n));
	EVP_CIPHER_CTX_free(evp);
}

struct error *aes_gcm_open(const uint8_t key[32], const uint8_t nonce[AES_GCM_NONCE_BYTES], const uint8_t *sealed,
			   size_t n, uint8_t *ret_plain)
{
	EVP_CIPHER_CTX *evp = NULL;
	uint8_t tag[AES_GCM_TAG_BYTES];
	size_t plain_bytes = n - AES_GCM_TAG_BYTES;
	int none = 0, ok = 0;

	if (n < AES_GCM_TAG_BYTES)
		return error_new(ERROR_REFUSED, "AES-GCM: %zu bytes are too few for a tag", n);
	memcpy(tag, sealed + plain_bytes, sizeof(tag));
	pthread_once(&ciphers_once, fetch_ciphers);
	evp = EVP_CIPHER_CTX_new();
	need(evp && EVP_DecryptInit_ex2(evp, ciphers.gcm256, key, nonce, NULL));
	update(evp, EVP_DecryptUpdate, sealed, plain_bytes, ret_plain);
	need(EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_SET_TAG, AES_GCM_TAG_BYTES, tag));
	ok = EVP_DecryptFinal_ex(evp, ret_plain + plain_bytes, &none) > 0;
	EVP_CIPHER_CTX_free(evp);
	if (ok)
		return NULL;
	/* A failed tag leaves entries in OpenSSL's error queue of this thread; nobody reads them. */
	ERR_clear_error();
	/* Nobody may use what an attacker chose. */
	secret_wipe(ret_plain, plain_bytes);
	return error_new(ERROR_REFUSED, "AES-GCM: the tag does not fit");
}
