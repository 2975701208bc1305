/* AES as RLPx and Whisper use it: CTR streams, single blocks, GCM. By OpenSSL (EVP). A
 * stream or block key is wiped when it is freed. Threads: any; a stream belongs to one.
 */
#ifndef DSN_CRYPTO_AES_H
#define DSN_CRYPTO_AES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A CTR key stream (NIST SP 800-38A, 128-bit big-endian counter) that goes on over calls. key_bytes: 16 or 32. */
struct aes_ctr;
struct aes_ctr *aes_ctr_new(const void *ctx, const uint8_t *key, size_t key_bytes, const uint8_t iv[16]);
/* Begins anew at another iv, under the same key. */
void aes_ctr_restart(struct aes_ctr *c, const uint8_t iv[16]);
/* Encrypts or decrypts; in and out may be the same. */
void aes_ctr_apply(struct aes_ctr *c, const uint8_t *in, size_t n, uint8_t *ret_out);

/* Encryption of single blocks under one key (RLPx's MAC). key_bytes: 16 or 32. */
struct aes_block;
struct aes_block *aes_block_new(const void *ctx, const uint8_t *key, size_t key_bytes);
void aes_block_encrypt(struct aes_block *b, const uint8_t in[16], uint8_t ret_out[16]);

#define AES_GCM_TAG_BYTES 16
#define AES_GCM_NONCE_BYTES 12

/* AES-256-GCM without additional data (NIST SP 800-38D). ret_sealed: n + 16 bytes, cipher text then tag. */
void aes_gcm_seal(const uint8_t key[32], const uint8_t nonce[AES_GCM_NONCE_BYTES], const uint8_t *plain, size_t n,
		  uint8_t *ret_sealed);
/* ret_plain: n - 16 bytes; may be `sealed` itself. ERROR_REFUSED when the tag does not fit or n < 16: when the tag did
 * not fit, ret_plain was overwritten with zeros. */
struct error *aes_gcm_open(const uint8_t key[32], const uint8_t nonce[AES_GCM_NONCE_BYTES], const uint8_t *sealed,
			   size_t n, uint8_t *ret_plain) MUST_CHECK;

#endif
