/* Slices of JSON: how many values a text may have, where it ends, and each refusal by its kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "http/json_slice.h"

static void takes(const char *text, size_t most, size_t n)
{
	struct json_slice s;

	assert_null(json_slice_read_some(text, strlen(text), most, &s));
	assert_int_equal(s.n, n);
}

static void refuses(const char *text, size_t most, enum error_code code)
{
	struct json_slice s;
	struct error *e = json_slice_read_some(text, strlen(text), most, &s);

	assert_non_null(e);
	if (e->code != code)
		fail_msg("%s: %s", text, e->message);
	error_free(e);
}

/* Of a text with so many values: that many are taken, one less is refused. */
static void holds(const char *text, size_t count)
{
	takes(text, count, strlen(text));
	takes(text, count + 1, strlen(text));
	refuses(text, count - 1, ERROR_REFUSED);
}

static void values_are_counted(void **state)
{
	(void)state;
	holds("7", 1);
	holds("[]", 1);
	holds("{}", 1);
	holds("[1,2,3]", 4);
	holds("{\"a\":1,\"b\":2}", 3); /* names are no values */
	holds("[[[]],{\"a\":[null]}]", 6);
	holds("[\"[1,2,3]\",true,false]", 4); /* nor is what stands in a string */
}

/* What comes behind a value, and values there, are somebody else's. */
static void the_first_value_only(void **state)
{
	(void)state;
	takes(" [1] [2,3]", 2, 3);
	takes("1 garbage", 1, 1);
}

static void refusals(void **state)
{
	char deep[2 * JSON_SLICE_LEVELS + 8] = "";

	(void)state;
	refuses(" \t\n", 9, ERROR_NOT_FOUND);
	refuses("[1,]", 9, ERROR_INVALID);
	refuses("[1", 9, ERROR_INVALID);
	refuses("{\"a\"}", 9, ERROR_INVALID);
	refuses("{1:2}", 9, ERROR_INVALID);
	refuses("tru", 9, ERROR_INVALID);
	memset(deep, '[', JSON_SLICE_LEVELS);
	memset(deep + JSON_SLICE_LEVELS, ']', JSON_SLICE_LEVELS);
	takes(deep, SIZE_MAX, (size_t)2 * JSON_SLICE_LEVELS);
	memset(deep, '[', JSON_SLICE_LEVELS + 1);
	memset(deep + JSON_SLICE_LEVELS + 1, ']', JSON_SLICE_LEVELS + 1);
	refuses(deep, SIZE_MAX, ERROR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(values_are_counted), cmocka_unit_test(the_first_value_only),
					   cmocka_unit_test(refusals)};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
