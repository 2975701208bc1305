#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <errno.h>
#include <uv.h>

#include "base/error.h"
#include "base/mem.h"

static void is(struct error *e, enum error_code code, const char *message)
{
	assert_non_null(e);
	assert_int_equal(e->code, code);
	assert_string_equal(e->message, message);
	error_free(e);
}

static void makers(void **state)
{
	struct error *e = NULL;

	(void)state;
	is(error_new(ERROR_INVALID, "%s: %d", "port", 7), ERROR_INVALID, "port: 7");
	is(error_sys(EIO, "%s", "/x"), ERROR_IO, "/x: Input/output error");
	is(error_sys(ENOENT, "/x"), ERROR_NOT_FOUND, "/x: No such file or directory");
	is(error_sys(ENOSPC, "/x"), ERROR_LIMIT, "/x: No space left on device");
	is(error_sys(EACCES, "/x"), ERROR_REFUSED, "/x: Permission denied");
	is(error_uv(UV_ECONNREFUSED, "broker"), ERROR_UNAVAILABLE, "broker: connection refused");
	is(error_uv(UV_EADDRINUSE, "port"), ERROR_EXISTS, "port: address already in use");
	is(error_uv(UV_EAI_NONAME, "host"), ERROR_UNAVAILABLE, "host: unknown node or service");
	is(error_uv(UV_EOF, "peer"), ERROR_UNAVAILABLE, "peer: end of file");
	e = error_new(ERROR_TIMEOUT, "no answer");
	is(error_copy(e), ERROR_TIMEOUT, "no answer");
	is(error_wrap(e, "node %d", 3), ERROR_TIMEOUT, "node 3: no answer");
	assert_null(error_copy(NULL));
	error_free(NULL);
}

static void messages_are_one_clean_line(void **state)
{
	(void)state;
	is(error_new(ERROR_INVALID, "a\nb\tc\x7f"), ERROR_INVALID, "a b c ");
	is(error_new(ERROR_INVALID, "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\xa5"), ERROR_INVALID,
	   "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\xa5");
	is(error_new(ERROR_INVALID, "%.2s", "a\xc3\xa9"), ERROR_INVALID, "a?");
	is(error_new(ERROR_INVALID, "\xff \xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80"), ERROR_INVALID, "? ?? ??? ????");
	is(error_wrap(error_new(ERROR_INVALID, "x"), "a\nb"), ERROR_INVALID, "a b: x");
}

static void words_and_exit_codes(void **state)
{
	static const struct {
		enum error_code code;
		const char *word;
		int exit_code;
	} rows[] = {
		{ERROR_INVALID, "invalid", 2},
		{ERROR_NOT_FOUND, "not-found", 3},
		{ERROR_EXISTS, "exists", 4},
		{ERROR_REFUSED, "refused", 4},
		{ERROR_UNAVAILABLE, "unavailable", 5},
		{ERROR_TIMEOUT, "timeout", 6},
		{ERROR_LIMIT, "limit", 1},
		{ERROR_IO, "io", 1},
		{ERROR_FAILED, "failed", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error *e = error_new(rows[i].code, "x");

		assert_string_equal(error_code_name(rows[i].code), rows[i].word);
		assert_int_equal(error_code_from_name(rows[i].word), rows[i].code);
		assert_int_equal(error_exit_code(e), rows[i].exit_code);
		error_free(e);
	}
	assert_int_equal(error_code_from_name("nonsense"), ERROR_FAILED);
	assert_int_equal(error_code_from_name(NULL), ERROR_FAILED);
	assert_int_equal(error_exit_code(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makers),
		cmocka_unit_test(messages_are_one_clean_line),
		cmocka_unit_test(words_and_exit_codes),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
