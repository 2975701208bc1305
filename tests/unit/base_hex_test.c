#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/mem.h"

static void there_and_back(void **state)
{
	uint8_t bytes[4] = {0};
	char *text = hex_encode(NULL, (const uint8_t *)"\x00\x7f\x80\xff", 4);

	(void)state;
	assert_string_equal(text, "007f80ff");
	assert_null(hex_decode(text, bytes, 4));
	assert_memory_equal(bytes, "\x00\x7f\x80\xff", 4);
	assert_null(hex_decode("007F80fF", bytes, 4));
	assert_memory_equal(bytes, "\x00\x7f\x80\xff", 4);
	mem_free(text);
}

static void refusals(void **state)
{
	static const char *const texts[] = {"", "007f80f", "007f80ff0", "007f80fg", "0x7f80ff", " 07f80ff", "007f80f "};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint8_t bytes[4] = {1, 2, 3, 4};
		struct error *e = hex_decode(texts[i], bytes, 4);

		assert_false(hex_is(texts[i], 8));
		assert_int_equal(e->code, ERROR_INVALID);
		assert_non_null(strstr(e->message, "is not 8 hexadecimal digits"));
		assert_memory_equal(bytes, "\1\2\3\4", 4);
		error_free(e);
	}
	assert_false(hex_is(NULL, 8));
}

static void ids(void **state)
{
	(void)state;
	assert_true(hex_id_valid("0123456789abcdefABCDEF012345678901234567"));
	assert_false(hex_id_valid("0x23456789abcdefABCDEF012345678901234567"));
	assert_false(hex_id_valid("0123456789abcdefABCDEF01234567890123456"));
	assert_false(hex_id_valid(""));
	assert_false(hex_id_valid(NULL));
}

static void random_differs(void **state)
{
	char *a = hex_random(NULL, 20), *b = hex_random(NULL, 20);

	(void)state;
	assert_true(hex_id_valid(a));
	assert_string_not_equal(a, b);
	mem_free(a);
	mem_free(b);
}

static void clocks(void **state)
{
	char *text = clock_format(NULL, 1769860800007), *before = clock_format(NULL, -1);
	int64_t us = clock_mono_us();

	(void)state;
	assert_string_equal(text, "2026-01-31T12:00:00.007Z");
	assert_string_equal(before, "1969-12-31T23:59:59.999Z");
	assert_true(clock_mono_ms() >= us / 1000);
	assert_true(clock_wall_ms() > 1700000000000);
	mem_free(text);
	mem_free(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back), cmocka_unit_test(refusals), cmocka_unit_test(ids),
		cmocka_unit_test(random_differs), cmocka_unit_test(clocks),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
