/* Which deliveries are acknowledged together (bus/amqp_settle.h): never one that is still being handled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "bus/amqp_settle.h"

#define ROUNDS 2000
#define OPEN_MOST 40

static int setup(void **state)
{
	mem_init();
	*state = mem_new(NULL, struct amqp_settle);
	return 0;
}

static int teardown(void **state)
{
	mem_free(*state);
	return 0;
}

static void deliver(struct amqp_settle *s, uint64_t first, uint64_t last)
{
	for (uint64_t n = first; n <= last; n++)
		amqp_settle_delivered(s, s, n);
}

static void expect(struct amqp_settle *s, uint64_t number, bool multiple)
{
	uint64_t got;
	bool several;

	assert_true(amqp_settle_take(s, &got, &several));
	assert_int_equal(got, number);
	assert_int_equal(several, multiple);
}

static void expect_nothing(struct amqp_settle *s)
{
	uint64_t number;
	bool multiple;

	assert_false(amqp_settle_take(s, &number, &multiple));
}

static void test_one(void **state)
{
	struct amqp_settle *s = *state;

	expect_nothing(s);
	deliver(s, 1, 1);
	expect_nothing(s);
	amqp_settle_done(s, 1);
	expect(s, 1, false);
	expect_nothing(s);
}

static void test_all_at_once(void **state)
{
	struct amqp_settle *s = *state;

	deliver(s, 1, 100);
	for (uint64_t n = 100; n; n--)
		amqp_settle_done(s, n);
	expect(s, 100, true);
	expect_nothing(s);
}

static void test_what_is_handled_stays_open(void **state)
{
	struct amqp_settle *s = *state;

	deliver(s, 5, 9);
	amqp_settle_done(s, 5);
	amqp_settle_done(s, 6);
	amqp_settle_done(s, 8);
	amqp_settle_done(s, 9);
	expect(s, 6, true);
	expect(s, 8, false);
	expect(s, 9, false);
	expect_nothing(s);
	amqp_settle_done(s, 7);
	expect(s, 7, false);
	expect_nothing(s);
}

static void test_refused_on_its_own(void **state)
{
	struct amqp_settle *s = *state;

	deliver(s, 1, 3);
	amqp_settle_done(s, 1);
	amqp_settle_forget(s, 1);
	expect_nothing(s);
	amqp_settle_forget(s, 2);
	amqp_settle_done(s, 3);
	expect(s, 3, false);
	expect_nothing(s);
}

static void test_of_an_earlier_channel(void **state)
{
	struct amqp_settle *s = *state;

	deliver(s, 1, 3);
	amqp_settle_done(s, 2);
	amqp_settle_begin(s);
	expect_nothing(s);
	deliver(s, 1, 1);
	amqp_settle_done(s, 2);
	amqp_settle_done(s, 1);
	amqp_settle_done(s, 1);
	expect(s, 1, false);
	expect_nothing(s);
}

/* Against the rule as it is written: what the broker takes to be acknowledged is what was said to be done. */
static void test_any_order(void **state)
{
	enum { FREE, OPEN, DONE, ACKNOWLEDGED } fate[ROUNDS + 2] = {FREE};
	struct amqp_settle *s = *state;
	uint64_t next = 1, number, seed = 88172645463325252;
	bool multiple;

	for (int round = 0; round < 4 * ROUNDS && next <= ROUNDS; round++) {
		uint64_t low = next > OPEN_MOST ? next - OPEN_MOST : 1, at;

		seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
		at = low + seed / 8 % (next - low + 1);
		if (seed % 8 < 4) {
			fate[next] = OPEN;
			deliver(s, next, next);
			next++;
		} else if (seed % 8 < 7 && fate[at] == OPEN) {
			fate[at] = DONE;
			amqp_settle_done(s, at);
		}
		if (seed % 8 != 7)
			continue;
		while (amqp_settle_take(s, &number, &multiple)) {
			assert_int_equal(fate[number], DONE);
			for (uint64_t n = 1; n <= number; n++) {
				if (n == number || multiple) {
					assert_int_not_equal(fate[n], OPEN);
					fate[n] = ACKNOWLEDGED;
				}
			}
		}
		for (uint64_t n = 1; n < next; n++)
			assert_int_not_equal(fate[n], DONE);
	}
	assert_true(next > ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_handled_stays_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_on_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_of_an_earlier_channel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_any_order, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
