/* Test vectors of the crypto room: hexadecimal text into bytes, and the files below tests/data. */
#ifndef DSN_TEST_CRYPTO_VECTORS_H
#define DSN_TEST_CRYPTO_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/error.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"

/* Bytes of hexadecimal text in memory of their own exact size, so that the sanitizer sees a read past them. */
static inline uint8_t *unhex(const void *ctx, const char *text, size_t *ret_n)
{
	size_t n = strlen(text) / 2;
	uint8_t *bytes = mem_array(ctx, uint8_t, n);

	assert_null(hex_decode(text, bytes, n));
	if (ret_n)
		*ret_n = n;
	return bytes;
}

static inline void assert_hex(const uint8_t *bytes, size_t n, const char *expected)
{
	char *text = hex_encode(NULL, bytes, n);

	assert_string_equal(text, expected);
	mem_free(text);
}

/* Fails with `code` and a message that holds `part`. */
static inline void assert_refused(struct error *e, enum error_code code, const char *part)
{
	assert_non_null(e);
	if (e->code != code || !strstr(e->message, part))
		fail_msg("%s: \"%s\", not %s: \"%s\"", error_code_name(e->code), e->message, error_code_name(code),
			 part);
	error_free(e);
}

static inline const char *row_text(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	assert_non_null(text);
	return text;
}

static inline uint8_t *row_bytes(const void *ctx, const json_t *row, const char *key, size_t *ret_n)
{
	return unhex(ctx, row_text(row, key), ret_n);
}

static inline int row_id(const json_t *row)
{
	return (int)json_integer_value(json_object_get(row, "tcId"));
}

static inline bool row_is(const json_t *row, const char *result)
{
	return strcmp(row_text(row, "result"), result) == 0;
}

/* Runs `check` on each row of tests/data/NAME, which must be `count`. */
static inline void each_row_of(const char *name, size_t count, void (*check)(const void *ctx, const json_t *row))
{
	char *path = mem_printf(NULL, "%s/tests/data/%s", TEST_SOURCE_DIR, name);
	json_t *rows = NULL, *row = NULL;
	size_t i = 0;

	assert_null(json_parse_file(path, 1 << 20, &rows));
	assert_int_equal(json_array_size(rows), count);
	json_array_foreach (rows, i, row) {
		char *ctx = mem_strdup(NULL, "row");

		check(ctx, row);
		mem_free(ctx);
	}
	json_decref(rows);
	mem_free(path);
}

/* The same of tests/data/wycheproof/NAME. */
static inline void each_row(const char *name, size_t count, void (*check)(const void *ctx, const json_t *row))
{
	char *path = mem_printf(NULL, "wycheproof/%s", name);

	each_row_of(path, count, check);
	mem_free(path);
}

#endif
