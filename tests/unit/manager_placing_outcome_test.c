/* Who has failed whom lately. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/mem.h"
#include "manager/jobs/placing_outcome.h"

#define ALICE "a11cea11cea11cea11cea11cea11cea11cea11ce"
#define BOB "b0bb0bb0bb0bb0bb0bb0bb0bb0bb0bb0bb0bb0b0"
#define NODE "1111111111111111111111111111111111111111"
#define OTHER "2222222222222222222222222222222222222222"
#define NOW INT64_C(1000000)

static size_t bad_of(const struct placing_outcomes *all, const char *customer, int64_t now_ms)
{
	size_t count = 0;
	struct place_excluded *list = placing_outcomes_bad(NULL, all, customer, now_ms, &count);

	mem_free(list);
	return count;
}

static void test_of_one_customer_for_an_hour(void **state)
{
	struct placing_outcomes *all = placing_outcomes_new(NULL);
	struct place_excluded *list;
	size_t count = 0;

	(void)state;
	assert_true(placing_outcomes_add(all, ALICE, NODE, false, NOW));
	assert_true(placing_outcomes_add(all, ALICE, OTHER, true, NOW));
	list = placing_outcomes_bad(NULL, all, ALICE, NOW + 1, &count);
	assert_int_equal(count, 1);
	assert_string_equal(list[0].node, NODE);
	mem_free(list);
	assert_int_equal(bad_of(all, BOB, NOW + 1), 0);
	assert_int_equal(bad_of(all, NULL, NOW + 1), 0);
	assert_int_equal(bad_of(all, ALICE, NOW + PLACING_OUTCOME_MS - 1), 1);
	assert_int_equal(bad_of(all, ALICE, NOW + PLACING_OUTCOME_MS), 0);
	/* It serves him after all. */
	assert_true(placing_outcomes_add(all, ALICE, NODE, true, NOW + 2));
	assert_int_equal(bad_of(all, ALICE, NOW + 3), 0);
	mem_free(all);
}

/* His word counts once an hour, however many orders he gives. */
static void test_counts_once(void **state)
{
	struct placing_outcomes *all = placing_outcomes_new(NULL);

	(void)state;
	assert_true(placing_outcomes_add(all, ALICE, NODE, false, NOW));
	for (int i = 1; i < 100; i++)
		assert_false(placing_outcomes_add(all, ALICE, NODE, false, NOW + i));
	assert_true(placing_outcomes_add(all, BOB, NODE, false, NOW + 5));
	assert_true(placing_outcomes_add(all, ALICE, NODE, false, NOW + PLACING_OUTCOME_MS));
	assert_false(placing_outcomes_add(all, "alice", NODE, false, NOW));
	assert_false(placing_outcomes_add(all, ALICE, "node", false, NOW));
	mem_free(all);
}

static void test_the_oldest_gives_way(void **state)
{
	struct placing_outcomes *all = placing_outcomes_new(NULL);
	char node[41];

	(void)state;
	assert_true(placing_outcomes_add(all, BOB, NODE, false, NOW));
	for (int i = 0; i < PLACING_OUTCOMES; i++) {
		assert_int_equal(bad_of(all, BOB, NOW), 1);
		snprintf(node, sizeof(node), "%040d", i);
		assert_true(placing_outcomes_add(all, ALICE, node, false, NOW));
	}
	assert_int_equal(bad_of(all, BOB, NOW), 0);
	assert_int_equal(bad_of(all, ALICE, NOW), PLACE_MAX_EXCLUDED);
	mem_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_one_customer_for_an_hour),
		cmocka_unit_test(test_counts_once),
		cmocka_unit_test(test_the_oldest_gives_way),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
