#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/json.h"
#include "base/mem.h"

static void ok(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static void refused(struct error *e, enum error_code code, const char *part)
{
	assert_non_null(e);
	assert_int_equal(e->code, code);
	if (!strstr(e->message, part))
		fail_msg("\"%s\" does not hold \"%s\"", e->message, part);
	error_free(e);
}

static json_t *parse(const char *text)
{
	json_t *value = NULL;

	ok(json_parse(text, strlen(text), 1000, &value));
	return value;
}

static const struct json_place root = {NULL, NULL, 0};

static void places(void **state)
{
	const struct json_place file = {NULL, "task.json", 0}, labelled = {&file, "msg", 0};
	const struct json_place a = {&root, "pipeline", 0}, b = {&a, "nodes", 0}, c = {&b, NULL, 2}, d = {&c, "ip", 0};
	const struct {
		const struct json_place *at;
		const char *text;
	} rows[] = {{&root, "document"},          {&a, "pipeline"},     {&c, "pipeline.nodes[2]"},
		    {&d, "pipeline.nodes[2].ip"}, {&file, "task.json"}, {&labelled, "task.json: msg"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = json_place_text(NULL, rows[i].at);

		assert_string_equal(text, rows[i].text);
		mem_free(text);
	}
	refused(json_place_error(&d, "is %s", "odd"), ERROR_INVALID, "pipeline.nodes[2].ip: is odd");
}

static void parsing_is_strict(void **state)
{
	static const struct {
		const char *text;
		enum error_code code;
		const char *part;
	} rows[] = {
		{"", ERROR_INVALID, "line 1, column 0"},
		{"{\"a\":1,\"a\":2}", ERROR_INVALID, "duplicate"},
		{"{\"a\":1}}", ERROR_INVALID, "line 1, column 8"},
		{"[1,]", ERROR_INVALID, "line 1, column 4"},
		{"[\n1,\n\"\xc3\x28\"]", ERROR_INVALID, "line 3"},
		{"\"\\u0000\"", ERROR_INVALID, "u0000"},
		{"// c\n1", ERROR_INVALID, "line 1"},
		{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", ERROR_LIMIT, "more than 32 levels"},
	};
	json_t *value = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused(json_parse(rows[i].text, strlen(rows[i].text), 1000, &value), rows[i].code, rows[i].part);
	refused(json_parse("[1,2]", 5, 4, &value), ERROR_LIMIT, "5 bytes of JSON, at most 4");
	refused(json_parse_file("/nonexistent/x.json", 10, &value), ERROR_NOT_FOUND, "/nonexistent/x.json");
	assert_null(value);
	/* brackets inside of strings are no levels */
	json_decref(parse("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[\"]"));
}

static void members(void **state)
{
	json_t *o = parse("{\"s\":\"x\",\"n\":7,\"a\":[1,2],\"o\":{},\"z\":null}"), *got = NULL;
	const char *text = "kept";

	(void)state;
	ok(json_read_string(o, &root, "s", &text));
	assert_string_equal(text, "x");
	ok(json_read_string_opt(o, &root, "missing", &text));
	assert_string_equal(text, "x");
	refused(json_read_string(o, &root, "missing", &text), ERROR_INVALID, "missing: is missing");
	refused(json_read_string(o, &root, "n", &text), ERROR_INVALID,
		"n: must be a string: numbers too are written in quotes");
	refused(json_read_string_opt(o, &root, "z", &text), ERROR_INVALID, "z: must be a string \"...\", not null");
	refused(json_read_object(o, &root, "s", &got), ERROR_INVALID, "s: must be an object {...}, not a string");
	refused(json_read_object(o, &root, "missing", &got), ERROR_INVALID, "missing: is missing");
	refused(json_read_object_opt(o, &root, "a", &got), ERROR_INVALID, "a: must be an object {...}, not an array");
	refused(json_read_array(o, &root, "o", 0, 9, &got), ERROR_INVALID, "o: must be an array [...], not an object");
	refused(json_read_array(o, &root, "a", 3, 9, &got), ERROR_INVALID, "a: has 2 elements, must have 3 to 9");
	refused(json_read_array(o, &root, "a", 0, 1, &got), ERROR_INVALID, "a: has 2 elements, must have 0 to 1");
	refused(json_read_array(o, &root, "missing", 0, 1, &got), ERROR_INVALID, "missing: is missing");
	refused(json_read_string(json_object_get(o, "a"), &root, "x", &text), ERROR_INVALID,
		"document: must be an object");
	refused(json_read_string(NULL, &root, "x", &text), ERROR_INVALID, "document: must be an object");
	assert_null(got);
	ok(json_read_object_opt(o, &root, "missing", &got));
	ok(json_read_array_opt(o, &root, "missing", 1, 2, &got));
	assert_null(got);
	ok(json_read_array(o, &root, "a", 2, 2, &got));
	assert_ptr_equal(got, json_object_get(o, "a"));
	json_decref(o);
}

static void decimals(void **state)
{
	static const char *const wrong[] = {"",   "-1",  "+1",  " 1",  "1 ",
					    "01", "0x1", "1.0", "1e3", "9223372036854775808"};
	json_t *o = json_object();
	int64_t n = 5;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		json_put(o, "n", wrong[i]);
		refused(json_read_decimal(o, &root, "n", 0, INT64_MAX, &n), ERROR_INVALID, "is no decimal number");
	}
	json_put(o, "n", "11");
	refused(json_read_decimal(o, &root, "n", 1, 10, &n), ERROR_INVALID, "n: 11 is not within 1 to 10");
	refused(json_read_decimal(o, &root, "m", 1, 10, &n), ERROR_INVALID, "m: is missing");
	ok(json_read_decimal_opt(o, &root, "m", 1, 10, &n));
	assert_int_equal(n, 5);
	json_put_decimal(o, "n", INT64_MAX);
	ok(json_read_decimal(o, &root, "n", 0, INT64_MAX, &n));
	assert_true(n == INT64_MAX);
	json_put(o, "n", "0");
	ok(json_read_decimal_opt(o, &root, "n", 0, 1, &n));
	assert_int_equal(n, 0);
	json_decref(o);
}

static void unknown_members(void **state)
{
	static const char *const known[] = {"a", NULL};
	json_t *o = parse("{\"a\":1,\"_comments\":2}");

	(void)state;
	ok(json_refuse_unknown(o, &root, known));
	json_put(o, "b", "x");
	refused(json_refuse_unknown(o, &root, known), ERROR_INVALID, "b: is not a known member here");
	json_decref(o);
}

/* Somebody names the wrong file. */
static void what_is_no_json_is_not_shown(void **state)
{
	static const char *const texts[] = {"hunter2", "{\"a\": hunter2}", "\"hunter2\" hunter2", "{\"hunter2"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *value = NULL;
		struct error *e = json_parse(texts[i], strlen(texts[i]), 100, &value);

		assert_non_null(e);
		assert_non_null(strstr(e->message, "line 1, column "));
		assert_null(strstr(e->message, "hunter2"));
		error_free(e);
	}
}

static void text_form(void **state)
{
	static const struct {
		const char *from, *to;
	} rows[] = {
		{"{\"b\": [1, \"\xc3\xa9\"], \"a\": {}}", "{\"b\":[1,\"\xc3\xa9\"],\"a\":{}}"},
		{"[ ]", "[]"},
		{"[-5, 0.25, 1e300, true, false, null, \"\"]", "[-5,0.25,1.0000000000000001e300,true,false,null,\"\"]"},
		{"[\"a\\\"b\\\\c\\/d\"]", "[\"a\\\"b\\\\c/d\"]"},
		{"[\"\\b\\t\\n\\f\\r\\u0001\\u001F\\u007f\"]", "[\"\\b\\t\\n\\f\\r\\u0001\\u001F\x7f\"]"},
		{"{\"\\n\": [[[{\"\": {}}]]]}", "{\"\\n\":[[[{\"\":{}}]]]}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *o = parse(rows[i].from);
		char *text = json_text(NULL, o);

		assert_string_equal(text, rows[i].to);
		assert_int_equal(talloc_get_size(text), strlen(text) + 1); /* it may be kept for long */
		mem_free(text);
		json_decref(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places),
		cmocka_unit_test(parsing_is_strict),
		cmocka_unit_test(members),
		cmocka_unit_test(decimals),
		cmocka_unit_test(unknown_members),
		cmocka_unit_test(text_form),
		cmocka_unit_test(what_is_no_json_is_not_shown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
