#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "base/utf8.h"

#define VALUES 2000
#define DEPTH 4

static uint32_t seed;

static uint32_t next(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

/* Of all lengths of UTF-8, often what must be escaped. */
static json_t *any_string(void)
{
	char text[64];
	size_t n = 0;

	for (size_t i = next(12); i; i--) {
		static const uint32_t below[] = {0x20, 0x80, 0x800, 0xd800, 0x110000};
		uint32_t kind = next(6), point = kind == 5 ? (uint32_t) "\"\\/<>&"[next(6)] : next(below[kind]);

		if (point >= 0xd800 && point < 0xe000)
			point = 0x2028 + next(2);
		n += utf8_encode(point, text + n);
	}
	return json_stringn(text, n);
}

static double any_real(void)
{
	uint64_t bits = (uint64_t)next(1 << 20) << 44 ^ (uint64_t)next(1 << 24) << 22 ^ next(1 << 24);
	double n;

	memcpy(&n, &bits, sizeof(n));
	return next(2) && isfinite(n) ? n : (double)next(1 << 24) / 64.0 - 1000;
}

static json_t *any_value(int depth);

static json_t *any_members(int depth, json_t *to)
{
	for (size_t i = next(5); i; i--) {
		if (json_is_array(to)) {
			json_array_append_new(to, any_value(depth + 1));
		} else {
			json_t *key = any_string();

			json_object_set_new(to, json_string_value(key), any_value(depth + 1));
			json_decref(key);
		}
	}
	return to;
}

static json_t *any_value(int depth)
{
	switch (next(depth < DEPTH ? 8 : 6)) {
	case 0:
		return json_integer(
			(json_int_t)((uint64_t)next(1 << 24) << 40 ^ (uint64_t)next(1 << 24) << 20 ^ next(99)));
	case 1:
		return json_real(any_real());
	case 2:
		return json_boolean(next(2));
	case 3:
		return json_null();
	case 4:
	case 5:
		return any_string();
	case 6:
		return any_members(depth, json_array());
	default:
		return any_members(depth, json_object());
	}
}

static void test_the_same_text_as_jansson(void **state)
{
	json_t *value;

	(void)state;
	for (seed = 0; seed < VALUES; seed++) {
		uint32_t began = seed;
		char *ours, *theirs;

		value = any_value(0);
		ours = json_text(NULL, value);
		theirs = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		if (strcmp(ours, theirs))
			fail_msg("value %u: %s, but jansson writes %s", began, ours, theirs);
		mem_free(ours);
		free(theirs);
		json_decref(value);
		seed = began;
	}
	value = json_pack("[I, I, f, f, b]", (json_int_t)INT64_MIN, (json_int_t)INT64_MAX, 5e-324, -0.0, 1);
	for (int i = 0; i < 5; i++) {
		char *ours = json_text(NULL, json_array_get(value, (size_t)i));
		char *theirs = json_dumps(json_array_get(value, (size_t)i), JSON_ENCODE_ANY);

		assert_string_equal(ours, theirs);
		mem_free(ours);
		free(theirs);
	}
	json_decref(value);
	char *none = json_text(NULL, NULL);
	assert_string_equal(none, "null");
	mem_free(none);
}

/* Both forms say the same. */
static void test_gos_form_reads_back(void **state)
{
	struct buf *b = buf_new(NULL, 1 << 20);
	struct json_writer w = {.to = b, .form = JSON_FORM_GO};

	(void)state;
	for (seed = 0; seed < VALUES; seed++) {
		uint32_t began = seed;
		json_t *value = any_value(0), *back;

		buf_clear(b);
		json_write_value(&w, value);
		back = json_loadb(b->data, b->len, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
		if (!back)
			fail_msg("value %u: %s is no JSON", began, b->data);
		if (!json_is_number(value) && !json_is_array(value) && !json_is_object(value))
			assert_true(json_equal(value, back));
		if (json_is_real(value))
			assert_true(json_real_value(value) == json_real_value(back));
		json_decref(back);
		json_decref(value);
		seed = began;
	}
	mem_free(b);
}

static void test_strings(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		const char *go, *jansson; /* NULL: no UTF-8 */
	} rows[] = {
		{"", 0, "\"\"", "\"\""},
		{"a\"\\/'\x7f", 6, "\"a\\\"\\\\/'\x7f\"", "\"a\\\"\\\\/'\x7f\""},
		{"\n\r\t\b\f", 5, "\"\\n\\r\\t\\u0008\\u000c\"", "\"\\n\\r\\t\\b\\f\""},
		{"\0\x1f", 2, "\"\\u0000\\u001f\"", "\"\\u0000\\u001F\""},
		{"<&=>", 4, "\"\\u003c\\u0026=\\u003e\"", "\"<&=>\""},
		{"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9", 9, "\"\xe2\x80\xa7\\u2028\\u2029\"",
		 "\"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\""},
		{"x\xc3\xa9\xf0\x9f\x98\x80y", 8, "\"x\xc3\xa9\xf0\x9f\x98\x80y\"", "\"x\xc3\xa9\xf0\x9f\x98\x80y\""},
		{"\xff"
		 "a\xc3",
		 3, "\"\\ufffda\\ufffd\"", NULL},
		{"\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\"", NULL},
	};
	struct buf *b = buf_new(NULL, 100);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(b);
		json_write_string(&(struct json_writer){.to = b}, rows[i].text, rows[i].n);
		assert_string_equal(b->data, rows[i].go);
		buf_clear(b);
		json_write_string(&(struct json_writer){.to = b, .form = JSON_FORM_JANSSON}, rows[i].text, rows[i].n);
		if (rows[i].jansson)
			assert_string_equal(b->data, rows[i].jansson);
	}
	mem_free(b);
}

