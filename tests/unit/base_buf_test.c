#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

static void appends_and_stays_text(void **state)
{
	struct buf *b = buf_new(NULL, 1000);

	(void)state;
	assert_string_equal(b->data, "");
	assert_null(buf_puts(b, "abc"));
	assert_null(buf_append(b, "\0d", 2));
	assert_int_equal(b->len, 5);
	assert_int_equal(b->data[5], 0);
	assert_memory_equal(b->data, "abc\0d", 5);
	assert_null(buf_append(b, NULL, 0));
	buf_consume(b, 4);
	assert_string_equal(b->data, "d");
	assert_null(buf_printf(b, "-%d-%s", 7, "x"));
	assert_string_equal(b->data, "d-7-x");
	buf_clear(b);
	assert_int_equal(b->len, 0);
	assert_string_equal(b->data, "");
	mem_free(b);
}

static void grows_to_its_ceiling(void **state)
{
	struct buf *b = buf_new(NULL, 1000);
	struct error *e = NULL;

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_null(buf_append(b, "x", 1));
	e = buf_append(b, "y", 1);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_LIMIT);
	assert_string_equal(e->message, "1 more bytes do not fit: 1000 of at most 1000 are used");
	error_free(e);
	assert_int_equal(b->len, 1000);
	assert_null(strchr(b->data, 'y'));
	buf_consume(b, 1);
	assert_null(buf_append(b, "y", 1));
	mem_free(b);
}

static void refuses_more_than_the_ceiling_at_once(void **state)
{
	struct buf *b = buf_new(NULL, 10), *none = buf_new(NULL, 0);
	char long_text[400];
	struct error *e = NULL;

	(void)state;
	memset(long_text, 'a', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = 0;
	e = buf_printf(b, "%s", long_text);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	assert_int_equal(b->len, 0);
	e = buf_append(b, long_text, SIZE_MAX);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	e = buf_puts(none, "a");
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	mem_free(b);
	b = buf_new(NULL, 1000);
	assert_null(buf_printf(b, "%s", long_text));
	assert_int_equal(b->len, 399);
	mem_free(b);
	mem_free(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_and_stays_text),
		cmocka_unit_test(grows_to_its_ceiling),
		cmocka_unit_test(refuses_more_than_the_ceiling_at_once),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
