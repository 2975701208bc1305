/* What an envelope's data holds when opened: flags, payload, padding, signature, encrypted to a key (go-ethereum
 * v1.9.20 whisper/whisperv6/message.go).
 *
 *   plain = flags (1) | payload size (1..3, little-endian) | payload | padding | signature (65, optional)
 *   symmetric:  AES-256-GCM, sealed | nonce (12);   asymmetric: ECIES (crypto/ecies.h)
 *
 * dsn's own messages are sealed in the same form on every transport (bus/seal.h). Threads: any.
 */
#ifndef DSN_WHISPER_PAYLOAD_H
#define DSN_WHISPER_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "crypto/ecies.h"

#define SYM_KEY_BYTES 32
#define PAYLOAD_LIMIT 0xffffff /* bytes */

struct payload_to {
	const uint8_t *sym_key;              /* SYM_KEY_BYTES; or */
	const uint8_t *public;               /* SECP_PUBLIC_BYTES; or */
	const struct ecies_context *context; /* agreed with a key before: for several messages to it */
	const struct secp_key *sign;         /* NULL: unsigned */
	const uint8_t *padding;              /* taken as it is; NULL or none: random, up to a multiple of 256 */
	size_t padding_bytes;
};

/* The data of an envelope; belongs to ctx. ERROR_LIMIT: payload or padding over PAYLOAD_LIMIT; ERROR_INVALID: `public`
 * is no key. */
struct error *payload_seal(const void *ctx, const struct payload_to *to, const uint8_t *payload, size_t n,
			   uint8_t **ret_data, size_t *ret_bytes) MUST_CHECK;

struct payload {
	uint8_t *bytes; /* the plain text whole, owned by ctx; the rest points into it */
	const uint8_t *payload, *padding;
	size_t payload_bytes, padding_bytes;
	bool is_signed;
	uint8_t signer[SECP_PUBLIC_BYTES];
};

/* ERROR_REFUSED: not for this key (or too short for anybody's). ERROR_INVALID: opened, but malformed or with a broken
 * signature. */
struct error *payload_open_sym(const void *ctx, const uint8_t key[SYM_KEY_BYTES], const uint8_t *data, size_t n,
			       struct payload *ret_payload) MUST_CHECK;
struct error *payload_open_asym(const void *ctx, const struct secp_key *key, const uint8_t *data, size_t n,
				struct payload *ret_payload) MUST_CHECK;
/* The same where the context of its ephemeral key (crypto/ecies.h) is known already. */
struct error *payload_open_context(const void *ctx, const struct ecies_context *context, const uint8_t *data, size_t n,
				   struct payload *ret_payload) MUST_CHECK;
/* The symmetric key of a password: PBKDF2-HMAC-SHA256, no salt, 65356 iterations (sic). About 50 ms: use a worker. */
void payload_key_from_password(const char *password, uint8_t ret_key[SYM_KEY_BYTES]);

#endif
