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
#include "vcli/refusal.h"

#include "vcli/refusal.c"

static void each_error(const char *contract, void (*fn)(const char *name, const json_t *entry))
{
	char *path = mem_printf(NULL, "%s/contracts/artifacts/%s.json", TEST_SOURCE_DIR, contract);
	json_t *document = NULL, *entry = NULL;
	size_t i = 0;

	assert_null(json_parse_file(path, CONTRACT_JSON_BYTES, &document));
	json_array_foreach (json_object_get(document, "abi"), i, entry) {
		if (strcmp(json_string_value(json_object_get(entry, "type")), "error") == 0)
			fn(json_string_value(json_object_get(entry, "name")), entry);
	}
	json_decref(document);
	mem_free(path);
}

static size_t errors;

static void has_words(const char *name, const json_t *entry)
{
	json_t *values = json_object(), *input = NULL;
	char *words;
	size_t i = 0;

	json_array_foreach (json_object_get(entry, "inputs"), i, input)
		json_object_set_new(values, json_string_value(json_object_get(input, "name")), json_string("1"));
	words = refusal_words(NULL, name, values);
	if (!words || strpbrk(words, "{}?"))
		fail_msg("%s: %s", name, words ? words : "has no words");
	errors++;
	mem_free(words);
	json_decref(values);
}

static void every_error_has_words(void **state)
{
	(void)state;
	for (size_t i = 0; contract_name_at(i); i++)
		each_error(contract_name_at(i), has_words);
	assert_true(errors > 50);
}

static void from_bytes(void **state)
{
	/* InsufficientBalance(address,uint256,uint256): 0xdb42144d; its arguments: an account, 5 and 7 */
	uint8_t bytes[4 + 3 * 32] = {0xdb, 0x42, 0x14, 0x4d};
	char *text;

	(void)state;
	bytes[4 + 31] = 0x11;
	bytes[4 + 63] = 5;
	bytes[4 + 95] = 7;
	text = refusal_text(NULL, bytes, sizeof(bytes));
	assert_string_equal(text, "0x0000000000000000000000000000000000000011 has 5 wei in the contract, 7 wei are "
				  "wanted: vcli payment deposit adds to it");
	mem_free(text);
	json_t *values = json_pack("{s:s,s:s}", "jobId", "7", "state", "0");
	text = refusal_words(NULL, "WrongState", values);
	assert_string_equal(text, "job 7 is not there: this cannot be done to it now");
	mem_free(text);
	json_decref(values);
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
	json_t *text = json_string("x"), *large = json_string("99999999999999999999"), *number = json_integer(1);

	(void)state;
	assert_string_equal(refusal_word(refusal_kinds, number), "?");
	assert_string_equal(refusal_word(refusal_kinds, large), "?");
	char *shown = refusal_time(NULL, large);
	assert_string_equal(shown, "99999999999999999999");
	mem_free(shown);
	shown = refusal_wei(NULL, text);
	assert_string_equal(shown, "?");
	mem_free(shown);
	json_decref(text);
	json_decref(large);
	json_decref(number);
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
