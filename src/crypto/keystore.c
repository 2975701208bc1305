#include "crypto/keystore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "crypto/aes.h"
#include "crypto/kdf.h"
#include "crypto/keccak.h"
#include "crypto/secret.h"

#define VERSION 3
#define CIPHER "aes-128-ctr"
#define DERIVED_BYTES 32 /* the first half encrypts, the second goes into the MAC */
#define IV_BYTES 16
#define SALT_BYTES 32     /* that we write */
#define SALT_BYTES_MAX 64 /* that we read */
#define SCRYPT_R 8

static const struct keystore_limits usual_limits = {512U << 20, 1U << 23, 10000000};

/* What a file says, checked for its form. */
struct stored {
	uint8_t iv[IV_BYTES], encrypted[SECP_SECRET_BYTES], mac[KECCAK_BYTES];
	uint8_t salt[SALT_BYTES_MAX];
	size_t salt_bytes;
	bool is_scrypt;
	uint64_t n; /* scrypt's */
	uint32_t r, p;
	unsigned iterations; /* PBKDF2's */
	bool has_address;
	uint8_t address[ETH_ADDRESS_BYTES];
};

/* keccak256(second half of the derived key || what is encrypted) */
static void compute_mac(const uint8_t derived[DERIVED_BYTES], const uint8_t encrypted[SECP_SECRET_BYTES],
			uint8_t ret_mac[KECCAK_BYTES])
{
	struct keccak k;

	keccak_init(&k);
	keccak_update(&k, derived + 16, 16);
	keccak_update(&k, encrypted, SECP_SECRET_BYTES);
	keccak_digest(&k, ret_mac);
	secret_wipe(&k, sizeof(k));
}

static void apply(const uint8_t derived[DERIVED_BYTES], const uint8_t iv[IV_BYTES], const uint8_t in[SECP_SECRET_BYTES],
		  uint8_t ret_out[SECP_SECRET_BYTES])
{
	struct aes_ctr *stream = aes_ctr_new(NULL, derived, 16, iv);

	aes_ctr_apply(stream, in, SECP_SECRET_BYTES, ret_out);
	mem_free(stream);
}

/* A JSON integer (not a string, unlike in dsn's own documents). */
static struct error *read_integer(const json_t *obj, const struct json_place *at, const char *key, int64_t min,
				  int64_t max, int64_t *ret)
{
	const struct json_place here = {at, key, 0};
	const json_t *value = json_object_get(obj, key);

	if (!value)
		return json_place_error(&here, "is missing");
	if (!json_is_integer(value))
		return json_place_error(&here, "must be a whole number");
	if (json_integer_value(value) < min || json_integer_value(value) > max)
		return json_place_error(&here, "is %" JSON_INTEGER_FORMAT ", must be %" PRId64 " to %" PRId64,
					json_integer_value(value), min, max);
	*ret = json_integer_value(value);
	return NULL;
}

static struct error *read_hex(const json_t *obj, const struct json_place *at, const char *key, size_t bytes,
			      uint8_t *ret_bytes)
{
	const struct json_place here = {at, key, 0};
	const char *text = NULL;

	TRY(json_read_string(obj, at, key, &text));
	if (!hex_is(text, 2 * bytes))
		return json_place_error(&here, "must be %zu hexadecimal digits", 2 * bytes);
	return hex_decode(text, ret_bytes, bytes);
}

static struct error *read_word(const json_t *obj, const struct json_place *at, const char *key, const char *wanted)
{
	const struct json_place here = {at, key, 0};
	const char *text = NULL;

	TRY(json_read_string(obj, at, key, &text));
	return strcmp(text, wanted) == 0 ? NULL : json_place_error(&here, "must be \"%s\"", wanted);
}

static struct error *read_salt(const json_t *params, const struct json_place *at, struct stored *s)
{
	const struct json_place here = {at, "salt", 0};
	const char *text = NULL;
	size_t digits = 0;

	TRY(json_read_string(params, at, "salt", &text));
	digits = strlen(text);
	if (digits == 0 || digits % 2 != 0 || digits > 2 * (size_t)SALT_BYTES_MAX || !hex_is(text, digits))
		return json_place_error(&here, "must be 2 to %d hexadecimal digits, two a byte", 2 * SALT_BYTES_MAX);
	s->salt_bytes = digits / 2;
	return hex_decode(text, s->salt, s->salt_bytes);
}

static struct error *read_scrypt(const json_t *params, const struct json_place *at, struct stored *s)
{
	const struct json_place here = {at, "n", 0};
	int64_t n = 0, r = 0, p = 0;

	TRY(read_integer(params, at, "n", 2, INT64_C(1) << 40, &n));
	TRY(read_integer(params, at, "r", 1, 1 << 20, &r));
	TRY(read_integer(params, at, "p", 1, 1 << 20, &p));
	if ((n & (n - 1)) != 0)
		return json_place_error(&here, "is %" PRId64 ", not a power of two", n);
	s->is_scrypt = true;
	s->n = (uint64_t)n;
	s->r = (uint32_t)r;
	s->p = (uint32_t)p;
	return NULL;
}

