/* Malformed documents: each row of tests/data/refusals.json spoils one member of a good document; the reader must
 * refuse it with a message that begins with the place. tests/data/forms.json has values at the edges of each form,
 * which readers and schemas (tests/e2e/schemas_test.py) take and refuse alike. Texts that are no JSON at all are in the
 * table below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "api/beat.h"
#include "api/command.h"
#include "api/pipeline.h"
#include "base/file.h"
#include "base/mem.h"
#include "bus/message.h"

#define DATA TEST_SOURCE_DIR "/tests/data"
#define LIMIT (256 * 1024)

static struct error *read_public(const void *ctx, const json_t *document)
{
	struct api_pipeline *p = NULL;

	return api_pipeline_read(ctx, document, &p);
}

static struct error *read_private(const void *ctx, const json_t *document)
{
	struct api_node_task *tasks = NULL;
	size_t count = 0;

	return api_private_tasks(ctx, document, DATA "/t45", &tasks, &count);
}

static struct error *read_command(const void *ctx, const json_t *document)
{
	struct api_command *c = NULL;

	return api_command_read(ctx, document, &c);
}

static struct error *read_message(const void *ctx, const json_t *document)
{
	struct message *m = NULL;
	char *text = json_text(ctx, document);

	return message_decode(ctx, text, strlen(text), false, "", &m);
}

static struct error *read_beat(const void *ctx, const json_t *document)
{
	struct api_beat *b = NULL;

	return api_beat_read(ctx, document, &b);
}

/* Which reader a document goes to; the first row whose name begins like it. */
static const struct {
	const char *begins;
	struct error *(*read)(const void *ctx, const json_t *document);
} readers[] = {
	{"public/pipeline", read_public},
	{"private/pipeline.json", read_private},
	{"private/pipeline-extended", read_private},
	{"t45/task", read_private},
	{"t45/", read_command},
	{"private/", read_command},
	{"bus/", read_message},
	{"beat/", read_beat},
};

static struct error *read_as(const void *ctx, const char *name, const json_t *document)
{
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		if (strncmp(name, readers[i].begins, strlen(readers[i].begins)) == 0)
			return readers[i].read(ctx, document);
	}
	fail_msg("no reader for %s", name);
	return NULL;
}

static json_t *step(json_t *at, const char *key)
{
	return json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10)) : json_object_get(at, key);
}

/* Put value (NULL: remove) at the path. */
static void spoil(json_t *document, const json_t *path, json_t *value)
{
	size_t depth = json_array_size(path);
	const char *last = json_string_value(json_array_get(path, depth - 1));
	json_t *at = document;

	for (size_t i = 0; i + 1 < depth; i++)
		at = step(at, json_string_value(json_array_get(path, i)));
	assert_non_null(at);
	if (json_is_object(at) && value)
		json_object_set(at, last, value);
	else if (json_is_object(at))
		json_object_del(at, last);
	else if (!value)
		json_array_remove(at, strtoul(last, NULL, 10));
	else if (strtoul(last, NULL, 10) == json_array_size(at))
		json_array_append(at, value);
	else
		json_array_set(at, strtoul(last, NULL, 10), value);
}

/* At its beginning, or after "; " where a refusal names several places. */
static bool begins_a_refusal(const char *message, const char *expect)
{
	const char *found = strstr(message, expect);

	return found && (found == message || (found - message >= 2 && found[-2] == ';'));
}

static void check_row(size_t index, const json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "document"));
	const char *expect = json_string_value(json_object_get(row, "expect"));
	void *ctx = mem_strdup(NULL, name);
	char *path = file_join(ctx, DATA, name);
	json_t *document = NULL;
	struct error *e = json_parse_file(path, LIMIT, &document);

	if (e)
		fail_msg("%s", e->message);
	e = read_as(ctx, name, document);
	if (e)
		fail_msg("%s is refused before it is spoilt: %s", name, e->message);
	spoil(document, json_object_get(row, "path"), json_object_get(row, "value"));
	e = read_as(ctx, name, document);
	if (!e)
		fail_msg("row %zu: %s is accepted, expected \"%s\"", index + 1, name, expect);
	if (!begins_a_refusal(e->message, expect))
		fail_msg("row %zu: %s:\n  got      %s\n  expected %s", index + 1, name, e->message, expect);
	assert_true(e->code == ERROR_INVALID || e->code == ERROR_NOT_FOUND);
	error_free(e);
	json_decref(document);
	mem_free(ctx);
}

