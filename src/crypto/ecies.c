#include "crypto/ecies.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/aes.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"

#define UNCOMPRESSED 0x04 /* SEC 1's mark of a point written whole */
/* Where the pieces of a sealed message stand. */
#define POINT_AT 1
#define IV_AT (POINT_AT + SECP_PUBLIC_BYTES)
#define IV_BYTES 16
#define CIPHER_AT (IV_AT + IV_BYTES)
#define TAG_BYTES 32

struct ecies_context {
	uint8_t ephemeral[SECP_PUBLIC_BYTES];
	struct aes_ctr *stream;
	struct hmac_key *mac;
};

/* --- contexts --- */

/* NIST SP 800-56A's concatenation KDF over SHA-256, whose first block is all that is needed: the key of the cipher,
 * and what the MAC's is the hash of. */
static struct error *context_with(const void *ctx, const uint8_t secret[SECP_SECRET_BYTES],
				  const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t ephemeral[SECP_PUBLIC_BYTES],
				  struct ecies_context **ret_context)
{
	static const uint8_t any_iv[IV_BYTES];
	uint8_t input[4 + SECP_SHARED_BYTES] = {0, 0, 0, 1}, okm[32], mac[32];
	struct ecies_context *c;

	TRY(secp_ecdh(secret, public, input + 4));
	sha256(input, sizeof(input), okm);
	sha256(okm + 16, 16, mac);
	c = mem_new(ctx, struct ecies_context);
	memcpy(c->ephemeral, ephemeral, SECP_PUBLIC_BYTES);
	c->stream = aes_ctr_new(c, okm, 16, any_iv);
	c->mac = hmac_key_new(c, mac, sizeof(mac));
	secret_wipe(input, sizeof(input));
	secret_wipe(okm, sizeof(okm));
	secret_wipe(mac, sizeof(mac));
	*ret_context = c;
	return NULL;
}

struct error *ecies_context_new(const void *ctx, const uint8_t public[SECP_PUBLIC_BYTES],
				struct ecies_context **ret_context)
{
	struct secp_key ephemeral;
	struct error *e;

	secp_key_new(&ephemeral);
	e = context_with(ctx, ephemeral.secret, public, ephemeral.public, ret_context);
	secret_wipe(&ephemeral, sizeof(ephemeral));
	return e;
}

struct error *ecies_context_of(const void *ctx, const uint8_t secret[SECP_SECRET_BYTES],
			       const uint8_t ephemeral[SECP_PUBLIC_BYTES], struct ecies_context **ret_context)
{
	return context_with(ctx, secret, ephemeral, ephemeral, ret_context);
}

const uint8_t *ecies_context_ephemeral(const struct ecies_context *c)
{
	return c->ephemeral;
}

/* Over iv, cipher text and what both sides know. */
static void tag(const struct ecies_context *c, const uint8_t *sealed, size_t n, const uint8_t *mac_data,
		size_t mac_bytes, uint8_t ret_tag[TAG_BYTES])
{
	const struct iovec parts[] = {
		{(void *)(sealed + IV_AT), IV_BYTES + n},
		{(void *)mac_data, mac_bytes},
	};

	hmac_key_tag(c->mac, parts, mac_bytes > 0 ? 2 : 1, ret_tag);
}

static void apply(const struct ecies_context *c, const uint8_t iv[IV_BYTES], const uint8_t *in, size_t n,
		  uint8_t *ret_out)
{
	aes_ctr_restart(c->stream, iv);
	aes_ctr_apply(c->stream, in, n, ret_out);
}

static void seal(const struct ecies_context *c, const uint8_t iv[IV_BYTES], const uint8_t *plain, size_t n,
		 const uint8_t *mac_data, size_t mac_bytes, uint8_t *ret_sealed)
{
	assert(n > 0);
	ret_sealed[0] = UNCOMPRESSED;
	memcpy(ret_sealed + POINT_AT, c->ephemeral, SECP_PUBLIC_BYTES);
	memcpy(ret_sealed + IV_AT, iv, IV_BYTES);
	apply(c, iv, plain, n, ret_sealed + CIPHER_AT);
	tag(c, ret_sealed, n, mac_data, mac_bytes, ret_sealed + CIPHER_AT + n);
}

void ecies_context_seal(const struct ecies_context *c, const uint8_t *plain, size_t n, const uint8_t *mac_data,
			size_t mac_bytes, uint8_t *ret_sealed)
{
	uint8_t iv[IV_BYTES];

	crypto_random_bytes(iv, sizeof(iv));
	seal(c, iv, plain, n, mac_data, mac_bytes, ret_sealed);
}

const uint8_t *ecies_ephemeral(const uint8_t *sealed, size_t n)
{
	return n > ECIES_OVERHEAD && sealed[0] == UNCOMPRESSED ? sealed + POINT_AT : NULL;
}

struct error *ecies_context_open(const struct ecies_context *c, const uint8_t *sealed, size_t n,
				 const uint8_t *mac_data, size_t mac_bytes, uint8_t *ret_plain)
{
	const uint8_t *ephemeral = ecies_ephemeral(sealed, n);
	size_t plain_bytes = n - ECIES_OVERHEAD;
	uint8_t expected[TAG_BYTES];
	bool fits = false;

	if (!ephemeral || memcmp(ephemeral, c->ephemeral, SECP_PUBLIC_BYTES) != 0)
		return error_new(ERROR_REFUSED, "ECIES: sealed with another ephemeral key");
	tag(c, sealed, plain_bytes, mac_data, mac_bytes, expected);
	fits = secret_equal(expected, sealed + CIPHER_AT + plain_bytes, TAG_BYTES);
	if (fits)
		apply(c, sealed + IV_AT, sealed + CIPHER_AT, plain_bytes, ret_plain);
	secret_wipe(expected, sizeof(expected));
	return fits ? NULL : error_new(ERROR_REFUSED, "ECIES: the MAC does not fit");
}

/* --- one message --- */

struct error *ecies_seal_with(const struct secp_key *ephemeral, const uint8_t iv[16],
			      const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t *plain, size_t n,
			      const uint8_t *mac_data, size_t mac_bytes, uint8_t *ret_sealed)
{
	struct ecies_context *c;

	TRY(context_with(NULL, ephemeral->secret, public, ephemeral->public, &c));
	seal(c, iv, plain, n, mac_data, mac_bytes, ret_sealed);
	mem_free(c);
	return NULL;
}

struct error *ecies_seal(const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t *plain, size_t n,
			 const uint8_t *mac_data, size_t mac_bytes, uint8_t *ret_sealed)
{
	struct ecies_context *c;

	TRY(ecies_context_new(NULL, public, &c));
	ecies_context_seal(c, plain, n, mac_data, mac_bytes, ret_sealed);
	mem_free(c);
	return NULL;
}

struct error *ecies_open(const uint8_t secret[SECP_SECRET_BYTES], const uint8_t *sealed, size_t n,
			 const uint8_t *mac_data, size_t mac_bytes, uint8_t *ret_plain)
{
	struct ecies_context *c;
	struct error *e;

	if (n <= ECIES_OVERHEAD)
		return error_new(ERROR_INVALID, "ECIES: %zu bytes, not over %d", n, ECIES_OVERHEAD);
	if (sealed[0] != UNCOMPRESSED)
		return error_new(ERROR_INVALID, "ECIES: no uncompressed point");
	TRY(ecies_context_of(NULL, secret, sealed + POINT_AT, &c));
	e = ecies_context_open(c, sealed, n, mac_data, mac_bytes, ret_plain);
	mem_free(c);
	return e;
}
