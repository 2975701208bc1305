/* vcli's texts made of JSON: tables, members, and nothing that could steer a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "vcli/render.h"

typedef void render_fn(FILE *out, const json_t *value);

static void expect(render_fn *fn, const char *json, const char *text)
{
	char *got = NULL;
	size_t len = 0;
	json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
	FILE *out = open_memstream(&got, &len);

	assert_non_null(value);
	fn(out, value);
	fclose(out);
	assert_string_equal(got, text);
	free(got);
	json_decref(value);
}

static void whole_table(FILE *out, const json_t *value)
{
	render_table(out, value, NULL);
}

static void chosen_table(FILE *out, const json_t *value)
{
	static const char *const columns[] = {"b", "none", NULL};

	render_table(out, value, columns);
}

static void tables_line_up(void **state)
{
	(void)state;
	expect(whole_table, "[{\"a\":\"1\",\"b\":\"two\"},{\"a\":\"three\",\"c\":\"ü\"}]",
	       "a      b    c\n1      two  -\nthree  -    ü\n");
	expect(chosen_table, "[{\"a\":\"1\",\"b\":\"two\"},{\"b\":\"x\"}]", "b    none\ntwo  -\nx    -\n");
}

static void width_counts_characters(void **state)
{
	(void)state;
	expect(whole_table, "[{\"a\":\"üü\",\"b\":\"1\"},{\"a\":\"xyz\",\"b\":\"2\"}]", "a    b\nüü   1\nxyz  2\n");
}

static void small_values_fit_into_cells(void **state)
{
	(void)state;
	expect(whole_table, "[{\"ports\":{\"rtmp\":\"1935\",\"http\":\"8080\"},\"list\":[\"a\",\"b\"],\"empty\":{}}]",
	       "ports                list  empty\nrtmp=1935 http=8080  a, b  none\n");
}

static void tables_in_tables_are_left_out(void **state)
{
	(void)state;
	expect(whole_table, "[{\"a\":\"1\",\"units\":[{\"x\":\"1\"}]}]", "a\n1\n");
}

static void members_and_their_tables(void **state)
{
	(void)state;
	expect(render_value,
	       "{\"role\":\"storage\",\"ports\":{\"rtmp\":\"1\"},\"jobs\":[],\"in\":{\"units\":[{\"n\":\"x\"}]}}",
	       "role        storage\nports.rtmp  1\njobs        none\nin.units:\n  n\n  x\n");
	expect(render_value, "\"text\"", "text\n");
}

static void terminals_are_not_steered(void **state)
{
	(void)state;
	expect(render_value, "{\"a\":\"x\\u001b[2Jy\\nz\\u007f\"}", "a  x?[2Jy?z?\n");
	expect(whole_table, "[{\"a\":\"\\u001b]0;x\\u0007\"}]", "a\n?]0;x?\n");
}

static void rates(void **state)
{
	void *scope = mem_new(NULL, char);

	(void)state;
	assert_string_equal(render_bps(scope, 50000000), "50.0 Mb/s");
	assert_string_equal(render_bps(scope, 999999), "999 kb/s");
	assert_string_equal(render_bps(scope, 0), "0 kb/s");
	mem_free(scope);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_line_up),
		cmocka_unit_test(width_counts_characters),
		cmocka_unit_test(small_values_fit_into_cells),
		cmocka_unit_test(tables_in_tables_are_left_out),
		cmocka_unit_test(members_and_their_tables),
		cmocka_unit_test(terminals_are_not_steered),
		cmocka_unit_test(rates),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
