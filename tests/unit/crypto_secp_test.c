#include "crypto_vectors.h"

#include <pthread.h>
#include <secp256k1.h>

#include "crypto/kdf.h"
#include "crypto/secp.h"

/* go-ethereum v1.9.20, crypto/signature_test.go. */
#define DIGEST "ce0677bb30baa8cf067c88db9811f4333d131bf8bcf12fe7065d211dce971008"
#define SIGNATURE                                                                                                      \
	"90f27b8b488db00b00606796d2987f6a5f59ae62ea05effe84fef5b8b0e549984a691139ad57a3f0b906637673aa2f63d1f55cb1a691" \
	"99d4"                                                                                                         \
	"009eea23ceaddc9301"
#define PUBLIC                                                                                                         \
	"e32df42865e97135acfb65f3bae71bdc86f4d49150ad6a440b6f15878109880a0a2b2667f7e725ceea70c673093bf67663e0312623c8" \
	"e091"                                                                                                         \
	"b13cf2c0f11ef652"
#define COMPRESSED "02e32df42865e97135acfb65f3bae71bdc86f4d49150ad6a440b6f15878109880a"
/* A signature with a high S, and its key and digest. */
#define HIGH_DIGEST "d301ce462d3e639518f482c7f03821fec1e602018630ce621e1e7851c12343a6"
#define HIGH_SIGNATURE                                                                                                 \
	"638a54215d80a6713c8d523a6adc4e6e73652d859103a36b700851cb0e61b66b8ebfc1a610c57d732ec6e0a8f06a9a7a28df5051ece5" \
	"1470"                                                                                                         \
	"2ff9cdff0b11f454"
#define HIGH_COMPRESSED "03ca634cae0d49acb401d8a4c6b6fe8c55b70d115bf400769cc1400f3258cd3138"

#define ORDER "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"

static void recover(void **state)
{
	char *ctx = mem_strdup(NULL, "recover");
	uint8_t *digest = unhex(ctx, DIGEST, NULL), *signature = unhex(ctx, SIGNATURE, NULL);
	uint8_t public[SECP_PUBLIC_BYTES] = {0};

	(void)state;
	assert_null(secp_recover(digest, signature, public));
	assert_hex(public, sizeof(public), PUBLIC);
	assert_true(secp_verify(digest, signature, public));
	public[10]++;
	assert_false(secp_verify(digest, signature, public));
	public[10]--;
	digest[0] ^= 1;
	assert_false(secp_verify(digest, signature, public));
	mem_free(ctx);
}

static void recover_refusals(void **state)
{
	char *ctx = mem_strdup(NULL, "recover");
	uint8_t *digest = unhex(ctx, DIGEST, NULL), *order = unhex(ctx, ORDER, NULL);
	uint8_t public[SECP_PUBLIC_BYTES] = {9}, bad[SECP_SIGNATURE_BYTES];
	uint8_t *good = unhex(ctx, SIGNATURE, NULL);

	(void)state;
	for (unsigned id = 4; id < 256; id++) { /* 27 and 28 too */
		memcpy(bad, good, sizeof(bad));
		bad[64] = (uint8_t)id;
		assert_refused(secp_recover(digest, bad, public), ERROR_INVALID, "recovery id");
	}
	for (size_t half = 0; half < 2; half++) {
		memcpy(bad, good, sizeof(bad));
		memcpy(bad + 32 * half, order, 32);
		assert_refused(secp_recover(digest, bad, public), ERROR_INVALID, "below the order");
		memset(bad + 32 * half, 0, 32);
		assert_refused(secp_recover(digest, bad, public), ERROR_INVALID, "no key fits");
	}
	/* r + n as an X coordinate is over the field's prime. */
	memcpy(bad, good, sizeof(bad));
	bad[64] = 2;
	assert_refused(secp_recover(digest, bad, public), ERROR_INVALID, "no key fits");
	assert_int_equal(public[0], 9);
	mem_free(ctx);
}

/* Recovering takes a high S, as go-ethereum does; verifying does not. */
static void high_s(void **state)
{
	char *ctx = mem_strdup(NULL, "high");
	uint8_t *digest = unhex(ctx, HIGH_DIGEST, NULL), *compressed = unhex(ctx, HIGH_COMPRESSED, NULL);
	uint8_t signature[SECP_SIGNATURE_BYTES], public[SECP_PUBLIC_BYTES], recovered[SECP_PUBLIC_BYTES];
	bool found = false;

	(void)state;
	memcpy(signature, unhex(ctx, HIGH_SIGNATURE, NULL), 64);
	assert_null(secp_public_parse(compressed, 33, public));
	assert_false(secp_verify(digest, signature, public));
	for (uint8_t id = 0; id < 2; id++) {
		signature[64] = id;
		assert_null(secp_recover(digest, signature, recovered));
		found |= memcmp(recovered, public, sizeof(public)) == 0;
	}
	assert_true(found);
	mem_free(ctx);
}

