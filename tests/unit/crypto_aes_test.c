#include "crypto_vectors.h"

#include "crypto/aes.h"
#include "crypto/secret.h"

/* NIST SP 800-38A, F.5.1 and F.5.5. */
#define CTR_IV "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
#define CTR_PLAIN                                                          \
	"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" \
	"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"

static const struct {
	const char *key, *cipher;
} ctr_vectors[] = {
	{"2b7e151628aed2a6abf7158809cf4f3c", "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
					     "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee"},
	{"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
	 "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
	 "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6"},
};

/* However the stream is cut. */
static void ctr(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (size_t part = 1; part <= 64; part++) {
			char *ctx = mem_strdup(NULL, "ctr");
			size_t key_bytes = 0, n = 0;
			uint8_t *key = unhex(ctx, ctr_vectors[i].key, &key_bytes), *text = unhex(ctx, CTR_PLAIN, &n);
			struct aes_ctr *c = aes_ctr_new(ctx, key, key_bytes, unhex(ctx, CTR_IV, NULL));

			for (size_t at = 0; at < n; at += part)
				aes_ctr_apply(c, text + at, n - at < part ? n - at : part, text + at);
			assert_hex(text, n, ctr_vectors[i].cipher);
			mem_free(ctx);
		}
	}
}

/* The counter has 128 bits, goes over every carry and round; long inputs are the blocks one by one. */
static void ctr_counter(void **state)
{
	static const char *const ivs[] = {"ffffffffffffffffffffffffffffffff", "ffffffffffffffffffffffffffffffc0",
					  "0000000000000000ffffffffffffffff", "000102030405060708090a0bfffffffe"};
	enum { BLOCKS = 300 };

	(void)state;
	for (size_t i = 0; i < sizeof(ivs) / sizeof(ivs[0]); i++) {
		char *ctx = mem_strdup(NULL, "ctr");
		uint8_t *iv = unhex(ctx, ivs[i], NULL), *out = mem_array(ctx, uint8_t, BLOCKS * 16 + 5), key[32];
		struct aes_ctr *c = NULL;
		struct aes_block *b = NULL;

		crypto_random_bytes(key, sizeof(key));
		c = aes_ctr_new(ctx, key, sizeof(key), iv);
		b = aes_block_new(ctx, key, sizeof(key));
		aes_ctr_apply(c, out, BLOCKS * 16 + 5, out);
		for (size_t k = 0; k < BLOCKS; k++) {
			uint8_t expected[16];

			aes_block_encrypt(b, iv, expected);
			assert_memory_equal(out + 16 * k, expected, 16);
			for (int j = 15; j >= 0 && ++iv[j] == 0; j--)
				;
		}
		mem_free(ctx);
	}
}

