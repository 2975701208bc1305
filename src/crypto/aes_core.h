/* AES itself (FIPS 197), encryption only: with the processor's own instructions where it has them, else by libcrypto's
 * plain functions. Private to aes.c.
 *
 * Not OpenSSL's EVP: its providers cost 1.4 MB resident, its contexts 770 bytes each and more time than the few blocks
 * of a frame header take.
 */
#ifndef DSN_CRYPTO_AES_CORE_H
#define DSN_CRYPTO_AES_CORE_H

#define OPENSSL_SUPPRESS_DEPRECATED /* AES_KEY and what belongs to it */
#include <openssl/aes.h>
#include <stddef.h>
#include <stdint.h>

struct aes_key {
	union {
		_Alignas(16) uint8_t rounds[15][16]; /* with the processor's instructions */
		AES_KEY portable;
	};
	unsigned round_count; /* 10 or 14; 0: portable */
};

/* bytes: 16 or 32. */
void aes_core_expand(const uint8_t *key, size_t bytes, struct aes_key *ret_key);
/* The same for libcrypto's functions whatever the processor has; those take tables, so their time tells of the key to
 * who shares the cache. */
void aes_core_expand_portable(const uint8_t *key, size_t bytes, struct aes_key *ret_key);
void aes_core_encrypt(const struct aes_key *k, const uint8_t in[16], uint8_t ret_out[16]);
/* CTR over whole blocks; the counter (128 bits, big-endian) goes on. in and out may be the same. */
void aes_core_ctr(const struct aes_key *k, uint8_t counter[16], const uint8_t *in, size_t blocks, uint8_t *ret_out);

#ifdef __x86_64__
/* The three for processors with AES-NI (aes_core_ni.c). */
void aes_ni_expand(const uint8_t *key, size_t bytes, struct aes_key *ret_key);
void aes_ni_encrypt(const struct aes_key *k, const uint8_t in[16], uint8_t ret_out[16]);
void aes_ni_ctr(const struct aes_key *k, uint8_t counter[16], const uint8_t *in, size_t blocks, uint8_t *ret_out);
#endif

#endif