static struct error *read_pbkdf2(const json_t *params, const struct json_place *at, struct stored *s)
{
	int64_t iterations = 0;

	TRY(read_word(params, at, "prf", "hmac-sha256"));
	TRY(read_integer(params, at, "c", 1, INT32_MAX, &iterations));
	s->iterations = (unsigned)iterations;
	return NULL;
}

static const struct {
	const char *name;
	struct error *(*read)(const json_t *params, const struct json_place *at, struct stored *s);
} kdfs[] = {{"scrypt", read_scrypt}, {"pbkdf2", read_pbkdf2}};

static struct error *read_kdf(const json_t *crypto, const struct json_place *at, struct stored *s)
{
	const struct json_place kdf_at = {at, "kdf", 0}, params_at = {at, "kdfparams", 0};
	const char *kdf = NULL;
	json_t *params = NULL;
	int64_t bytes = 0;

	TRY(json_read_string(crypto, at, "kdf", &kdf));
	TRY(json_read_object(crypto, at, "kdfparams", &params));
	TRY(read_integer(params, &params_at, "dklen", DERIVED_BYTES, DERIVED_BYTES, &bytes));
	TRY(read_salt(params, &params_at, s));
	for (size_t i = 0; i < sizeof(kdfs) / sizeof(kdfs[0]); i++) {
		if (strcmp(kdf, kdfs[i].name) == 0)
			/* cppcheck-suppress returnDanglingLifetime ; an error holds a text, not the place */
			return kdfs[i].read(params, &params_at, s);
	}
	return json_place_error(&kdf_at, "must be \"scrypt\" or \"pbkdf2\"");
}

static struct error *read_address(const json_t *root, const struct json_place *at, struct stored *s)
{
	const struct json_place here = {at, "address", 0};
	const char *text = NULL;

	TRY(json_read_string_opt(root, at, "address", &text));
	if (!text)
		return NULL;
	if (strncmp(text, "0x", 2) == 0)
		text += 2;
	if (!hex_is(text, 2 * (size_t)ETH_ADDRESS_BYTES))
		return json_place_error(&here, "must be %d hexadecimal digits", 2 * ETH_ADDRESS_BYTES);
	s->has_address = true;
	return hex_decode(text, s->address, ETH_ADDRESS_BYTES);
}

static struct error *read_stored(const json_t *root, const struct json_place *at, struct stored *s)
{
	/* Some wallets write a capital; geth reads either. */
	const char *name = json_object_get(root, "crypto") || !json_object_get(root, "Crypto") ? "crypto" : "Crypto";
	const struct json_place crypto_at = {at, name, 0}, cipher_at = {&crypto_at, "cipherparams", 0};
	json_t *crypto = NULL, *cipher = NULL;
	int64_t version = 0;

	if (!json_is_object(root))
		return json_place_error(at, "must be an object {...}");
	TRY(read_integer(root, at, "version", VERSION, VERSION, &version));
	TRY(json_read_object(root, at, name, &crypto));
	TRY(read_word(crypto, &crypto_at, "cipher", CIPHER));
	TRY(json_read_object(crypto, &crypto_at, "cipherparams", &cipher));
	TRY(read_hex(cipher, &cipher_at, "iv", IV_BYTES, s->iv));
	TRY(read_hex(crypto, &crypto_at, "ciphertext", SECP_SECRET_BYTES, s->encrypted));
	TRY(read_hex(crypto, &crypto_at, "mac", KECCAK_BYTES, s->mac));
	TRY(read_kdf(crypto, &crypto_at, s));
	return read_address(root, at, s);
}

static struct error *derive(const struct stored *s, const char *passphrase, const struct keystore_limits *limits,
			    uint8_t ret_derived[DERIVED_BYTES])
{
	size_t bytes = strlen(passphrase);

	if (!s->is_scrypt) {
		if (s->iterations > limits->pbkdf2_iterations)
			return error_new(ERROR_LIMIT, "keystore: %u iterations of PBKDF2, at most %u are done",
					 s->iterations, limits->pbkdf2_iterations);
		pbkdf2_sha256(passphrase, bytes, s->salt, s->salt_bytes, s->iterations, ret_derived, DERIVED_BYTES);
		return NULL;
	}
	/* n, r and p are at most 2^40, 2^20 and 2^20. */
	if ((uint64_t)s->r * s->p > limits->scrypt_work / s->n)
		return error_new(ERROR_LIMIT, "keystore: n * r * p of scrypt are over %" PRIu64, limits->scrypt_work);
	return scrypt_key(passphrase, bytes, s->salt, s->salt_bytes, s->n, s->r, s->p, limits->scrypt_memory_bytes,
			  ret_derived, DERIVED_BYTES);
}

