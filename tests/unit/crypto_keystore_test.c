#include "crypto_vectors.h"

#include "crypto/keystore.h"

/* The PBKDF2 vector of the Web3 Secret Storage definition, and its key under scrypt as geth uses it (n = 2^18, r = 8,
 * p = 1), computed with Python: the definition's own scrypt vectors do not serve. The older has n >= 2^(16 r), which
 * RFC 7914 forbids; the newer's derived key is not that of its salt and parameters. The passphrase is "testpassword".
 */
#define SECRET "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
#define PASSPHRASE "testpassword"

static const char pbkdf2_file[] =
	"{\"crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{\"iv\":\"6087dab2f9fdbbfaddc31a909735c1e6\"},"
	"\"ciphertext\":\"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46\",\"kdf\":\"pbkdf2\","
	"\"kdfparams\":{\"c\":262144,\"dklen\":32,\"prf\":\"hmac-sha256\","
	"\"salt\":\"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd\"},"
	"\"mac\":\"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2\"},"
	"\"id\":\"3198bc9c-6672-5ab3-d995-4942343ae5b6\",\"version\":3}";

static const char scrypt_file[] =
	"{\"crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{\"iv\":\"740770fce12ce862af21264dab25f1da\"},"
	"\"ciphertext\":\"1b368ffb2db0fcec8802eceba0b2820ae1069ef3815ac97ca1031371748f6e18\",\"kdf\":\"scrypt\","
	"\"kdfparams\":{\"dklen\":32,\"n\":262144,\"p\":1,\"r\":8,"
	"\"salt\":\"25710c2ccd7c610b24d068af83b959b7a0e5f40641f0c82daeb1345766191034\"},"
	"\"mac\":\"61de4bf77db2f8e07e01232c045e5b455997efeb22bb8ea08a66ff5a252182a6\"},"
	"\"id\":\"3198bc9c-6672-5ab3-d995-4942343ae5b6\",\"version\":3}";

/* go-ethereum v1.9.20, accounts/keystore/testdata: written by geth, passphrase "foobar". */
static const char geth_file[] =
	"{\"address\":\"7ef5a6135f1fd6a02593eedc869c6d41d934aef8\",\"crypto\":{\"cipher\":\"aes-128-ctr\","
	"\"ciphertext\":\"1d0839166e7a15b9c1333fc865d69858b22df26815ccf601b28219b6192974e1\","
	"\"cipherparams\":{\"iv\":\"8df6caa7ff1b00c4e871f002cb7921ed\"},\"kdf\":\"scrypt\","
	"\"kdfparams\":{\"dklen\":32,\"n\":8,\"p\":16,\"r\":8,"
	"\"salt\":\"e5e6ef3f4ea695f496b643ebd3f75c0aa58ef4070e90c80c5d3fb0241bf1595c\"},"
	"\"mac\":\"6d16dfde774845e4585357f24bce530528bc69f4f84e1e22880d34fa45c273e5\"},"
	"\"id\":\"950077c7-71e3-4c44-a4a1-143919141ed4\",\"version\":3}";

static struct error *open_text(const char *text, const char *passphrase, struct secp_key *ret_key)
{
	return keystore_open(text, strlen(text), passphrase, ret_key);
}

static void vectors(void **state)
{
	static const char *const files[] = {pbkdf2_file, scrypt_file};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct secp_key key;
		uint8_t address[ETH_ADDRESS_BYTES];

		assert_null(open_text(files[i], PASSPHRASE, &key));
		assert_hex(key.secret, sizeof(key.secret), SECRET);
		secp_address(key.public, address);
		assert_hex(address, sizeof(address), "008aeeda4d805471df9b2a5b0f38a0c3bcba786b");
	}
}

/* Its address is checked by opening. */
static void geth(void **state)
{
	struct secp_key key = {{0}, {0}};

	(void)state;
	assert_refused(open_text(geth_file, "foobaz", &key), ERROR_REFUSED, "wrong passphrase");
	assert_int_equal(key.secret[0], 0);
	assert_null(open_text(geth_file, "foobar", &key));
}

