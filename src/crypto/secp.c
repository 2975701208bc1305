#include "crypto/secp.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <secp256k1.h>
#include <secp256k1_ecdh.h>
#include <secp256k1_recovery.h>

#include "crypto/keccak.h"
#include "crypto/secret.h"

/* One context for the process: only read after it was made, so every thread may use it at once. */
static secp256k1_context *shared_context;
static pthread_once_t shared_once = PTHREAD_ONCE_INIT;

static void make_context(void)
{
	uint8_t seed[32];

	shared_context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	crypto_random_bytes(seed, sizeof(seed));
	/* Blinds the multiplications with secrets against side channels. */
	if (!shared_context || !secp256k1_context_randomize(shared_context, seed)) {
		fputs("libsecp256k1: no context\n", stderr);
		abort();
	}
	secret_wipe(seed, sizeof(seed));
}

static const secp256k1_context *context(void)
{
	pthread_once(&shared_once, make_context);
	return shared_context;
}

static void serialize(const secp256k1_pubkey *point, uint8_t ret_public[SECP_PUBLIC_BYTES])
{
	uint8_t bytes[1 + SECP_PUBLIC_BYTES];
	size_t n = sizeof(bytes);

	secp256k1_ec_pubkey_serialize(context(), bytes, &n, point, SECP256K1_EC_UNCOMPRESSED);
	memcpy(ret_public, bytes + 1, SECP_PUBLIC_BYTES);
}

static bool parse(const uint8_t public[SECP_PUBLIC_BYTES], secp256k1_pubkey *ret_point)
{
	uint8_t bytes[1 + SECP_PUBLIC_BYTES] = {0x04};

	memcpy(bytes + 1, public, SECP_PUBLIC_BYTES);
	return secp256k1_ec_pubkey_parse(context(), ret_point, bytes, sizeof(bytes));
}

void secp_key_new(struct secp_key *ret_key)
{
	secp256k1_pubkey point;

	do {
		crypto_random_bytes(ret_key->secret, sizeof(ret_key->secret));
	} while (!secp256k1_ec_pubkey_create(context(), &point, ret_key->secret));
	serialize(&point, ret_key->public);
}

struct error *secp_key_from_secret(const uint8_t secret[SECP_SECRET_BYTES], struct secp_key *ret_key)
{
	secp256k1_pubkey point;

	if (!secp256k1_ec_pubkey_create(context(), &point, secret))
		return error_new(ERROR_INVALID, "secret key: zero, or not below the order of the group");
	memmove(ret_key->secret, secret, SECP_SECRET_BYTES);
	serialize(&point, ret_key->public);
	return NULL;
}

bool secp_public_valid(const uint8_t public[SECP_PUBLIC_BYTES])
{
	secp256k1_pubkey point;

	return parse(public, &point);
}

struct error *secp_public_parse(const uint8_t *bytes, size_t n, uint8_t ret_public[SECP_PUBLIC_BYTES])
{
	secp256k1_pubkey point;
	bool ok = false;

	if (n == SECP_PUBLIC_BYTES)
		ok = parse(bytes, &point);
	else if (n == 1 + SECP_PUBLIC_BYTES && bytes[0] == 0x04) /* the library also takes the hybrid 0x06, 0x07 */
		ok = parse(bytes + 1, &point);
	else if (n == 33)
		ok = secp256k1_ec_pubkey_parse(context(), &point, bytes, n);
	if (!ok)
		return error_new(ERROR_INVALID, "public key: %zu bytes that are no point of secp256k1", n);
	serialize(&point, ret_public);
	return NULL;
}

void secp_public_compress(const uint8_t public[SECP_PUBLIC_BYTES], uint8_t ret_compressed[33])
{
	ret_compressed[0] = public[SECP_PUBLIC_BYTES - 1] & 1 ? 0x03 : 0x02;
	memcpy(ret_compressed + 1, public, 32);
}

void secp_sign(const struct secp_key *key, const uint8_t digest[32], uint8_t ret_signature[SECP_SIGNATURE_BYTES])
{
	secp256k1_ecdsa_recoverable_signature signature;
	int id = 0, ok = 0;

	ok = secp256k1_ecdsa_sign_recoverable(context(), &signature, digest, key->secret, NULL, NULL);
	assert(ok); /* only a secret that is none fails */
	secp256k1_ecdsa_recoverable_signature_serialize_compact(context(), ret_signature, &id, &signature);
	ret_signature[64] = (uint8_t)id;
}

struct error *secp_recover(const uint8_t digest[32], const uint8_t signature[SECP_SIGNATURE_BYTES],
			   uint8_t ret_public[SECP_PUBLIC_BYTES])
{
	secp256k1_ecdsa_recoverable_signature parsed;
	secp256k1_pubkey point;

	/* The library ends the process for an id it does not know, so that one is refused first. */
	if (signature[64] > 3)
		return error_new(ERROR_INVALID, "signature: recovery id %u, not 0..3", signature[64]);
	if (!secp256k1_ecdsa_recoverable_signature_parse_compact(context(), &parsed, signature, signature[64]))
		return error_new(ERROR_INVALID, "signature: R or S not below the order of the group");
	if (!secp256k1_ecdsa_recover(context(), &point, &parsed, digest))
		return error_new(ERROR_INVALID, "signature: no key fits");
	serialize(&point, ret_public);
	return NULL;
}

bool secp_verify(const uint8_t digest[32], const uint8_t signature[64], const uint8_t public[SECP_PUBLIC_BYTES])
{
	secp256k1_ecdsa_signature parsed;
	secp256k1_pubkey point;

	return parse(public, &point) && secp256k1_ecdsa_signature_parse_compact(context(), &parsed, signature) &&
	       secp256k1_ecdsa_verify(context(), &parsed, digest, &point);
}

/* ECDH's "hash": X as it is. */
static int copy_x(unsigned char *output, const unsigned char *x32, const unsigned char *y32, void *data)
{
	(void)y32;
	(void)data;
	memcpy(output, x32, SECP_SHARED_BYTES);
	return 1;
}

struct error *secp_ecdh(const uint8_t secret[SECP_SECRET_BYTES], const uint8_t public[SECP_PUBLIC_BYTES],
			uint8_t ret_shared[SECP_SHARED_BYTES])
{
	uint8_t shared[SECP_SHARED_BYTES];
	secp256k1_pubkey point;

	if (!parse(public, &point))
		return error_new(ERROR_INVALID, "public key: no point of secp256k1");
	if (!secp256k1_ecdh(context(), shared, &point, secret, copy_x, NULL)) {
		secret_wipe(shared, sizeof(shared));
		return error_new(ERROR_INVALID, "secret key: zero, or not below the order of the group");
	}
	memcpy(ret_shared, shared, sizeof(shared));
	secret_wipe(shared, sizeof(shared));
	return NULL;
}

void secp_address(const uint8_t public[SECP_PUBLIC_BYTES], uint8_t ret_address[ETH_ADDRESS_BYTES])
{
	uint8_t digest[KECCAK_BYTES];

	keccak256(public, SECP_PUBLIC_BYTES, digest);
	memcpy(ret_address, digest + KECCAK_BYTES - ETH_ADDRESS_BYTES, ETH_ADDRESS_BYTES);
}