/* The MAC told that the passphrase is right; what is still wrong is the file. */
static struct error *decrypt(const struct stored *s, const uint8_t derived[DERIVED_BYTES], const struct json_place *at,
			     struct secp_key *ret_key)
{
	const struct json_place address_at = {at, "address", 0};
	uint8_t secret[SECP_SECRET_BYTES], address[ETH_ADDRESS_BYTES];
	struct secp_key key;
	struct error *e = NULL;

	apply(derived, s->iv, s->encrypted, secret);
	e = secp_key_from_secret(secret, &key);
	secret_wipe(secret, sizeof(secret));
	if (e)
		return error_wrap(e, "keystore");
	secp_address(key.public, address);
	if (s->has_address && memcmp(address, s->address, sizeof(address)) != 0)
		e = json_place_error(&address_at, "is not that of the key");
	else
		*ret_key = key;
	secret_wipe(&key, sizeof(key));
	return e;
}

static struct error *parse(const char *text, size_t n, const struct json_place *at, struct stored *ret)
{
	struct stored stored = {0};
	json_t *root = NULL;
	struct error *e;

	TRY(json_parse(text, n, KEYSTORE_BYTES, &root));
	e = read_stored(root, at, &stored);
	json_decref(root);
	if (!e)
		*ret = stored;
	return e;
}

struct error *keystore_address(const void *ctx, const char *text, size_t n, char **ret_address)
{
	const struct json_place at = {NULL, "keystore", 0};
	struct stored stored = {0};

	TRY(parse(text, n, &at, &stored));
	*ret_address = stored.has_address ? hex_encode(ctx, stored.address, sizeof(stored.address)) : NULL;
	return NULL;
}

struct error *keystore_open_within(const char *text, size_t n, const char *passphrase,
				   const struct keystore_limits *limits, struct secp_key *ret_key)
{
	const struct json_place at = {NULL, "keystore", 0};
	uint8_t derived[DERIVED_BYTES], mac[KECCAK_BYTES];
	struct stored stored = {0};
	struct error *e = NULL;

	TRY(parse(text, n, &at, &stored));
	TRY(derive(&stored, passphrase, limits, derived));
	compute_mac(derived, stored.encrypted, mac);
	if (!secret_equal(mac, stored.mac, sizeof(mac)))
		e = error_new(ERROR_REFUSED, "keystore: wrong passphrase");
	else
		e = decrypt(&stored, derived, &at, ret_key);
	secret_wipe(derived, sizeof(derived));
	return e;
}

struct error *keystore_open(const char *text, size_t n, const char *passphrase, struct secp_key *ret_key)
{
	return keystore_open_within(text, n, passphrase, &usual_limits, ret_key);
}

/* Random, version 4 (RFC 9562). */
static char *new_uuid(const void *ctx)
{
	uint8_t b[16];

	crypto_random_bytes(b, sizeof(b));
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	return mem_printf(ctx, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
			  b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static char *write_stored(const void *ctx, const struct stored *s)
{
	void *scratch = mem_new(NULL, char);
	json_t *root =
		json_pack("{s:s, s:{s:s, s:s, s:{s:s}, s:s, s:{s:i, s:I, s:I, s:I, s:s}, s:s}, s:s, s:i}", "address",
			  hex_encode(scratch, s->address, sizeof(s->address)), "crypto", "cipher", CIPHER, "ciphertext",
			  hex_encode(scratch, s->encrypted, sizeof(s->encrypted)), "cipherparams", "iv",
			  hex_encode(scratch, s->iv, sizeof(s->iv)), "kdf", "scrypt", "kdfparams", "dklen",
			  DERIVED_BYTES, "n", (json_int_t)s->n, "p", (json_int_t)s->p, "r", (json_int_t)s->r, "salt",
			  hex_encode(scratch, s->salt, s->salt_bytes), "mac",
			  hex_encode(scratch, s->mac, sizeof(s->mac)), "id", new_uuid(scratch), "version", VERSION);
	char *text = json_text(ctx, root);

	json_decref(root);
	mem_free(scratch);
	return text;
}

char *keystore_seal(const void *ctx, const struct secp_key *key, const char *passphrase, bool light)
{
	struct stored s = {.salt_bytes = SALT_BYTES,
			   .is_scrypt = true,
			   .n = light ? 1 << 12 : 1 << 18,
			   .r = SCRYPT_R,
			   .p = light ? 6 : 1};
	uint8_t derived[DERIVED_BYTES];
	struct error *e = NULL;

	crypto_random_bytes(s.salt, s.salt_bytes);
	crypto_random_bytes(s.iv, sizeof(s.iv));
	e = derive(&s, passphrase, &usual_limits, derived);
	if (e) { /* within the limits, so there is no memory */
		fprintf(stderr, "%s\n", e->message);
		abort();
	}
	apply(derived, s.iv, key->secret, s.encrypted);
	compute_mac(derived, s.encrypted, s.mac);
	secret_wipe(derived, sizeof(derived));
	secp_address(key->public, s.address);
	return write_stored(ctx, &s);
}