static void seal_and_open(struct secp_key *key, const char *passphrase, bool light)
{
	struct secp_key again;
	char *text = keystore_seal(NULL, key, passphrase, light), *address = NULL;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *params = NULL;
	const char *id = row_text(root, "id");
	uint8_t bytes[ETH_ADDRESS_BYTES];

	params = json_object_get(json_object_get(root, "crypto"), "kdfparams");
	assert_int_equal(json_integer_value(json_object_get(params, "n")), light ? 4096 : 262144);
	assert_int_equal(json_integer_value(json_object_get(params, "p")), light ? 6 : 1);
	assert_int_equal(json_integer_value(json_object_get(params, "r")), 8);
	assert_int_equal(strlen(id), 36);
	assert_int_equal(id[14], '4');
	assert_non_null(strchr("89ab", id[19]));
	secp_address(key->public, bytes);
	address = hex_encode(text, bytes, sizeof(bytes));
	assert_string_equal(row_text(root, "address"), address);
	assert_null(strstr(text, hex_encode(text, key->secret, sizeof(key->secret))));
	assert_null(open_text(text, passphrase, &again));
	assert_memory_equal(&again, key, sizeof(again));
	if (light)
		assert_refused(open_text(text, "another", &again), ERROR_REFUSED, "wrong passphrase");
	json_decref(root);
	mem_free(text);
}

static void there_and_back(void **state)
{
	struct secp_key key;

	(void)state;
	secp_key_new(&key);
	seal_and_open(&key, "", true);
	seal_and_open(&key, "p\xc3\xa4ssword \"with\" all", true);
	seal_and_open(&key, "usual", false);
}

/* The form of a sealed file, by which one member at a time is changed. */
static json_t *template_of(const char *text)
{
	json_t *root = json_loads(text, 0, NULL);

	assert_non_null(root);
	return root;
}

static json_t *holder(json_t *root, const char *path, const char **ret_name)
{
	json_t *at = root;
	char *copy = mem_strdup(NULL, path), *dot = NULL, *name = copy;

	for (; (dot = strchr(name, '.')); name = dot + 1) {
		*dot = '\0';
		at = json_object_get(at, name);
	}
	*ret_name = path + (name - copy);
	mem_free(copy);
	return at;
}

/* value: JSON text; NULL: the member is taken away. */
static struct error *open_changed(const char *file, const char *path, const char *value, struct secp_key *ret_key)
{
	static const struct keystore_limits cheap = {1 << 20, 1 << 12, 1000};
	json_t *root = template_of(file);
	const char *name = NULL;
	json_t *at = holder(root, path, &name);
	struct error *e = NULL;
	char *text = NULL;

	if (value)
		json_object_set_new(at, name, json_loads(value, JSON_DECODE_ANY, NULL));
	else
		assert_int_equal(json_object_del(at, name), 0);
	text = json_text(NULL, root);
	e = keystore_open_within(text, strlen(text), PASSPHRASE, &cheap, ret_key);
	mem_free(text);
	json_decref(root);
	return e;
}

#define ZEROS_64 "0000000000000000000000000000000000000000000000000000000000000000"
#define DIGITS_130 "\"" ZEROS_64 ZEROS_64 "00\""

