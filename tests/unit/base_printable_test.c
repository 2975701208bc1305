/* What of foreign text reaches a terminal: nothing that steers it, and all that is to be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"
#include "base/printable.h"

/* In pieces of every size, since a stream cuts where it likes. */
static void becomes(bool json, const char *in, const char *out)
{
	size_t n = strlen(in);

	for (size_t piece = 1; piece <= n + 1; piece++) {
		struct printable p = {.json = json};
		char got[PRINTABLE_GROWTH * 256];
		size_t len = 0;

		for (size_t at = 0; at < n; at += piece)
			len += printable_add(&p, in + at, n - at < piece ? n - at : piece, got + len);
		len += printable_end(&p, got + len);
		got[len] = '\0';
		assert_string_equal(got, out);
	}
}

static void text_stays(void **state)
{
	(void)state;
	becomes(false, "plain\n\ttext", "plain\n\ttext");
	becomes(false, "\xc3\xbc \xe2\x82\xac \xf0\x9f\x8e\xac \xd7\xa9\xd7\x9c",
		"\xc3\xbc \xe2\x82\xac \xf0\x9f\x8e\xac \xd7\xa9\xd7\x9c");
	/* Families of emoji are joined by U+200D. */
	becomes(false, "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7", "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7");
}

static void what_steers_is_masked(void **state)
{
	static const char *const rows[] = {
		"\x1b",         "\r",           "\a",           "\b",
		"\x7f",         "\xc2\x80",     "\xc2\x9b",     "\xc2\x9f",     /* C1 */
		"\xd8\x9c",     "\xe2\x80\x8e", "\xe2\x80\x8f",                 /* marks */
		"\xe2\x80\xaa", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa9", /* embeddings, overrides, isolates */
		"\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf", "\xf3\xa0\x81\x81",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char in[16] = "a";

		strcat(strcat(in, rows[i]), "b");
		becomes(false, in, "a?b");
	}
}

static void what_is_no_utf8_is_masked(void **state)
{
	(void)state;
	becomes(false,
		"a\x9b"
		"2J",
		"a?2J"); /* C1 as a byte */
	becomes(false,
		"a\xc0\x9b"
		"b",
		"a??b"); /* overlong */
	becomes(false,
		"a\xe0\x80\x9b"
		"b",
		"a???b");
	becomes(false, "\xed\xa0\x80", "???");      /* a surrogate */
	becomes(false, "\xf4\x90\x80\x80", "????"); /* beyond Unicode */
	becomes(false, "\xe2\x82", "??");           /* cut off */
	becomes(false, "\xe2\x82\x1b[2J", "???[2J");
	becomes(false, "\xff\xfe", "??");
}

static void json_keeps_what_it_says(void **state)
{
	static const char text[] = "{\"name\":\"\xc2\x9b\xe2\x80\xae\x7f\xf3\xa0\x81\x81\xc3\xbc\"}";
	struct printable p = {.json = true};
	char got[PRINTABLE_GROWTH * sizeof(text)];
	json_t *before = json_loads(text, 0, NULL), *after;
	size_t n;

	(void)state;
	becomes(true, text, "{\"name\":\"\\u009b\\u202e\\u007f\\udb40\\udc41\xc3\xbc\"}");
	n = printable_add(&p, text, strlen(text), got);
	after = json_loadb(got, n, 0, NULL);
	assert_non_null(after);
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
}

static void a_line_is_one_line(void **state)
{
	char *line = printable_line(NULL, "done\nvcli: paid\t\x1b[1A");

	(void)state;
	assert_string_equal(line, "done?vcli: paid??[1A");
	mem_free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_stays),
		cmocka_unit_test(what_steers_is_masked),
		cmocka_unit_test(what_is_no_utf8_is_masked),
		cmocka_unit_test(json_keeps_what_it_says),
		cmocka_unit_test(a_line_is_one_line),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
