/* Every custom error of every contract has words, and each of them can be filled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "contracts/refusal.h"
#include "contracts_values.h"

static void every_error_has_words(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (unsigned i = 1; i < CONTRACTS_REFUSALS; i++) {
		void *values = values_fill(NULL, &contracts_refusals[i].values, &random);
		char *words = refusal_words(values, (enum contracts_refusal)i, values);

		if (strcmp(words, contracts_refusals[i].name) == 0 || strpbrk(words, "{}?"))
			fail_msg("%s has the words \"%s\"", contracts_refusals[i].name, words);
		mem_free(values);
	}
	assert_true(CONTRACTS_REFUSALS > 50);
}

static void from_bytes(void **state)
{
	/* InsufficientBalance(address,uint256,uint256): 0xdb42144d; its arguments: an account, 5 and 7 */
	uint8_t bytes[4 + 3 * 32] = {0xdb, 0x42, 0x14, 0x4d};
	const struct contracts_wrong_state_refusal wrong = {u256_of(7), CONTRACTS_JOB_STORE_STATE_NONE};
	char *text;

	(void)state;
	bytes[4 + 31] = 0x11;
	bytes[4 + 63] = 5;
	bytes[4 + 95] = 7;
	text = refusal_text(NULL, bytes, sizeof(bytes));
	assert_string_equal(text, "0x0000000000000000000000000000000000000011 has 5 wei in the contract, 7 wei are "
				  "wanted: vcli payment deposit adds to it");
	mem_free(text);
	text = refusal_plain_text(NULL, bytes, sizeof(bytes));
	assert_string_equal(text, "InsufficientBalance(account: 0x0000000000000000000000000000000000000011, balance: "
				  "5, wanted: 7)");
	mem_free(text);
	assert_int_equal(refusal_of(bytes, sizeof(bytes)), CONTRACTS_REFUSAL_INSUFFICIENT_BALANCE);
	assert_int_equal(refusal_of(bytes, 3), CONTRACTS_REFUSAL_NONE);
	text = refusal_words(NULL, CONTRACTS_REFUSAL_WRONG_STATE, &wrong);
	assert_string_equal(text, "job 7 is not there: this cannot be done to it now");
	mem_free(text);
	/* Cut short, or of nobody's: as it is. */
	text = refusal_text(NULL, bytes, 40);
	assert_int_equal(strncmp(text, "0xdb42144d", 10), 0);
	mem_free(text);
	text = refusal_text(NULL, bytes, 0);
	assert_string_equal(text, "no reason given");
	mem_free(text);
}

static void values_that_are_none(void **state)
{
	char *shown = refusal_time(NULL, UINT64_MAX);

	(void)state;
	assert_string_equal(refusal_word(refusal_kinds, 2), "?");
	assert_string_equal(shown, "18446744073709551615");
	mem_free(shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_has_words),
		cmocka_unit_test(from_bytes),
		cmocka_unit_test(values_that_are_none),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
