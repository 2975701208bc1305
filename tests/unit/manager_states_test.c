/* The tables of states of orders, of their parts, of their payments and of registered nodes: whole, without doubles;
 * those of orders end for good; docs/states.md shows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "manager/jobs/states.h"
#include "manager/payments/payment_rows.h"
#include "manager/registry/nodes_state.h"
#include "state_machine.h"

static void the_table(void **state)
{
	(void)state;
	assert_every_state_is_reached(&order_states);
	assert_no_way_stands_twice(&order_states);
	assert_the_page_shows(&order_states);
	assert_every_state_is_reached(&nodes_state_heard);
	assert_no_way_stands_twice(&nodes_state_heard);
	assert_the_page_shows(&nodes_state_heard);
	assert_every_state_is_reached(&part_states);
	assert_no_way_stands_twice(&part_states);
	assert_the_page_shows(&part_states);
	assert_every_state_is_reached(&payment_states);
	assert_no_way_stands_twice(&payment_states);
	assert_the_page_shows(&payment_states);
}

/* Each state but the last is left, and from each the end is reached. */
static void everything_ends(void **state)
{
	bool ends[16] = {false};

	(void)state;
	ends[ORDER_CANCELLED] = true;
	for (size_t turn = 0; turn < order_states.name_count; turn++) {
		for (size_t k = 0; k < order_states.move_count; k++) {
			assert_int_not_equal(order_states.moves[k].from, ORDER_CANCELLED);
			if (ends[order_states.moves[k].to])
				ends[order_states.moves[k].from] = true;
		}
	}
	for (size_t k = 0; k < order_states.name_count; k++)
		assert_true(ends[k]);
}

static void ways(void **state)
{
	(void)state;
	assert_int_equal(state_next(&order_states, ORDER_STARTING, ORDER_RUNNING), ORDER_RUNNING);
	assert_int_equal(state_next(&order_states, ORDER_RUNNING, ORDER_RUNNING), ORDER_RUNNING);
	assert_true(order_state_may(ORDER_STOPPED, ORDER_STARTING));
	assert_false(order_state_may(ORDER_RUNNING, ORDER_STARTING));
	assert_false(order_state_may(ORDER_RUNNING, ORDER_RUNNING));
	assert_string_equal(order_state_name(ORDER_FAILING), "failing");
	/* One complaint moves nothing; and an end may be wanted at any time. */
	assert_false(state_may(&part_states, PART_SUSPECT, PART_REPLACING));
	assert_false(state_may(&part_states, PART_REPLACING, PART_SERVING));
	assert_true(order_state_may(ORDER_SCHEDULED, ORDER_CANCELLED));
	for (enum order_state s = ORDER_STARTING; s < ORDER_CANCELLING; s++)
		assert_true(order_state_may(s, ORDER_CANCELLING));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
		cmocka_unit_test(everything_ends),
		cmocka_unit_test(ways),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
