/* Amounts, addresses and numbers from the command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "vcli/money.h"
#include "vcli/render.h"

static void refused(struct error *e, const char *part)
{
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_INVALID);
	if (!strstr(e->message, part))
		fail_msg("\"%s\" has no \"%s\"", e->message, part);
	error_free(e);
}

static void amounts_have_a_unit(void **state)
{
	static const char *const bad[] = {"", "5", "1.", "1.5", "0x10"};
	struct u256 wei = U256_ZERO;

	(void)state;
	assert_null(money_amount("A", "1.5 ether", &wei));
	assert_int_equal(wei.limb[0], UINT64_C(1500000000000000000));
	assert_null(money_amount("A", "3gwei", &wei));
	assert_int_equal(wei.limb[0], UINT64_C(3000000000));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(money_amount("--price", bad[i], &wei), "--price: ");
	refused(money_amount("A", "0.5 wei", &wei), "parts of a wei");
	refused(money_amount("A", "1 pound", &wei), "A: ");
	refused(money_amount("A", "-1 wei", &wei), "A: ");
	assert_null(money_amount("A", "1208925819614629174706175 wei", &wei)); /* 2^80 - 1 */
	assert_null(money_fits("A", wei, MONEY_PRICE_BITS));
	assert_null(money_amount("A", "1208925819614629174706176 wei", &wei));
	refused(money_fits("A", wei, MONEY_PRICE_BITS), "A: is more than");
}

static void an_amount_may_be_two_words(void **state)
{
	char *words[] = {"x", "1.5", "ether", NULL};
	struct vcli *v = mem_new(NULL, struct vcli);
	struct u256 wei = U256_ZERO;

	(void)state;
	v->args = words;
	v->arg_count = 3;
	assert_null(money_amount_args(v, 1, &wei));
	assert_int_equal(wei.limb[0], UINT64_C(1500000000000000000));
	v->arg_count = 2;
	refused(money_amount_args(v, 1, &wei), "AMOUNT: \"1.5\" has no unit");
	mem_free(v);
}

static void amounts_are_told_twice(void **state)
{
	json_t *o = json_object();

	(void)state;
	money_put(o, "paid", u256_of(1500000000));
	assert_string_equal(json_string_value(json_object_get(o, "paid")), "1.5 gwei");
	assert_string_equal(json_string_value(json_object_get(o, "paid_wei")), "1500000000");
	json_decref(o);
}

static void addresses_and_node_ids(void **state)
{
	char *address = NULL;

	(void)state;
	assert_null(money_address(NULL, "A", "52908400098527886e0f7030069857d2e4169ee7", &address));
	assert_string_equal(address, "0x52908400098527886E0F7030069857D2E4169EE7");
	mem_free(address);
	refused(money_address(NULL, "NODE_ID", "0x12", &address), "NODE_ID: ");
}

static void numbers(void **state)
{
	static const char *const bad[] = {"", "-1", "x", "11", "1x", "99999999999999999999999"};
	uint64_t n = 0;

	(void)state;
	assert_null(money_number("N", "10", 10, &n));
	assert_int_equal(n, 10);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(money_number("N", bad[i], 10, &n), "N: ");
}

static void choices(void **state)
{
	static const char *const words[] = {"one", "two", NULL};
	int choice = 0;

	(void)state;
	assert_null(money_choice("W", words, "two", &choice));
	assert_int_equal(choice, 1);
	refused(money_choice("W", words, "three", &choice), "W: \"three\" is none of one, two");
}

static void hashes(void **state)
{
	char *hash = money_hash(NULL, "", 0);

	(void)state;
	assert_string_equal(hash, "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
	mem_free(hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(amounts_have_a_unit),
		cmocka_unit_test(an_amount_may_be_two_words),
		cmocka_unit_test(amounts_are_told_twice),
		cmocka_unit_test(addresses_and_node_ids),
		cmocka_unit_test(numbers),
		cmocka_unit_test(choices),
		cmocka_unit_test(hashes),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
