/* Hashes and keys derived from secrets, on OpenSSL. Threads: any; the derivations are slow on purpose (tens of
 * milliseconds to a second): call them from a worker. */
#ifndef DSN_CRYPTO_KDF_H
#define DSN_CRYPTO_KDF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"

void sha256(const void *bytes, size_t n, uint8_t ret_digest[32]);
void hmac_sha256(const uint8_t *key, size_t key_bytes, const void *bytes, size_t n, uint8_t ret_tag[32]);

/* A key that many tags are made with: setting it up takes longer than a tag of a few hundred bytes. Wiped when it is
 * freed. One thread. */
struct hmac_key;
struct hmac_key *hmac_key_new(const void *ctx, const uint8_t *key, size_t key_bytes);
/* The tag over the parts one after the other. */
void hmac_key_tag(struct hmac_key *k, const struct iovec *parts, size_t count, uint8_t ret_tag[32]);

/* PBKDF2 with HMAC-SHA-256 (RFC 8018). */
void pbkdf2_sha256(const void *password, size_t password_bytes, const void *salt, size_t salt_bytes,
		   unsigned iterations, uint8_t *ret_key, size_t key_bytes);
/* scrypt (RFC 7914). ERROR_INVALID for parameters that are none, ERROR_LIMIT over `memory_bytes`. */
struct error *scrypt_key(const void *password, size_t password_bytes, const void *salt, size_t salt_bytes, uint64_t n,
			 uint32_t r, uint32_t p, size_t memory_bytes, uint8_t *ret_key, size_t key_bytes) MUST_CHECK;

#endif
