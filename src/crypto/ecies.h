/* ECIES on secp256k1 as RLPx and Whisper use it: AES-128-CTR, HMAC-SHA-256, NIST SP 800-56 concatenation KDF.
 *
 *   sealed = 0x04 || ephemeral public key (64) || iv (16) || cipher text || HMAC (32)
 *
 * Source: devp2p rlpx.md; go-ethereum v1.9.20 crypto/ecies for what the MAC covers. Threads: any.
 */
#ifndef DSN_CRYPTO_ECIES_H
#define DSN_CRYPTO_ECIES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "crypto/secp.h"

#define ECIES_OVERHEAD 113 /* bytes more than the plain text */

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