static const struct {
	const char *path, *value;
} bad_members[] =
	{
		{"version", NULL},
		{"version", "1"},
		{"version", "4"},
		{"version", "\"3\""},
		{"version", "3.0"},
		{"crypto", NULL},
		{"crypto", "[]"},
		{"crypto.cipher", NULL},
		{"crypto.cipher", "\"aes-128-cbc\""},
		{"crypto.cipher", "1"},
		{"crypto.cipherparams", NULL},
		{"crypto.cipherparams", "\"\""},
		{"crypto.cipherparams.iv", NULL},
		{"crypto.cipherparams.iv", "\"6087dab2f9fdbbfaddc31a909735c1\""},
		{"crypto.cipherparams.iv", "\"6087dab2f9fdbbfaddc31a909735c1e6e6\""},
		{"crypto.cipherparams.iv", "\"x087dab2f9fdbbfaddc31a909735c1e6\""},
		{"crypto.ciphertext", NULL},
		{"crypto.ciphertext", "\"\""},
		{"crypto.ciphertext", "\"5318\""},
		{"crypto.ciphertext", "\"" ZEROS_64 "00\""},
		{"crypto.mac", NULL},
		{"crypto.mac", "\"00\""},
		{"crypto.mac", "null"},
		{"crypto.kdf", NULL},
		{"crypto.kdf", "\"argon2id\""},
		{"crypto.kdfparams", NULL},
		{"crypto.kdfparams", "3"},
		{"crypto.kdfparams.dklen", NULL},
		{"crypto.kdfparams.dklen", "16"},
		{"crypto.kdfparams.dklen", "64"},
		{"crypto.kdfparams.dklen", "-32"},
		{"crypto.kdfparams.salt", NULL},
		{"crypto.kdfparams.salt", "\"\""},
		{"crypto.kdfparams.salt", "\"abc\""},
		{"crypto.kdfparams.salt", "\"zz\""},
		{"crypto.kdfparams.salt", DIGITS_130},
		{"address", "7"},
		{"address", "\"00\""},
		{"address", "\"008aeeda4d805471df9b2a5b0f38a0c3bcba786x\""},
},
  bad_scrypt[] =
	  {
		  {"crypto.kdfparams.n", NULL},
		  {"crypto.kdfparams.n", "0"},
		  {"crypto.kdfparams.n", "1"},
		  {"crypto.kdfparams.n", "1000"},
		  {"crypto.kdfparams.n", "-4096"},
		  {"crypto.kdfparams.n", "4096.0"},
		  {"crypto.kdfparams.n", "9223372036854775807"},
		  {"crypto.kdfparams.r", NULL},
		  {"crypto.kdfparams.r", "0"},
		  {"crypto.kdfparams.r", "4294967304"},
		  {"crypto.kdfparams.p", NULL},
		  {"crypto.kdfparams.p", "0"},
		  {"crypto.kdfparams.p", "true"},
},
  bad_pbkdf2[] = {
	  {"crypto.kdfparams.prf", NULL},  {"crypto.kdfparams.prf", "\"hmac-sha512\""},
	  {"crypto.kdfparams.c", NULL},    {"crypto.kdfparams.c", "0"},
	  {"crypto.kdfparams.c", "-1"},    {"crypto.kdfparams.c", "2147483648"},
	  {"crypto.kdfparams.c", "\"1\""},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The error says which member it was. */
static void check_bad(const char *file, const char *path, const char *value)
{
	struct secp_key key = {{9}, {0}};

	assert_refused(open_changed(file, path, value, &key), ERROR_INVALID, path);
	assert_int_equal(key.secret[0], 9);
}

static void malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_members); i++) {
		check_bad(scrypt_file, bad_members[i].path, bad_members[i].value);
		check_bad(pbkdf2_file, bad_members[i].path, bad_members[i].value);
	}
	for (size_t i = 0; i < COUNT(bad_scrypt); i++)
		check_bad(scrypt_file, bad_scrypt[i].path, bad_scrypt[i].value);
	for (size_t i = 0; i < COUNT(bad_pbkdf2); i++)
		check_bad(pbkdf2_file, bad_pbkdf2[i].path, bad_pbkdf2[i].value);
}

