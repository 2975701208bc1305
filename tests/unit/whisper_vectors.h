/* tests/data/whisper/vectors.json, for the tests of whisper. Include after cmocka.h. */
#ifndef DSN_TESTS_WHISPER_VECTORS_H
#define DSN_TESTS_WHISPER_VECTORS_H

#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "crypto/secp.h"

static inline json_t *vectors_load(void)
{
	json_t *all = NULL;

	assert_null(json_parse_file(TEST_SOURCE_DIR "/tests/data/whisper/vectors.json", 1 << 20, &all));
	return all;
}

/* `path`: keys with dots between; NULL when there is none. */
static inline json_t *vector_at(json_t *value, const char *path)
{
	void *scope = talloc_new(NULL);
	char *rest = mem_strdup(scope, path), *key;

	while ((key = strsep(&rest, ".")))
		value = json_object_get(value, key);
	mem_free(scope);
	assert_non_null(value);
	return value;
}

static inline uint8_t *bytes_of_hex(const void *ctx, const char *text, size_t *ret_n)
{
	uint8_t *bytes = mem_array(ctx, uint8_t, strlen(text) / 2);

	*ret_n = strlen(text) / 2;
	assert_null(hex_decode(text, bytes, *ret_n));
	return bytes;
}

static inline uint8_t *vector_bytes(const void *ctx, json_t *value, const char *path, size_t *ret_n)
{
	return bytes_of_hex(ctx, json_string_value(vector_at(value, path)), ret_n);
}

static inline struct secp_key vector_key(json_t *value, const char *path)
{
	struct secp_key key;
	size_t n;
	uint8_t *secret = vector_bytes(NULL, value, path, &n);

	assert_int_equal(n, SECP_SECRET_BYTES);
	assert_null(secp_key_from_secret(secret, &key));
	mem_free(secret);
	return key;
}

/* An error of this code whose message has `words`; it is freed. */
static inline void assert_error(struct error *e, enum error_code code, const char *words)
{
	assert_non_null(e);
	if (e->code != code || !strstr(e->message, words))
		fail_msg("%s: %s; not %s with \"%s\"", error_code_name(e->code), e->message, error_code_name(code),
			 words);
	error_free(e);
}

#endif