static void spoilt_documents(void **state)
{
	json_t *rows = NULL, *row = NULL;
	size_t i = 0;
	struct error *e = json_parse_file(DATA "/refusals.json", LIMIT, &rows);

	(void)state;
	assert_null(e);
	assert_true(json_array_size(rows) >= 60);
	json_array_foreach (rows, i, row) {
		check_row(i, row);
	}
	json_decref(rows);
}

static void check_form(size_t index, const json_t *row, const json_t *value, bool good)
{
	const char *name = json_string_value(json_object_get(row, "document"));
	void *ctx = mem_strdup(NULL, name);
	char *text = json_text_flags(ctx, value, JSON_ENCODE_ANY);
	json_t *document = NULL;
	struct error *e = json_parse_file(file_join(ctx, DATA, name), LIMIT, &document);

	assert_null(e);
	spoil(document, json_object_get(row, "path"), (json_t *)value);
	e = read_as(ctx, name, document);
	if (good && e)
		fail_msg("row %zu: %s is refused: %s", index + 1, text, e->message);
	if (!good && !e)
		fail_msg("row %zu: %s is accepted", index + 1, text);
	assert_true(!e || e->code == ERROR_INVALID);
	error_free(e);
	json_decref(document);
	mem_free(ctx);
}

static void values_at_the_edges(void **state)
{
	json_t *rows = NULL, *row = NULL, *value = NULL;
	size_t i = 0, j = 0;
	struct error *e = json_parse_file(DATA "/forms.json", LIMIT, &rows);

	(void)state;
	assert_null(e);
	assert_true(json_array_size(rows) >= 30);
	json_array_foreach (rows, i, row) {
		json_array_foreach (json_object_get(row, "good"), j, value)
			check_form(i, row, value, true);
		json_array_foreach (json_object_get(row, "bad"), j, value)
			check_form(i, row, value, false);
	}
	json_decref(rows);
}

static void no_json(void **state)
{
	static const struct {
		const char *text, *expect;
	} rows[] = {
		{"", "line 1, column 0: "},
		{"{", "line 1, column 1: "},
		{"{\"a\":\"1\",\n\"a\":\"2\"}", "line 2, column 3: "},
		{"{\"a\":\"1\"} x", "line 1, column 11: "},
		{"{\"a\":\"\xff\"}", "line 1, column "},
		{"{\"a\":\"\\u0000\"}", "line 1, column "},
		{"{\"a\":'1'}", "line 1, column "},
		{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "line 1: more than 32 levels"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *value = NULL;
		struct error *e = json_parse(rows[i].text, strlen(rows[i].text), LIMIT, &value);

		if (!e || strncmp(e->message, rows[i].expect, strlen(rows[i].expect)) != 0)
			fail_msg("row %zu: got %s, expected %s", i, e ? e->message : "success", rows[i].expect);
		error_free(e);
	}
}

/* A document that is no object at all. */
static void other_types(void **state)
{
	static const char *const texts[] = {"[]", "\"x\"", "1", "null", "true"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *value = NULL;
		struct error *e = json_parse(texts[i], strlen(texts[i]), LIMIT, &value);

		assert_null(e);
		for (size_t r = 0; r < sizeof(readers) / sizeof(readers[0]); r++) {
			if (readers[r].read == read_message)
				continue; /* does not read documents of people */
			e = readers[r].read(NULL, value);
			assert_non_null(e);
			assert_non_null(strstr(e->message, "document: must be an object {...}"));
			error_free(e);
		}
		json_decref(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spoilt_documents),
		cmocka_unit_test(values_at_the_edges),
		cmocka_unit_test(no_json),
		cmocka_unit_test(other_types),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
