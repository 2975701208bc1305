#include "crypto_vectors.h"

#include "crypto/ecies.h"

/* Made with another implementation of the same formulas (Python), no MAC data. */
#define SECRET "49a7b37aa6f6645917e7b807e9d1c00d4fa71f18343b0d4122a4d2df64dd6fee"
#define EPHEMERAL "869d6ecf5211f1cc60418a13b9d870b22959d0c16f02bec714c960dd2298a32d"
#define IV "000102030405060708090a0b0c0d0e0f"
#define PLAIN                                                                                                          \
	"050d68656c6c6f207768697370657201020304057f0034596bf59d26e8e1cdc21384864aff0f870f503e9ffd78d7c7b18b13a7961189" \
	"ded0"                                                                                                         \
	"142a3f26b17080acbd5a29d255aa0c02d401cde32c0d31afa0c517fc01"
#define SEALED                                                                                                         \
	"04654d1044b69c577a44e5f01a1209523adb4026e70c62d1c13a067acabc09d2667a49821a0ad4b634554d330a15a58fe61f8a8e0544" \
	"b310"                                                                                                         \
	"c6de7b0c8da7528a8d000102030405060708090a0b0c0d0e0fb827524c086227af7aa2b4d2c690465a2e88d4afb5016173c86c3f50a5" \
	"8031"                                                                                                         \
	"ab92c56124b3c3b4f3d979d1476f4c0a3a8f1c56bceabe8729702a682e219f31415e2916e84794b0fd61ba9863438ff5c6eff8689aa1" \
	"2352"                                                                                                         \
	"0ebd2affab1417785519daf7f50dc0fd6f33dccd2bd84150c2eb0e893b5e"

static void known(void **state)
{
	char *ctx = mem_strdup(NULL, "known");
	size_t n = 0, sealed_bytes = 0;
	uint8_t *plain = unhex(ctx, PLAIN, &n), *sealed = unhex(ctx, SEALED, &sealed_bytes);
	uint8_t *out = mem_array(ctx, uint8_t, n), *again = mem_array(ctx, uint8_t, n + ECIES_OVERHEAD);
	struct secp_key to, ephemeral;

	(void)state;
	assert_int_equal(sealed_bytes, n + ECIES_OVERHEAD);
	assert_null(secp_key_from_secret(unhex(ctx, SECRET, NULL), &to));
	assert_null(secp_key_from_secret(unhex(ctx, EPHEMERAL, NULL), &ephemeral));
	assert_null(ecies_open(to.secret, sealed, sealed_bytes, NULL, 0, out));
	assert_memory_equal(out, plain, n);
	assert_null(ecies_seal_with(&ephemeral, unhex(ctx, IV, NULL), to.public, plain, n, NULL, 0, again));
	assert_memory_equal(again, sealed, sealed_bytes);
	mem_free(ctx);
}

static void there_and_back(void **state)
{
	static const size_t sizes[] = {1, 15, 16, 17, 31, 194, 1000, 70000};
	struct secp_key key;

	(void)state;
	secp_key_new(&key);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = sizes[i];
		uint8_t *plain = mem_array(NULL, uint8_t, n), *out = mem_array(plain, uint8_t, n);
		uint8_t *sealed = mem_array(plain, uint8_t, n + ECIES_OVERHEAD);
		uint8_t *other = mem_array(plain, uint8_t, n + ECIES_OVERHEAD);

		memset(plain, (int)i + 1, n);
		assert_null(ecies_seal(key.public, plain, n, (const uint8_t *)"\1\2", 2, sealed));
		assert_null(ecies_open(key.secret, sealed, n + ECIES_OVERHEAD, (const uint8_t *)"\1\2", 2, out));
		assert_memory_equal(out, plain, n);
		/* A fresh key and iv each time. */
		assert_null(ecies_seal(key.public, plain, n, (const uint8_t *)"\1\2", 2, other));
		assert_memory_not_equal(other + 1, sealed + 1, 64);
		assert_memory_not_equal(other + 65, sealed + 65, 16);
		mem_free(plain);
	}
}

static void refusals(void **state)
{
	static const uint8_t plain[20] = {1}, mac_data[2] = {3, 4}, other_data[3] = {3, 4, 5};
	uint8_t sealed[sizeof(plain) + ECIES_OVERHEAD], out[sizeof(plain)], bad[SECP_PUBLIC_BYTES] = {0};
	uint8_t zero[SECP_SECRET_BYTES] = {0};
	struct secp_key key, other;

	(void)state;
	memset(out, 0xaa, sizeof(out));
	secp_key_new(&key);
	secp_key_new(&other);
	assert_refused(ecies_seal(bad, plain, sizeof(plain), NULL, 0, sealed), ERROR_INVALID, "public key");
	assert_null(ecies_seal(key.public, plain, sizeof(plain), mac_data, 2, sealed));
	for (size_t n = 0; n <= ECIES_OVERHEAD; n++)
		assert_refused(ecies_open(key.secret, sealed, n, mac_data, 2, out), ERROR_INVALID, "bytes");
	assert_refused(ecies_open(key.secret, sealed, sizeof(sealed) - 1, mac_data, 2, out), ERROR_REFUSED, "MAC");
	assert_refused(ecies_open(other.secret, sealed, sizeof(sealed), mac_data, 2, out), ERROR_REFUSED, "MAC");
	assert_refused(ecies_open(zero, sealed, sizeof(sealed), mac_data, 2, out), ERROR_INVALID, "secret key");
	assert_refused(ecies_open(key.secret, sealed, sizeof(sealed), NULL, 0, out), ERROR_REFUSED, "MAC");
	assert_refused(ecies_open(key.secret, sealed, sizeof(sealed), mac_data, 1, out), ERROR_REFUSED, "MAC");
	assert_refused(ecies_open(key.secret, sealed, sizeof(sealed), other_data, 3, out), ERROR_REFUSED, "MAC");
	for (unsigned first = 0; first < 256; first++) {
		sealed[0] = (uint8_t)first;
		if (first != 0x04)
			assert_refused(ecies_open(key.secret, sealed, sizeof(sealed), mac_data, 2, out), ERROR_INVALID,
				       "point");
	}
	sealed[0] = 0x04;
	for (size_t i = 1; i < sizeof(sealed); i++) {
		sealed[i] ^= 0x10;
		assert_refused(ecies_open(key.secret, sealed, sizeof(sealed), mac_data, 2, out),
			       i < 65 ? ERROR_INVALID : ERROR_REFUSED, i < 65 ? "no point" : "MAC");
		sealed[i] ^= 0x10;
	}
	for (size_t i = 0; i < sizeof(out); i++)
		assert_int_equal(out[i], 0xaa);
	assert_null(ecies_open(key.secret, sealed, sizeof(sealed), mac_data, 2, out));
	assert_memory_equal(out, plain, sizeof(plain));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(refusals),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
