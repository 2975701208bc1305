/* The tables of states: whole, without doubles; docs/states.md shows what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/states.h"
#include "state_machine.h"

static const struct state_machine *const all[] = {&state_of_node, &state_of_job, &state_of_unit};
#define ALL (sizeof(all) / sizeof(all[0]))

static void every_state_is_reached(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALL; i++)
		assert_every_state_is_reached(all[i]);
}

static void no_way_stands_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALL; i++)
		assert_no_way_stands_twice(all[i]);
}

static void ways(void **state)
{
	(void)state;
	assert_int_equal(state_next(&state_of_job, JOB_STARTING, JOB_RUNNING), JOB_RUNNING);
	assert_int_equal(state_next(&state_of_job, JOB_RUNNING, JOB_RUNNING), JOB_RUNNING);
}

static void the_page_is_what_the_tables_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALL; i++)
		assert_the_page_shows(all[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_is_reached),
		cmocka_unit_test(no_way_stands_twice),
		cmocka_unit_test(ways),
		cmocka_unit_test(the_page_is_what_the_tables_say),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
