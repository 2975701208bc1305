/* Any bytes through the JSON parser and the typed readers; what parses is written and parsed again to the same. */
#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#define LIMIT 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_members(json_t *o, const struct json_place *at)
{
	static const char *const known[] = {"a", "b", NULL};
	const char *text = NULL;
	json_t *value = NULL;
	int64_t n = 0;

	error_free(json_read_string(o, at, "a", &text));
	error_free(json_read_object_opt(o, at, "a", &value));
	error_free(json_read_array(o, at, "a", 1, 3, &value));
	error_free(json_read_decimal(o, at, "a", 0, INT64_MAX, &n));
	assert(n >= 0);
	if (json_is_object(o))
		error_free(json_refuse_unknown(o, at, known));
}

static void walk(json_t *value, const struct json_place *at)
{
	const char *key = NULL;
	json_t *member = NULL;
	size_t i = 0;

	read_members(value, at);
	json_object_foreach (value, key, member) {
		const struct json_place here = {at, key, 0};

		walk(member, &here);
	}
	json_array_foreach (value, i, member) {
		const struct json_place here = {at, NULL, i};

		walk(member, &here);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct json_place root = {NULL, NULL, 0};
	json_t *value = NULL, *again = NULL;
	struct error *e = json_parse((const char *)data, size, LIMIT, &value);
	char *text = NULL, *by_jansson = NULL;

	if (e) {
		/* A refusal is itself text for a result. */
		json_t *message = json_string(e->message);

		assert(message);
		json_decref(message);
		error_free(e);
		return 0;
	}
	walk(value, &root);
	text = json_text(NULL, value);
	by_jansson = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	assert(by_jansson && !strcmp(text, by_jansson));
	free(by_jansson);
	if (json_parse(text, strlen(text), LIMIT * 8, &again))
		abort();
	assert(json_equal(value, again));
	mem_free(text);
	json_decref(again);
	json_decref(value);
	return 0;
}
