/* Test vectors in tests/data/devp2p: JSON objects of hexadecimal strings. For tests only, after cmocka.h. */
#ifndef DSN_TESTS_DEVP2P_VECTORS_H
#define DSN_TESTS_DEVP2P_VECTORS_H

#include <jansson.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "crypto/secp.h"

#define VECTOR_LIMIT 2048

struct vector {
	uint8_t bytes[VECTOR_LIMIT];
	size_t n;
};

static inline struct vector vector_of(const char *file, const char *name)
{
	struct vector v = {0};
	char *path = mem_printf(NULL, TEST_SOURCE_DIR "/tests/data/devp2p/%s.json", file);
	json_t *all = json_load_file(path, 0, NULL);
	const char *text = json_string_value(json_object_get(all, name));

	if (!text)
		fail_msg("no vector %s in %s", name, path);
	v.n = strlen(text) / 2;
	assert_in_range(v.n, 1, VECTOR_LIMIT);
	assert_null(hex_decode(text, v.bytes, v.n));
	json_decref(all);
	mem_free(path);
	return v;
}

static inline struct secp_key key_of(const char *file, const char *name)
{
	struct vector v = vector_of(file, name);
	struct secp_key key;

	assert_int_equal(v.n, SECP_SECRET_BYTES);
	assert_null(secp_key_from_secret(v.bytes, &key));
	return key;
}

#endif
