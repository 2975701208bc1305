/* Who is barred on the chain: lists that replace each other, bars that end by themselves, owners and nodes, beside what
 * an operator has marked; each refusal of a list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "manager/registry/chain_bars.h"

#define NODE "bb00000000000000000000000000000000000000"
#define OWNER "aa00000000000000000000000000000000000000"

static json_t *list_of(const char *text)
{
	json_t *o = json_loads(text, 0, NULL);

	assert_non_null(o);
	return o;
}

static void set(struct chain_bars *all, const char *text, bool expected_change)
{
	json_t *o = list_of(text);
	bool changed = !expected_change;
	struct error *e = chain_bars_set(all, o, &changed);

	if (e)
		fail_msg("%s", e->message);
	assert_int_equal(changed, expected_change);
	json_decref(o);
}

static void lists(void **state)
{
	struct chain_bars *all = chain_bars_new(NULL);

	(void)state;
	assert_null(chain_bars_find(all, NODE, 0));
	set(all, "{\"list\":[]}", false);
	set(all, "{\"list\":[{\"subject\":\"" NODE "\",\"until_s\":100,\"why\":\"black\"}]}", true);
	set(all, "{\"list\":[{\"subject\":\"" NODE "\",\"until_s\":100,\"why\":\"black\"}]}", false);
	assert_string_equal(chain_bars_find(all, NODE, 99), "black");
	assert_null(chain_bars_find(all, NODE, 100));
	assert_null(chain_bars_find(all, OWNER, 0));
	assert_null(chain_bars_find(all, "", 0));

	/* It ends once. */
	assert_false(chain_bars_ended(all, 99));
	assert_true(chain_bars_ended(all, 100));
	assert_false(chain_bars_ended(all, 101));

	set(all, "{\"list\":[{\"subject\":\"" OWNER "\",\"until_s\":300,\"why\":\"\"}]}", true);
	assert_null(chain_bars_find(all, NODE, 50));
	assert_string_equal(chain_bars_find(all, OWNER, 50), "");
	mem_free(all);
}

static void refusals(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"{}", "params.bars: list: is no list"},
		{"{\"list\":{}}", "params.bars: list: is no list"},
		{"{\"list\":[3]}", "has no subject"},
		{"{\"list\":[{\"subject\":\"BB00000000000000000000000000000000000000\",\"until_s\":1,\"why\":\"\"}]}",
		 "has no subject of 40 lower-case digits"},
		{"{\"list\":[{\"subject\":\"" NODE "\",\"until_s\":1}]}", "has no why"},
		{"{\"list\":[{\"subject\":\"" NODE "\",\"until_s\":\"1\",\"why\":\"\"}]}", "has no until_s"},
	};
	struct chain_bars *all = chain_bars_new(NULL);
	bool changed = false;

	(void)state;
	set(all, "{\"list\":[{\"subject\":\"" OWNER "\",\"until_s\":300,\"why\":\"kept\"}]}", true);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *o = list_of(rows[i].text);
		struct error *e = chain_bars_set(all, o, &changed);

		assert_non_null(e);
		assert_int_equal(e->code, ERROR_INVALID);
		if (!strstr(e->message, rows[i].says))
			fail_msg("%s: %s", rows[i].says, e->message);
		error_free(e);
		json_decref(o);
	}
	assert_string_equal(chain_bars_find(all, OWNER, 0), "kept");
	mem_free(all);
}

static void too_many(void **state)
{
	struct chain_bars *all = chain_bars_new(NULL);
	json_t *o = json_pack("{s:[]}", "list");
	bool changed = false;
	struct error *e;

	(void)state;
	for (int i = 0; i <= CHAIN_BARS_MOST; i++)
		json_array_append_new(
			json_object_get(o, "list"),
			json_pack("{s:o,s:i,s:s}", "subject", json_sprintf("%040d", i), "until_s", 9, "why", ""));
	e = chain_bars_set(all, o, &changed);
	assert_non_null(e);
	error_free(e);
	json_array_remove(json_object_get(o, "list"), 0);
	e = chain_bars_set(all, o, &changed);
	assert_null(e);
	assert_true(changed);
	json_decref(o);
	mem_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(lists), cmocka_unit_test(refusals),
					   cmocka_unit_test(too_many)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