static void no_document(void **state)
{
	static const char *const texts[] = {"",           "{",  "[]",   "3",
					    "\"crypto\"", "{}", "null", "{\"version\":3,\"version\":3}"};
	char *big = mem_array(NULL, char, KEYSTORE_BYTES + 2);
	struct secp_key key;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_refused(open_text(texts[i], PASSPHRASE, &key), ERROR_INVALID, "");
	memset(big, ' ', KEYSTORE_BYTES + 1);
	memcpy(big, geth_file, sizeof(geth_file) - 1);
	assert_refused(keystore_open(big, KEYSTORE_BYTES + 1, PASSPHRASE, &key), ERROR_LIMIT, "bytes");
	assert_null(keystore_open(big, KEYSTORE_BYTES, "foobar", &key));
	mem_free(big);
}

/* Refused by what it would cost, before it is derived: the usual limits, at once. */
static void too_dear(void **state)
{
	static const char form[] = "{\"crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{\"iv\":\"%.32s\"},"
				   "\"ciphertext\":\"%s\",\"mac\":\"%s\",\"kdf\":\"%s\",\"kdfparams\":{\"dklen\":32,"
				   "\"salt\":\"00\",\"prf\":\"hmac-sha256\",%s}},\"version\":3}";
	static const struct {
		const char *kdf, *params;
		enum error_code code;
	} cases[] = {
		{"pbkdf2", "\"c\":10000001", ERROR_LIMIT},
		{"pbkdf2", "\"c\":2147483647", ERROR_LIMIT},
		{"scrypt", "\"n\":524288,\"r\":8,\"p\":1", ERROR_LIMIT},
		{"scrypt", "\"n\":1099511627776,\"r\":8,\"p\":1", ERROR_LIMIT},
		{"scrypt", "\"n\":2,\"r\":1048576,\"p\":1048576", ERROR_LIMIT},
		{"scrypt", "\"n\":1024,\"r\":8,\"p\":1025", ERROR_LIMIT},
		{"scrypt", "\"n\":262144,\"r\":1,\"p\":8", ERROR_INVALID},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *text = mem_printf(NULL, form, ZEROS_64, ZEROS_64, ZEROS_64, cases[i].kdf, cases[i].params);
		struct secp_key key;

		assert_refused(open_text(text, PASSPHRASE, &key), cases[i].code, "");
		mem_free(text);
	}
	/* And lower limits. */
	for (int i = 0; i < 2; i++) {
		const struct keystore_limits limits = {i ? SIZE_MAX : 1 << 20, i ? 1 << 20 : UINT64_MAX, 262143};
		struct secp_key key;

		assert_refused(keystore_open_within(scrypt_file, strlen(scrypt_file), PASSPHRASE, &limits, &key),
			       ERROR_LIMIT, i ? "n * r * p" : "bytes");
		assert_refused(keystore_open_within(pbkdf2_file, strlen(pbkdf2_file), PASSPHRASE, &limits, &key),
			       ERROR_LIMIT, "262144 iterations");
	}
}

/* What is checked once the passphrase was right, and forms that are as good. */
static void variants(void **state)
{
	struct secp_key key;
	json_t *root = template_of(geth_file);
	char *text = NULL;

	(void)state;
	json_object_set_new(root, "address", json_string("7ef5a6135f1fd6a02593eedc869c6d41d934aef9"));
	text = json_text(NULL, root);
	assert_refused(open_text(text, "foobar", &key), ERROR_INVALID, "address");
	mem_free(text);
	json_object_set_new(root, "address", json_string("0x7EF5A6135F1FD6A02593EEDC869C6D41D934AEF8"));
	json_object_set(root, "Crypto", json_object_get(root, "crypto"));
	json_object_del(root, "crypto");
	json_object_set_new(root, "more", json_array());
	text = json_text(NULL, root);
	assert_null(open_text(text, "foobar", &key));
	mem_free(text);
	json_object_del(root, "address");
	text = json_text(NULL, root);
	assert_null(open_text(text, "foobar", &key));
	mem_free(text);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),   cmocka_unit_test(geth),        cmocka_unit_test(there_and_back),
		cmocka_unit_test(malformed), cmocka_unit_test(no_document), cmocka_unit_test(too_dear),
		cmocka_unit_test(variants),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