static void test_hexadecimal(void **state)
{
	uint8_t bytes[1100];
	struct buf *b = buf_new(NULL, 3000);
	struct json_writer w = {.to = b};

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	for (size_t n = 0; n <= sizeof(bytes); n += n < 3 || (n > 510 && n < 514) ? 1 : 37) {
		char *digits = hex_encode(NULL, bytes, n), *wanted = mem_printf(digits, "\"0x%s\"", digits);

		buf_clear(b);
		json_write_hex(&w, bytes, n);
		assert_string_equal(b->data, wanted);
		mem_free(digits);
	}
	assert_false(w.full);
	mem_free(b);
}

static void test_numbers_of_each_form(void **state)
{
	struct buf *b = buf_new(NULL, 200);
	struct json_writer go = {.to = b}, jansson = {.to = b, .form = JSON_FORM_JANSSON};

	(void)state;
	json_write_double(&go, 100);
	json_write_raw(&go, " ");
	json_write_double(&jansson, 100);
	json_write_raw(&go, " ");
	json_write_double(&go, INFINITY);
	json_write_raw(&go, " ");
	json_write_double(&jansson, NAN);
	json_write_raw(&go, " ");
	json_write_integer(&jansson, INT64_MIN);
	assert_string_equal(b->data, "100 100.0 null null -9223372036854775808");
	mem_free(b);
}

/* What does not fit is left out from there on, and remembered. */
static void test_a_full_buffer(void **state)
{
	struct buf *b = buf_new(NULL, 8);
	struct json_writer w = {.to = b};

	(void)state;
	json_write_raw(&w, "[\"1234\"");
	assert_false(w.full);
	json_write_text(&w, "ab");
	assert_true(w.full);
	json_write_raw(&w, "]");
	assert_string_equal(b->data, "[\"1234\"\"");
	mem_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same_text_as_jansson),
		cmocka_unit_test(test_gos_form_reads_back),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_hexadecimal),
		cmocka_unit_test(test_numbers_of_each_form),
		cmocka_unit_test(test_a_full_buffer),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
