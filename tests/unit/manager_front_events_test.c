/* How much of the log a look reads, however many streams there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "manager/front_impl.h"

static void test_share(void **state)
{
	(void)state;
	assert_int_equal(front_events_share(0), 100);
	assert_int_equal(front_events_share(1), 100);
	assert_int_equal(front_events_share(10), 100);
	assert_int_equal(front_events_share(256), 4);
	assert_int_equal(front_events_share(100000), 1);
	for (size_t n = 1; n <= 256; n++)
		assert_true(n * front_events_share(n) <= 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_share)};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
