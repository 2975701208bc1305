/* Signatures of messages and of structured data: EIP-191 (version 0x45, "personal message") and EIP-712.
 *
 * A signature is R||S||V with V 27 or 28, as wallets give it. A typed document is JSON {"types", "primaryType",
 * "domain", "message"}; values as abi.h says, members by name. Threads: any.
 */
#ifndef DSN_CHAIN_TYPED_H
#define DSN_CHAIN_TYPED_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "crypto/secp.h"

/* keccak256("\x19Ethereum Signed Message:\n" length message) */
void typed_message_digest(const void *message, size_t n, uint8_t ret_digest[32]);
/* ERROR_INVALID names the place: an unknown type, a member too many or too few, a value that does not fit. */
struct error *typed_digest(const json_t *document, uint8_t ret_digest[32]) MUST_CHECK;

void typed_digest_sign(const struct secp_key *key, const uint8_t digest[32],
		       uint8_t ret_signature[SECP_SIGNATURE_BYTES]);
/* Who signed; V may be 0, 1, 27 or 28. ERROR_INVALID: no signature, or one with a high S (a second form of the same
 * signature, which contracts refuse). */
struct error *typed_digest_signer(const uint8_t digest[32], const uint8_t signature[SECP_SIGNATURE_BYTES],
				  uint8_t ret_address[ETH_ADDRESS_BYTES]) MUST_CHECK;

#endif
