/* The place of a key: before the first that is not below it, at the end when all are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bisect.h"

static const char *itself(const void *row)
{
	return row;
}

static void places(void **state)
{
	char *rows[] = {"b", "d", "d", "f"};
	static const struct {
		const char *key;
		size_t count, place;
	} cases[] = {{"a", 4, 0}, {"b", 4, 0}, {"c", 4, 1}, {"d", 4, 1},
		     {"e", 4, 3}, {"f", 4, 3}, {"g", 4, 4}, {"g", 0, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(bisect_text((void *const *)rows, cases[i].count, itself, cases[i].key),
				 cases[i].place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(places)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
