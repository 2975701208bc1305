#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "crypto/assuan.h"

static void put(struct assuan *a, const char *bytes, size_t n)
{
	size_t room = 0;
	char *to = assuan_room(a, &room);

	assert_true(n <= room);
	memcpy(to, bytes, n);
	assuan_arrived(a, n);
}

static bool read_answer(struct assuan *a)
{
	bool whole = false;

	assert_null(assuan_read(a, &whole));
	return whole;
}

static void say(struct assuan *a, const char *text)
{
	put(a, text, strlen(text));
	assert_true(read_answer(a));
}

static void answers(void **state)
{
	struct assuan a = {.held_bytes = 0};

	(void)state;
	say(&a, "OK Pleased to meet you\n");
	assert_int_equal(a.data_bytes, 0);
	assert_int_equal(a.code, 0);
	assuan_next(&a);
	say(&a, "# a comment\nS PROGRESS x\nS\nD geheim %25 %0a\r\nD und%2b+\nD\nOK\n");
	assert_string_equal(a.data, "geheim % \nund++");
	assert_int_equal(a.data_bytes, strlen(a.data));
	assuan_next(&a);
	assert_string_equal(a.data, "");
	say(&a, "ERR 67108922 No data \x1b[31m <GPG Agent>\n");
	assert_int_equal(a.code, 67108922);
	assert_string_equal(a.says, "No data ?[31m <GPG Agent>");
	assuan_next(&a);
	say(&a, "ERR 4294967295\n");
	assert_int_equal(a.code, UINT32_MAX);
	assert_string_equal(a.says, "");
}

/* In whatever pieces it comes, and two answers at once. */
static void pieces(void **state)
{
	static const char text[] = "D one%20\nD two\nOK\nERR 99 no\n";
	struct assuan a = {.held_bytes = 0};

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		put(&a, text + i, 1);
		if (!read_answer(&a))
			continue;
		assert_int_equal(text[i], '\n');
		if (a.code == 0)
			assert_string_equal(a.data, "one two");
		else
			assert_int_equal(a.code, 99);
		assuan_next(&a);
	}
	put(&a, text, sizeof(text) - 1);
	assert_true(read_answer(&a));
	assert_string_equal(a.data, "one two");
	assuan_next(&a);
	assert_true(read_answer(&a));
	assert_int_equal(a.code, 99);
	assert_int_equal(a.held_bytes, 0);
}

/* Nothing that was read stays behind. */
static void wiped(void **state)
{
	static const struct assuan none;
	struct assuan a = {.held_bytes = 0};

	(void)state;
	say(&a, "D geheim\nOK\n");
	assuan_next(&a);
	assert_memory_equal(&a, &none, sizeof(a));
	say(&a, "D geheim\nOK\n");
	put(&a, "D more", 6);
	assuan_wipe(&a);
	assert_memory_equal(&a, &none, sizeof(a));
}

static void refuse(const char *text, enum error_code code, const char *part)
{
	struct assuan a = {.held_bytes = 0};
	bool whole = false;
	struct error *e;

	put(&a, text, strlen(text));
	e = assuan_read(&a, &whole);
	assert_non_null(e);
	assert_int_equal(e->code, code);
	assert_non_null(strstr(e->message, part));
	assert_null(strstr(e->message, "geheim"));
	assert_false(whole);
	error_free(e);
}

static void refusals(void **state)
{
	(void)state;
	refuse("D geheim%\n", ERROR_INVALID, "not followed by two hexadecimal digits");
	refuse("D geheim%2\n", ERROR_INVALID, "not followed by two hexadecimal digits");
	refuse("D geheim%2\r\n", ERROR_INVALID, "not followed by two hexadecimal digits");
	refuse("D geheim%2x\n", ERROR_INVALID, "not followed by two hexadecimal digits");
	refuse("D geheim%-1\n", ERROR_INVALID, "not followed by two hexadecimal digits");
	refuse("D geheim%00\n", ERROR_INVALID, "has a NUL");
	refuse("INQUIRE PASSPHRASE\n", ERROR_INVALID, "it asks back");
	refuse("\n", ERROR_INVALID, "none of OK");
	refuse("OKAY\n", ERROR_INVALID, "none of OK");
	refuse("Dgeheim\n", ERROR_INVALID, "none of OK");
	refuse("ok\n", ERROR_INVALID, "none of OK");
	refuse("HTTP/1.1 400 Bad Request\r\n", ERROR_INVALID, "none of OK");
	refuse("ERR\n", ERROR_INVALID, "no error code");
	refuse("ERR no\n", ERROR_INVALID, "no error code");
	refuse("ERR -1 no\n", ERROR_INVALID, "no error code");
	refuse("ERR 0 no\n", ERROR_INVALID, "no error code");
	refuse("ERR 99x no\n", ERROR_INVALID, "no error code");
	refuse("ERR 4294967296 no\n", ERROR_INVALID, "no error code");
	refuse("ERR 18446744073709551617 no\n", ERROR_INVALID, "no error code");
}

static void raw_nul(void **state)
{
	struct assuan a = {.held_bytes = 0};
	bool whole = false;
	struct error *e;

	(void)state;
	put(&a, "D a\0b\n", 6);
	e = assuan_read(&a, &whole);
	assert_non_null(e);
	assert_non_null(strstr(e->message, "has a NUL"));
	error_free(e);
}

/* A line of exactly as many bytes as there may be, and one more; as much data, and one byte more. */
static void limits(void **state)
{
	char line[ASSUAN_LINE_BYTES];
	struct assuan a = {.held_bytes = 0};
	struct error *e;
	bool whole = false;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "D ", 2);
	line[sizeof(line) - 1] = '\n';
	put(&a, line, sizeof(line));
	assert_false(read_answer(&a));
	assert_int_equal(a.data_bytes, ASSUAN_LINE_BYTES - 3);
	memset(line + 2, 'y', sizeof(line) - 3);
	line[2 + ASSUAN_DATA_BYTES - a.data_bytes] = '\n';
	put(&a, line, 3 + ASSUAN_DATA_BYTES - a.data_bytes);
	assert_false(read_answer(&a));
	assert_int_equal(a.data_bytes, ASSUAN_DATA_BYTES);
	assert_int_equal(strlen(a.data), ASSUAN_DATA_BYTES);
	put(&a, "D z\n", 4);
	e = assuan_read(&a, &whole);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	assuan_wipe(&a);
	memset(line, 'x', sizeof(line));
	put(&a, line, sizeof(line));
	e = assuan_read(&a, &whole);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_LIMIT);
	assert_non_null(strstr(e->message, "more than 1000 bytes"));
	error_free(e);
}

static void words(void **state)
{
	char *word = assuan_word(NULL, "Passphrase of 0x12: 100%+\n\xc3\xa4\x7f");

	(void)state;
	assert_string_equal(word, "Passphrase+of+0x12:+100%25%2B%0A%C3%A4%7F");
	mem_free(word);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),  cmocka_unit_test(pieces),  cmocka_unit_test(wiped),
		cmocka_unit_test(refusals), cmocka_unit_test(raw_nul), cmocka_unit_test(limits),
		cmocka_unit_test(words),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
