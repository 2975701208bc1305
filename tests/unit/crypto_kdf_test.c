#include "crypto_vectors.h"

#include "crypto/kdf.h"

static void check_hmac(const void *ctx, const json_t *row)
{
	size_t key_bytes = 0, n = 0, tag_bytes = 0;
	uint8_t *key = row_bytes(ctx, row, "key", &key_bytes), *msg = row_bytes(ctx, row, "msg", &n);
	uint8_t *tag = row_bytes(ctx, row, "tag", &tag_bytes), whole[32], parts_tag[32];
	const struct iovec parts[] = {{msg, n / 3}, {msg + n / 3, 0}, {msg + n / 3, n - n / 3}};
	struct hmac_key *k = hmac_key_new(ctx, key, key_bytes);

	hmac_sha256(key, key_bytes, msg, n, whole);
	for (int again = 0; again < 2; again++) {
		hmac_key_tag(k, parts, 3, parts_tag);
		assert_memory_equal(whole, parts_tag, 32);
	}
	mem_free(k);
	if ((memcmp(whole, tag, tag_bytes) == 0) != row_is(row, "valid"))
		fail_msg("test %d", row_id(row));
}

static void hmac(void **state)
{
	/* Keys of 63, 64 and 65 times the letter k, over "text": around the block, past which a key is hashed (Python).
	 */
	static const char *const around[] = {
		"c90d83e78c64ee16fe2eefa3e8a834d79d1d3d0ea483f8d9908323b714c7f134",
		"0414bb1d8c0c4556cdb2028727b16610ae377b1a194b6db1f853d4297f2329bc",
		"5b69580123e3d7e788b7e8352ac37a3247b911c5ec0837147b74109a6382d3f5",
	};

	(void)state;
	each_row("hmac_sha256.json", 174, check_hmac);
	for (size_t i = 0; i < 3; i++) {
		uint8_t key[65], tag[32];

		memset(key, 'k', sizeof(key));
		hmac_sha256(key, 63 + i, "text", 4, tag);
		assert_hex(tag, sizeof(tag), around[i]);
	}
}

static void check_pbkdf2(const void *ctx, const json_t *row)
{
	size_t password_bytes = 0, salt_bytes = 0, n = 0;
	uint8_t *password = row_bytes(ctx, row, "password", &password_bytes);
	uint8_t *salt = row_bytes(ctx, row, "salt", &salt_bytes), *dk = row_bytes(ctx, row, "dk", &n);
	uint8_t *key = mem_array(ctx, uint8_t, n);

	pbkdf2_sha256(password, password_bytes, salt, salt_bytes,
		      (unsigned)json_integer_value(json_object_get(row, "iterations")), key, n);
	if (memcmp(key, dk, n) != 0)
		fail_msg("test %d", row_id(row));
}

static void pbkdf2(void **state)
{
	uint8_t key[32];

	(void)state;
	each_row("pbkdf2_hmacsha256.json", 60, check_pbkdf2);
	/* As Whisper derives a symmetric key from a password. */
	pbkdf2_sha256("test", 4, NULL, 0, 65356, key, sizeof(key));
	assert_hex(key, sizeof(key), "a82a520aff70f7a989098376e48ec128f25f767085e84d7fb995a9815eebff0a");
}

static void hash(void **state)
{
	uint8_t digest[32];

	(void)state;
	sha256("abc", 3, digest);
	assert_hex(digest, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256("", 0, digest);
	assert_hex(digest, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 7914, section 12 (the one of 1 GiB left out). */
static const struct {
	const char *password, *salt;
	uint64_t n;
	uint32_t r, p;
	const char *key;
} scrypt_vectors[] = {
	{"", "", 16, 1, 1,
	 "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
	 "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"},
	{"password", "NaCl", 1024, 8, 16,
	 "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
	 "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"},
	{"pleaseletmein", "SodiumChloride", 16384, 8, 1,
	 "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
	 "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"},
};

static void scrypt(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scrypt_vectors) / sizeof(scrypt_vectors[0]); i++) {
		uint8_t key[64];

		assert_null(scrypt_key(scrypt_vectors[i].password, strlen(scrypt_vectors[i].password),
				       scrypt_vectors[i].salt, strlen(scrypt_vectors[i].salt), scrypt_vectors[i].n,
				       scrypt_vectors[i].r, scrypt_vectors[i].p, 32U << 20, key, sizeof(key)));
		assert_hex(key, sizeof(key), scrypt_vectors[i].key);
	}
}

static void scrypt_refusals(void **state)
{
	static const struct {
		uint64_t n;
		uint32_t r, p;
		size_t memory;
		enum error_code code;
	} cases[] = {
		{0, 8, 1, 1 << 20, ERROR_INVALID},
		{1, 8, 1, 1 << 20, ERROR_INVALID},
		{1000, 8, 1, 1 << 20, ERROR_INVALID},
		{16, 0, 1, 1 << 20, ERROR_INVALID},
		{16, 8, 0, 1 << 20, ERROR_INVALID},
		{16, 1 << 15, 1 << 15, SIZE_MAX, ERROR_INVALID},
		{1 << 16, 1, 1, SIZE_MAX, ERROR_INVALID},
		{1024, 8, 1, 1 << 20, ERROR_LIMIT}, /* the blocks alone take it all */
		{16, 8, 1024, 1 << 20, ERROR_LIMIT},
		{UINT64_C(1) << 63, 8, 1, SIZE_MAX, ERROR_LIMIT},
		{UINT64_C(1) << 40, UINT32_MAX / 4, 1, SIZE_MAX, ERROR_LIMIT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t key[32] = {7};

		assert_refused(scrypt_key("p", 1, "s", 1, cases[i].n, cases[i].r, cases[i].p, cases[i].memory, key, 32),
			       cases[i].code, "scrypt");
		assert_int_equal(key[0], 7);
	}
	/* The very memory that is needed is enough: n + p + 2 blocks of 128 r bytes. */
	for (size_t missing = 0; missing <= 1; missing++) {
		uint8_t key[32];
		struct error *e = scrypt_key("p", 1, "s", 1, 1024, 8, 3, 1024 * 1029 - missing, key, sizeof(key));

		assert_int_equal(e != NULL, missing);
		error_free(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash),
		cmocka_unit_test(hmac),
		cmocka_unit_test(pbkdf2),
		cmocka_unit_test(scrypt),
		cmocka_unit_test(scrypt_refusals),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
