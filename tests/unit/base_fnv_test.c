/* Vectors of FNV's authors: strings of test_fnv.c in their reference code; draft-eastlake-fnv has some of them too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/fnv.h"

static const struct {
	const char *text;
	size_t len;
	uint32_t sum;
} vectors[] = {
	{"", 0, 0x811c9dc5},       {"a", 1, 0xe40c292c},    {"b", 1, 0xe70c2de5},     {"c", 1, 0xe60c2c52},
	{"d", 1, 0xe10c2473},      {"e", 1, 0xe00c22e0},    {"f", 1, 0xe30c2799},     {"fo", 2, 0x6222e842},
	{"foo", 3, 0xa9f37ed7},    {"foob", 4, 0x3f5076ef}, {"fooba", 5, 0x39aaa18a}, {"foobar", 6, 0xbf9cf968},
	{"foobar", 7, 0x0c1c9eb8}, /* with its NUL */
};

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		assert_int_equal(fnv32(FNV32_BASIS, vectors[i].text, vectors[i].len), vectors[i].sum);
}

static void test_in_parts(void **state)
{
	(void)state;
	for (size_t first = 0; first <= 6; first++)
		assert_int_equal(fnv32(fnv32(FNV32_BASIS, "foobar", first), &"foobar"[first], 6 - first), 0xbf9cf968);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors), cmocka_unit_test(test_in_parts)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
