/* Contracts from artefacts, and what is to be put into an outbox for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/contracts.h"
#include "chain_vectors.h"

static const uint8_t address[ETH_ADDRESS_BYTES] = {7};

static void builtin_ones_are_there(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct contract *c = NULL;

	(void)state;
	for (size_t i = 0; contract_name_at(i); i++) {
		ok(contract_builtin(ctx, contract_name_at(i), &c));
		assert_string_equal(c->name, contract_name_at(i));
	}
	refused(contract_builtin(ctx, "Casino", &c), ERROR_NOT_FOUND, "there is no contract \"Casino\"; there are: ");
	mem_free(ctx);
}

static void artefacts_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *text, *part;
	} rows[] = {
		{"", "line 1"},
		{"{}", "x.json: contract: is missing"},
		{"{\"contract\":\"A\"}", "abi: must be the array"},
		{"{\"contract\":\"A\",\"abi\":[{}]}", "abi[0].type: is missing"},
		{"{\"contract\":\"A\",\"abi\":[]}", "bytecode: must be \"0x\""},
		{"{\"contract\":\"A\",\"abi\":[],\"bytecode\":\"0x1\"}", "bytecode: must be \"0x\""},
	};
	const struct contract *c = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused(contract_parse(NULL, rows[i].text, strlen(rows[i].text), "x.json", &c), ERROR_INVALID,
			rows[i].part);
}

static void what_cannot_be_sent_is_refused(void **state)
{
	static const char text[] = "{\"contract\":\"Shape\",\"abi\":[],\"bytecode\":\"0x\"}";
	void *ctx = talloc_new(NULL);
	const struct contract *counter = NULL, *shape = NULL;
	struct txbox_intent *in = NULL;
	json_t *none = json_array(), *one = json_pack("[i]", 1);

	(void)state;
	ok(contract_builtin(ctx, "Counter", &counter));
	ok(contract_parse(ctx, text, sizeof(text) - 1, "x.json", &shape));
	refused(contract_create(ctx, shape, "a", none, &in), ERROR_INVALID, "the constructor of Shape: has no code");
	refused(contract_create(ctx, counter, "a", one, &in), ERROR_INVALID,
		"the constructor of Counter: has 1 values");
	refused(contract_transact(ctx, counter, address, "a", "getCount", none, U256_ZERO, &in), ERROR_INVALID,
		"getCount() changes nothing: ask it");
	refused(contract_transact(ctx, counter, address, "a", "incrementCounter", none, u256_of(1), &in), ERROR_INVALID,
		"incrementCounter() takes no ether");
	refused(contract_transact(ctx, counter, address, "a", "incrementCounter", one, U256_ZERO, &in), ERROR_INVALID,
		"has 1 values, must have 0");
	refused(contract_transact(ctx, counter, address, "a", "nothing", none, U256_ZERO, &in), ERROR_NOT_FOUND,
		"no function \"nothing\"");
	assert_null(in);
	ok(contract_transact(ctx, counter, address, "a", "incrementCounter", none, U256_ZERO, &in));
	assert_false(in->creates);
	assert_memory_equal(in->to, address, sizeof(address));
	assert_int_equal(in->n, ABI_SELECTOR_BYTES);
	json_decref(none);
	json_decref(one);
	mem_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builtin_ones_are_there),
		cmocka_unit_test(artefacts_that_are_none_are_refused),
		cmocka_unit_test(what_cannot_be_sent_is_refused),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
