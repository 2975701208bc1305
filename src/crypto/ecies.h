/* ECIES on secp256k1 as RLPx and Whisper use it: AES-128-CTR, HMAC-SHA-256, NIST SP 800-56 concatenation KDF.
 *
 *   sealed = 0x04 || ephemeral public key (64) || iv (16) || cipher text || HMAC (32)
 *
 * Source: devp2p rlpx.md; go-ethereum v1.9.20 crypto/ecies for what the MAC covers. Threads: any; a
 * context belongs to one.
 */
#ifndef DSN_CRYPTO_ECIES_H
#define DSN_CRYPTO_ECIES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "crypto/secp.h"

#define ECIES_OVERHEAD 113 /* bytes more than the plain text */

/* What both sides derive from one ephemeral key. It seals any number of messages, each under a random iv, as a context
 * of RFC 9180 does: the two costly steps, making the ephemeral key and agreeing on the secret, are taken once. Whoever
 * sees the messages sees that they belong together. Its keys are wiped when it is freed. One thread. */
struct ecies_context;

/* For sealing to `public`: with a fresh ephemeral key. ERROR_INVALID when `public` is no point of the curve. */
struct error *ecies_context_new(const void *ctx, const uint8_t public[SECP_PUBLIC_BYTES],
				struct ecies_context **ret_context) MUST_CHECK;
/* For opening what was sealed with this ephemeral key. ERROR_INVALID when it is no point of the curve. */
struct error *ecies_context_of(const void *ctx, const uint8_t secret[SECP_SECRET_BYTES],
			       const uint8_t ephemeral[SECP_PUBLIC_BYTES],
			       struct ecies_context **ret_context) MUST_CHECK;
/* SECP_PUBLIC_BYTES; the context's. */
const uint8_t *ecies_context_ephemeral(const struct ecies_context *c);
/* As ecies_seal() and ecies_open() below. Opening: ERROR_REFUSED also when another ephemeral key stands in `sealed`. */
void ecies_context_seal(const struct ecies_context *c, const uint8_t *plain, size_t n, const uint8_t *mac_data,
			size_t mac_bytes, uint8_t *ret_sealed);
struct error *ecies_context_open(const struct ecies_context *c, const uint8_t *sealed, size_t n,
				 const uint8_t *mac_data, size_t mac_bytes, uint8_t *ret_plain) MUST_CHECK;
/* The ephemeral key of a sealed message of n > ECIES_OVERHEAD bytes; NULL when it cannot be one. */
const uint8_t *ecies_ephemeral(const uint8_t *sealed, size_t n);

/* `mac_data` is covered by the MAC but not sent; may be NULL with 0 bytes. n >= 1. ret_sealed: n + ECIES_OVERHEAD
 * bytes. ERROR_INVALID when `public` is no point of the curve. */
struct error *ecies_seal(const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t *plain, size_t n,
			 const uint8_t *mac_data, size_t mac_bytes, uint8_t *ret_sealed) MUST_CHECK;
/* The same with a given ephemeral key and iv: for test vectors. */
struct error *ecies_seal_with(const struct secp_key *ephemeral, const uint8_t iv[16],
			      const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t *plain, size_t n,
			      const uint8_t *mac_data, size_t mac_bytes, uint8_t *ret_sealed) MUST_CHECK;
/* ret_plain: n - ECIES_OVERHEAD bytes. ERROR_INVALID: too short, no point; ERROR_REFUSED: the MAC does not fit (not for
 * us, or altered). */
struct error *ecies_open(const uint8_t secret[SECP_SECRET_BYTES], const uint8_t *sealed, size_t n,
			 const uint8_t *mac_data, size_t mac_bytes, uint8_t *ret_plain) MUST_CHECK;

#endif
