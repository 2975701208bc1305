#include "crypto/ecies.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/aes.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"

/* Where the pieces of a sealed message stand. */
#define POINT_AT 1
#define IV_AT (POINT_AT + SECP_PUBLIC_BYTES)
#define IV_BYTES 16
#define CIPHER_AT (IV_AT + IV_BYTES)
#define TAG_BYTES 32

struct keys {
	uint8_t encryption[16];
	uint8_t mac[32];
};

/* NIST SP 800-56A's concatenation KDF over SHA-256, whose first block is all that is needed. */
static struct error *derive(const uint8_t secret[SECP_SECRET_BYTES], const uint8_t public[SECP_PUBLIC_BYTES],
			    struct keys *ret_keys)
{
	uint8_t input[4 + SECP_SHARED_BYTES] = {0, 0, 0, 1}, okm[32];

	TRY(secp_ecdh(secret, public, input + 4));
	sha256(input, sizeof(input), okm);
	memcpy(ret_keys->encryption, okm, 16);
	sha256(okm + 16, 16, ret_keys->mac);
	secret_wipe(input, sizeof(input));
	secret_wipe(okm, sizeof(okm));
	return NULL;
}

/* Over iv, cipher text and what both sides know. */
static void tag(const struct keys *keys, const uint8_t *sealed, size_t n, const uint8_t *mac_data, size_t mac_bytes,
		uint8_t ret_tag[TAG_BYTES])
{
	const struct iovec parts[] = {
		{(void *)(sealed + IV_AT), IV_BYTES + n},
		{(void *)mac_data, mac_bytes},
	};

	hmac_sha256_parts(keys->mac, sizeof(keys->mac), parts, mac_bytes > 0 ? 2 : 1, ret_tag);
}

static void apply(const struct keys *keys, const uint8_t iv[IV_BYTES], const uint8_t *in, size_t n, uint8_t *ret_out)
{
	struct aes_ctr *stream = aes_ctr_new(NULL, keys->encryption, sizeof(keys->encryption), iv);

	aes_ctr_apply(stream, in, n, ret_out);
	mem_free(stream);
}

struct error *ecies_seal_with(const struct secp_key *ephemeral, const uint8_t iv[16],
			      const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t *plain, size_t n,
			      const uint8_t *mac_data, size_t mac_bytes, uint8_t *ret_sealed)
{
	struct keys keys;

	assert(n > 0);
	TRY(derive(ephemeral->secret, public, &keys));
	ret_sealed[0] = 0x04;
	memcpy(ret_sealed + POINT_AT, ephemeral->public, SECP_PUBLIC_BYTES);
	memcpy(ret_sealed + IV_AT, iv, IV_BYTES);
	apply(&keys, iv, plain, n, ret_sealed + CIPHER_AT);
	tag(&keys, ret_sealed, n, mac_data, mac_bytes, ret_sealed + CIPHER_AT + n);
	secret_wipe(&keys, sizeof(keys));
	return NULL;
}

struct error *ecies_seal(const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t *plain, size_t n,
			 const uint8_t *mac_data, size_t mac_bytes, uint8_t *ret_sealed)
{
	struct secp_key ephemeral;
	struct error *e = NULL;
	uint8_t iv[IV_BYTES];

	secp_key_new(&ephemeral);
	random_bytes(iv, sizeof(iv));
	e = ecies_seal_with(&ephemeral, iv, public, plain, n, mac_data, mac_bytes, ret_sealed);
	secret_wipe(&ephemeral, sizeof(ephemeral));
	return e;
}

struct error *ecies_open(const uint8_t secret[SECP_SECRET_BYTES], const uint8_t *sealed, size_t n,
			 const uint8_t *mac_data, size_t mac_bytes, uint8_t *ret_plain)
{
	struct keys keys;
	uint8_t expected[TAG_BYTES];
	size_t plain_bytes = n - ECIES_OVERHEAD;
	bool fits = false;

	if (n <= ECIES_OVERHEAD)
		return error_new(ERROR_INVALID, "ECIES: %zu bytes, not over %d", n, ECIES_OVERHEAD);
	if (sealed[0] != 0x04)
		return error_new(ERROR_INVALID, "ECIES: no uncompressed point");
	TRY(derive(secret, sealed + POINT_AT, &keys));
	tag(&keys, sealed, plain_bytes, mac_data, mac_bytes, expected);
	fits = secret_equal(expected, sealed + CIPHER_AT + plain_bytes, TAG_BYTES);
	if (fits)
		apply(&keys, sealed + IV_AT, sealed + CIPHER_AT, plain_bytes, ret_plain);
	secret_wipe(&keys, sizeof(keys));
	secret_wipe(expected, sizeof(expected));
	return fits ? NULL : error_new(ERROR_REFUSED, "ECIES: the MAC does not fit");
}
