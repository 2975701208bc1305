#include "whisper/payload.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/aes.h"
#include "crypto/ecies.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"
#include "whisper/payload_plain.h"

#define SYM_OVERHEAD (AES_GCM_TAG_BYTES + AES_GCM_NONCE_BYTES)
#define PASSWORD_ITERATIONS 65356 /* go-ethereum's number; not 65536 */

static struct error *seal_asym(const struct payload_to *to, const uint8_t *plain, size_t n, uint8_t *ret_sealed)
{
	if (!to->context)
		return ecies_seal(to->public, plain, n, NULL, 0, ret_sealed);
	ecies_context_seal(to->context, plain, n, NULL, 0, ret_sealed);
	return NULL;
}

static struct error *seal_sym(const uint8_t key[SYM_KEY_BYTES], const uint8_t *plain, size_t n, uint8_t *ret_sealed)
{
	uint8_t *nonce = ret_sealed + n + AES_GCM_TAG_BYTES;

	crypto_random_bytes(nonce, AES_GCM_NONCE_BYTES);
	aes_gcm_seal(key, nonce, plain, n, ret_sealed);
	return NULL;
}

struct error *payload_seal(const void *ctx, const struct payload_to *to, const uint8_t *payload, size_t n,
			   uint8_t **ret_data, size_t *ret_bytes)
{
	size_t plain_bytes, sealed_bytes;
	uint8_t *plain, *sealed;
	struct error *e;

	assert(!!to->sym_key + !!to->public + !!to->context == 1);
	TRY(payload_plain_write(NULL, to, payload, n, &plain, &plain_bytes));
	sealed_bytes = plain_bytes + (to->sym_key ? SYM_OVERHEAD : ECIES_OVERHEAD);
	sealed = mem_array(ctx, uint8_t, sealed_bytes);
	e = to->sym_key ? seal_sym(to->sym_key, plain, plain_bytes, sealed) : seal_asym(to, plain, plain_bytes, sealed);
	secret_wipe(plain, plain_bytes);
	mem_free(plain);
	if (e) {
		mem_free(sealed);
		return e;
	}
	*ret_data = sealed;
	*ret_bytes = sealed_bytes;
	return NULL;
}

/* Takes `plain`, or frees it. */
static struct error *finish(struct error *e, uint8_t *plain, size_t n, struct payload *ret_payload)
{
	if (!e)
		e = payload_plain_read(plain, n, ret_payload);
	if (e)
		mem_free(plain);
	return e;
}

struct error *payload_open_sym(const void *ctx, const uint8_t key[SYM_KEY_BYTES], const uint8_t *data, size_t n,
			       struct payload *ret_payload)
{
	size_t sealed_bytes = n - AES_GCM_NONCE_BYTES;
	uint8_t *plain;

	if (n <= SYM_OVERHEAD)
		return error_new(ERROR_REFUSED, "%zu bytes are too short for a symmetric message", n);
	plain = mem_array(ctx, uint8_t, n - SYM_OVERHEAD);
	return finish(aes_gcm_open(key, data + sealed_bytes, data, sealed_bytes, plain), plain, n - SYM_OVERHEAD,
		      ret_payload);
}

struct error *payload_open_asym(const void *ctx, const struct secp_key *key, const uint8_t *data, size_t n,
				struct payload *ret_payload)
{
	struct error *e;
	uint8_t *plain;

	if (n <= ECIES_OVERHEAD)
		return error_new(ERROR_REFUSED, "%zu bytes are too short for an asymmetric message", n);
	plain = mem_array(ctx, uint8_t, n - ECIES_OVERHEAD);
	e = ecies_open(key->secret, data, n, NULL, 0, plain);
	if (e && e->code == ERROR_INVALID)
		e->code = ERROR_REFUSED; /* no point of the curve: sealed in another way, so for others */
	return finish(e, plain, n - ECIES_OVERHEAD, ret_payload);
}

struct error *payload_open_context(const void *ctx, const struct ecies_context *context, const uint8_t *data, size_t n,
				   struct payload *ret_payload)
{
	uint8_t *plain;

	if (n <= ECIES_OVERHEAD)
		return error_new(ERROR_REFUSED, "%zu bytes are too short for an asymmetric message", n);
	plain = mem_array(ctx, uint8_t, n - ECIES_OVERHEAD);
	return finish(ecies_context_open(context, data, n, NULL, 0, plain), plain, n - ECIES_OVERHEAD, ret_payload);
}

void payload_key_from_password(const char *password, uint8_t ret_key[SYM_KEY_BYTES])
{
	pbkdf2_sha256(password, strlen(password), NULL, 0, PASSWORD_ITERATIONS, ret_key, SYM_KEY_BYTES);
}
