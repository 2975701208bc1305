/* tests/data/chain/, and how its tests look at errors. Include after cmocka.h. */
#ifndef DSN_TESTS_CHAIN_VECTORS_H
#define DSN_TESTS_CHAIN_VECTORS_H

#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"

static inline void ok(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static inline void refused(struct error *e, enum error_code code, const char *part)
{
	assert_non_null(e);
	if (e->code != code || !strstr(e->message, part))
		fail_msg("%s \"%s\" is not %s with \"%s\"", error_code_name(e->code), e->message, error_code_name(code),
			 part);
	error_free(e);
}

static inline json_t *vectors_load(const char *name)
{
	char *path = mem_printf(NULL, TEST_SOURCE_DIR "/tests/data/chain/%s", name);
	json_t *all = NULL;

	ok(json_parse_file(path, 1 << 22, &all));
	mem_free(path);
	return all;
}

static inline const char *text_at(const json_t *obj, const char *key)
{
	const char *text = json_string_value(json_object_get(obj, key));

	if (!text)
		fail_msg("the vector has no \"%s\"", key);
	return text;
}

/* With or without 0x. */
static inline uint8_t *bytes_of_hex(const void *ctx, const char *text, size_t *ret_n)
{
	uint8_t *bytes;

	text += strncmp(text, "0x", 2) == 0 ? 2 : 0;
	bytes = mem_array(ctx, uint8_t, strlen(text) / 2 + 1);
	*ret_n = strlen(text) / 2;
	ok(hex_decode(text, bytes, *ret_n));
	return bytes;
}

static inline json_t *json_of(const char *text)
{
	json_t *value = NULL;

	ok(json_parse(text, strlen(text), 1 << 20, &value));
	return value;
}

static inline void assert_json_equal(const json_t *made, const json_t *wanted)
{
	if (!json_equal(made, wanted)) {
		char *a = json_text(NULL, made), *b = json_text(NULL, wanted);

		fail_msg("%s is not %s", a, b);
	}
}

#endif
