/* secp256k1 keys, recoverable signatures and ECDH (libsecp256k1), in the forms Ethereum uses on the wire.
 *
 * A public key is 64 bytes X||Y without the 0x04 prefix; a signature is R||S||V with V the recovery id 0..3, S low.
 * Errors: only what comes from outside (a key or signature that is none). Secrets are wiped with secret_wipe() by who
 * holds them. Threads: any.
 */
#ifndef DSN_CRYPTO_SECP_H
#define DSN_CRYPTO_SECP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define SECP_SECRET_BYTES 32
#define SECP_PUBLIC_BYTES 64
#define SECP_SIGNATURE_BYTES 65
#define SECP_SHARED_BYTES 32
#define ETH_ADDRESS_BYTES 20

struct secp_key {
	uint8_t secret[SECP_SECRET_BYTES];
	uint8_t public[SECP_PUBLIC_BYTES];
};

/* A fresh random key pair. */
void secp_key_new(struct secp_key *ret_key);
/* ERROR_INVALID unless 0 < secret < the group's order. */
struct error *secp_key_from_secret(const uint8_t secret[SECP_SECRET_BYTES], struct secp_key *ret_key) MUST_CHECK;
/* A point of the curve? */
bool secp_public_valid(const uint8_t public[SECP_PUBLIC_BYTES]);
/* 33 (compressed), 64 (X||Y) or 65 bytes (0x04||X||Y). */
struct error *secp_public_parse(const uint8_t *bytes, size_t n, uint8_t ret_public[SECP_PUBLIC_BYTES]) MUST_CHECK;
void secp_public_compress(const uint8_t public[SECP_PUBLIC_BYTES], uint8_t ret_compressed[33]);

/* Deterministic (RFC 6979). */
void secp_sign(const struct secp_key *key, const uint8_t digest[32], uint8_t ret_signature[SECP_SIGNATURE_BYTES]);
/* The signer's public key; takes a high S too. */
struct error *secp_recover(const uint8_t digest[32], const uint8_t signature[SECP_SIGNATURE_BYTES],
			   uint8_t ret_public[SECP_PUBLIC_BYTES]) MUST_CHECK;
/* signature is R||S (64 bytes); refuses a high S. */
bool secp_verify(const uint8_t digest[32], const uint8_t signature[64], const uint8_t public[SECP_PUBLIC_BYTES]);
/* The X coordinate of secret * public, 32 bytes with leading zeros kept. */
struct error *secp_ecdh(const uint8_t secret[SECP_SECRET_BYTES], const uint8_t public[SECP_PUBLIC_BYTES],
			uint8_t ret_shared[SECP_SHARED_BYTES]) MUST_CHECK;

/* Last 20 bytes of the Keccak-256 of the public key: the Ethereum address, dsn's node id. */
void secp_address(const uint8_t public[SECP_PUBLIC_BYTES], uint8_t ret_address[ETH_ADDRESS_BYTES]);

#endif