/* FIPS 197, C.1 and C.3. */
static void block(void **state)
{
	char *ctx = mem_strdup(NULL, "block");
	uint8_t *key = unhex(ctx, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", NULL);
	uint8_t *plain = unhex(ctx, "00112233445566778899aabbccddeeff", NULL), out[16];
	struct aes_block *b = aes_block_new(ctx, key, 16);

	(void)state;
	aes_block_encrypt(b, plain, out);
	assert_hex(out, 16, "69c4e0d86a7b0430d8cdb78070b4c55a");
	b = aes_block_new(ctx, key, 32);
	for (int i = 0; i < 2; i++) { /* blocks do not depend on those before */
		aes_block_encrypt(b, plain, out);
		assert_hex(out, 16, "8ea2b7ca516745bfeafc49904b496089");
	}
	aes_block_encrypt(b, plain, plain);
	assert_hex(plain, 16, "8ea2b7ca516745bfeafc49904b496089");
	mem_free(ctx);
}

static void check_gcm(const void *ctx, const json_t *row)
{
	size_t n = 0, sealed_bytes = 0;
	uint8_t *key = row_bytes(ctx, row, "key", NULL), *iv = row_bytes(ctx, row, "iv", NULL);
	uint8_t *msg = row_bytes(ctx, row, "msg", &n), *sealed = row_bytes(ctx, row, "sealed", &sealed_bytes);
	uint8_t *plain = mem_array(ctx, uint8_t, n), *again = mem_array(ctx, uint8_t, n + AES_GCM_TAG_BYTES);
	static const uint8_t zeros[1024];

	assert_int_equal(sealed_bytes, n + AES_GCM_TAG_BYTES);
	if (!row_is(row, "valid")) {
		memset(plain, 0xaa, n);
		assert_refused(aes_gcm_open(key, iv, sealed, sealed_bytes, plain), ERROR_REFUSED, "tag does not fit");
		assert_memory_equal(plain, zeros, n);
		return;
	}
	assert_null(aes_gcm_open(key, iv, sealed, sealed_bytes, plain));
	if (memcmp(plain, msg, n) != 0)
		fail_msg("test %d: opened to something else", row_id(row));
	aes_gcm_seal(key, iv, msg, n, again);
	if (memcmp(again, sealed, sealed_bytes) != 0)
		fail_msg("test %d: sealed to something else", row_id(row));
	/* In place, too. */
	assert_null(aes_gcm_open(key, iv, sealed, sealed_bytes, sealed));
	assert_memory_equal(sealed, msg, n);
}

static void gcm(void **state)
{
	(void)state;
	each_row("aes_gcm.json", 48, check_gcm);
}

/* Every altered bit and every missing byte is seen. */
static void gcm_altered(void **state)
{
	uint8_t key[32] = {1}, nonce[AES_GCM_NONCE_BYTES] = {2}, sealed[100 + AES_GCM_TAG_BYTES], plain[100] = {3};

	(void)state;
	aes_gcm_seal(key, nonce, plain, sizeof(plain), sealed);
	for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
		sealed[bit / 8] ^= 1 << bit % 8;
		assert_refused(aes_gcm_open(key, nonce, sealed, sizeof(sealed), plain), ERROR_REFUSED, "tag");
		sealed[bit / 8] ^= 1 << bit % 8;
	}
	for (size_t n = 0; n < sizeof(sealed); n++)
		assert_refused(aes_gcm_open(key, nonce, sealed, n, plain), ERROR_REFUSED, "AES-GCM");
	assert_null(aes_gcm_open(key, nonce, sealed, sizeof(sealed), plain));
	assert_int_equal(plain[0], 3);
}

/* Long enough for every wide path. */
static void gcm_long(void **state)
{
	enum { N = 100003 };
	uint8_t key[32], nonce[AES_GCM_NONCE_BYTES], *plain = mem_array(NULL, uint8_t, N);
	uint8_t *sealed = mem_array(plain, uint8_t, N + AES_GCM_TAG_BYTES), *out = mem_array(plain, uint8_t, N);
	uint8_t iv[16] = {0}, *stream = mem_array(plain, uint8_t, N);

	(void)state;
	crypto_random_bytes(key, sizeof(key));
	crypto_random_bytes(nonce, sizeof(nonce));
	crypto_random_bytes(plain, N);
	aes_gcm_seal(key, nonce, plain, N, sealed);
	assert_null(aes_gcm_open(key, nonce, sealed, N + AES_GCM_TAG_BYTES, out));
	assert_memory_equal(out, plain, N);
	/* GCM encrypts as CTR does, from the counter 2. */
	memcpy(iv, nonce, sizeof(nonce));
	iv[15] = 2;
	aes_ctr_apply(aes_ctr_new(plain, key, sizeof(key), iv), plain, N, stream);
	assert_memory_equal(sealed, stream, N);
	mem_free(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ctr), cmocka_unit_test(ctr_counter), cmocka_unit_test(block),
		cmocka_unit_test(gcm), cmocka_unit_test(gcm_altered), cmocka_unit_test(gcm_long),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