/* RFC 6979 makes signatures repeatable: made with another implementation. */
static void sign(void **state)
{
	char *ctx = mem_strdup(NULL, "sign");
	uint8_t *secret = unhex(ctx, "b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291", NULL);
	uint8_t *digest = unhex(ctx, "4c50b77aab5315f5a1a348c62bfeedec7859b94d4f24bd4b4a905524ce9f150c", NULL);
	uint8_t signature[SECP_SIGNATURE_BYTES], public[SECP_PUBLIC_BYTES];
	struct secp_key key;

	(void)state;
	assert_null(secp_key_from_secret(secret, &key));
	secp_sign(&key, digest, signature);
	assert_hex(signature, sizeof(signature),
		   "7f0034596bf59d26e8e1cdc21384864aff0f870f503e9ffd78d7c7b18b13a796"
		   "1189ded0142a3f26b17080acbd5a29d255aa0c02d401cde32c0d31afa0c517fc01");
	assert_true(secp_verify(digest, signature, key.public));
	assert_null(secp_recover(digest, signature, public));
	assert_memory_equal(public, key.public, sizeof(public));
	mem_free(ctx);
}

static void keys(void **state)
{
	struct secp_key key = {{0}, {0}}, other;
	uint8_t secret[SECP_SECRET_BYTES] = {0}, address[ETH_ADDRESS_BYTES];

	(void)state;
	assert_refused(secp_key_from_secret(secret, &key), ERROR_INVALID, "secret key");
	assert_null(hex_decode(ORDER, secret, 32));
	assert_refused(secp_key_from_secret(secret, &key), ERROR_INVALID, "secret key");
	secret[31]--; /* the greatest */
	assert_null(secp_key_from_secret(secret, &key));
	assert_true(secp_public_valid(key.public));
	/* The address of the Web3 Secret Storage definition's key. */
	assert_null(hex_decode("7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d", secret, 32));
	assert_null(secp_key_from_secret(secret, &key));
	secp_address(key.public, address);
	assert_hex(address, sizeof(address), "008aeeda4d805471df9b2a5b0f38a0c3bcba786b");
	/* In place. */
	assert_null(secp_key_from_secret(key.secret, &key));
	assert_memory_equal(key.secret, secret, 32);
	secp_key_new(&key);
	secp_key_new(&other);
	assert_memory_not_equal(key.secret, other.secret, 32);
	assert_true(secp_public_valid(key.public));
	assert_null(secp_key_from_secret(key.secret, &other));
	assert_memory_equal(key.public, other.public, sizeof(key.public));
}

static void public_forms(void **state)
{
	char *ctx = mem_strdup(NULL, "public");
	uint8_t bytes[65] = {0x04}, public[SECP_PUBLIC_BYTES] = {0}, compressed[33];

	(void)state;
	assert_null(hex_decode(PUBLIC, bytes + 1, 64));
	assert_null(secp_public_parse(bytes, 65, public));
	assert_hex(public, 64, PUBLIC);
	assert_null(secp_public_parse(bytes + 1, 64, public));
	assert_hex(public, 64, PUBLIC);
	assert_null(secp_public_parse(unhex(ctx, COMPRESSED, NULL), 33, public));
	assert_hex(public, 64, PUBLIC);
	secp_public_compress(public, compressed);
	assert_hex(compressed, 33, COMPRESSED);
	for (int i = 0; i < 50; i++) { /* both parities */
		struct secp_key key;

		secp_key_new(&key);
		secp_public_compress(key.public, compressed);
		assert_null(secp_public_parse(compressed, 33, public));
		assert_memory_equal(public, key.public, 64);
	}
	mem_free(ctx);
}

static void public_refusals(void **state)
{
	uint8_t bytes[66] = {0x04}, public[SECP_PUBLIC_BYTES] = {9}, compressed[33];

	(void)state;
	assert_null(hex_decode(PUBLIC, bytes + 1, 64));
	for (size_t n = 0; n <= 66; n++) {
		if (n != 65)
			assert_refused(secp_public_parse(bytes, n, public), ERROR_INVALID, "public key");
	}
	for (unsigned first = 0; first < 256; first++) {
		bytes[0] = (uint8_t)first; /* 0x06 and 0x07, the hybrid forms, too */
		if (first != 0x04)
			assert_refused(secp_public_parse(bytes, 65, public), ERROR_INVALID, "public key");
	}
	assert_null(hex_decode(COMPRESSED, compressed, 33));
	compressed[0] = 0x04;
	assert_refused(secp_public_parse(compressed, 33, public), ERROR_INVALID, "public key");
	bytes[64] ^= 1;
	assert_false(secp_public_valid(bytes + 1));
	assert_refused(secp_public_parse(bytes + 1, 64, public), ERROR_INVALID, "no point");
	memset(bytes, 0, sizeof(bytes));
	assert_false(secp_public_valid(bytes));
	memset(bytes, 0xff, sizeof(bytes));
	assert_false(secp_public_valid(bytes));
	assert_int_equal(public[0], 9);
}

static void check_ecdsa(const void *ctx, const json_t *row)
{
	size_t public_bytes = 0, n = 0, msg_bytes = 0;
	uint8_t *public = row_bytes(ctx, row, "public", &public_bytes), *der = row_bytes(ctx, row, "sig", &n);
	uint8_t *msg = row_bytes(ctx, row, "msg", &msg_bytes), digest[32], signature[64], point[SECP_PUBLIC_BYTES];
	secp256k1_ecdsa_signature parsed;
	bool good = false;

	assert_null(secp_public_parse(public, public_bytes, point));
	sha256(msg, msg_bytes, digest);
	if (secp256k1_ecdsa_signature_parse_der(secp256k1_context_static, &parsed, der, n)) {
		secp256k1_ecdsa_signature_serialize_compact(secp256k1_context_static, signature, &parsed);
		good = secp_verify(digest, signature, point);
	}
	if (good != row_is(row, "valid"))
		fail_msg("test %d: %s", row_id(row), good ? "taken" : "refused");
}

static void ecdsa(void **state)
{
	(void)state;
	each_row("ecdsa_secp256k1_sha256_bitcoin.json", 463, check_ecdsa);
}

static void check_ecdh(const void *ctx, const json_t *row)
{
	size_t n = 0;
	uint8_t *bytes = row_bytes(ctx, row, "public", &n), *secret = row_bytes(ctx, row, "private", NULL);
	uint8_t public[SECP_PUBLIC_BYTES], shared[SECP_SHARED_BYTES];
	struct error *e = secp_public_parse(bytes, n, public);

	if (row_is(row, "invalid")) {
		assert_refused(e, ERROR_INVALID, "public key");
		if (n == 65)
			assert_refused(secp_ecdh(secret, bytes + 1, shared), ERROR_INVALID, "public key");
		return;
	}
	assert_null(e);
	assert_null(secp_ecdh(secret, public, shared));
	assert_hex(shared, sizeof(shared), row_text(row, "shared"));
}

static void ecdh(void **state)
{
	uint8_t secret[SECP_SECRET_BYTES] = {0}, shared[SECP_SHARED_BYTES] = {9};
	struct secp_key key;

	(void)state;
	each_row("ecdh_secp256k1.json", 495, check_ecdh);
	secp_key_new(&key);
	assert_refused(secp_ecdh(secret, key.public, shared), ERROR_INVALID, "secret key");
	memset(secret, 0xff, sizeof(secret));
	assert_refused(secp_ecdh(secret, key.public, shared), ERROR_INVALID, "secret key");
	assert_int_equal(shared[0], 9);
}

static void *use(void *data)
{
	struct secp_key key;
	uint8_t digest[32] = {1}, signature[SECP_SIGNATURE_BYTES], public[SECP_PUBLIC_BYTES];
	bool *good = data;

	*good = true;
	for (int i = 0; i < 50; i++) {
		secp_key_new(&key);
		secp_sign(&key, digest, signature);
		*good &= !secp_recover(digest, signature, public) && memcmp(public, key.public, 64) == 0;
	}
	return NULL;
}

/* Run first: the threads race for the making of the shared context. */
static void threads(void **state)
{
	pthread_t ids[4];
	bool good[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&ids[i], NULL, use, &good[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(ids[i], NULL);
		assert_true(good[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads),
		cmocka_unit_test(recover),
		cmocka_unit_test(recover_refusals),
		cmocka_unit_test(high_s),
		cmocka_unit_test(sign),
		cmocka_unit_test(keys),
		cmocka_unit_test(public_forms),
		cmocka_unit_test(public_refusals),
		cmocka_unit_test(ecdsa),
		cmocka_unit_test(ecdh),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
