/* What one dsnd says to another one: the same comes out, and each refusal names its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "manager/remote_wire.h"

#define ALICE "a11ce00000000000000000000000000000000000"

static void test_question(void **state)
{
	void *scope = mem_strdup(NULL, "");
	const struct caller alice = {.address = ALICE,
				     .roles = CALLER_ANYONE | CALLER_CUSTOMER | CALLER_OPERATOR,
				     .session = "0123456789abcdef"};
	struct caller caller = {.roles = 0};
	json_t *params = json_pack("{s:i}", "most", 3);
	char *text = remote_question(scope, &alice, "orders.list", params), *call = NULL;

	(void)state;
	assert_null(remote_question_read(scope, text, strlen(text), &caller, &call));
	assert_string_equal(caller.address, ALICE);
	assert_string_equal(caller.session, alice.session);
	assert_int_equal(caller.roles, alice.roles);
	assert_false(caller.passed_on);
	assert_string_equal(call, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"orders.list\",\"params\":{\"most\":3}}");
	text = remote_question(scope, &alice, "peer.describe", NULL);
	assert_null(remote_question_read(scope, text, strlen(text), &caller, &call));
	assert_string_equal(call, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"peer.describe\"}");
	json_decref(params);
	mem_free(scope);
}

static void refused(struct error *e, const char *said)
{
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_INVALID);
	if (!strstr(e->message, said))
		fail_msg("%s\nis not: %s", e->message, said);
	error_free(e);
}

static void test_questions_that_are_none(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{"", ""},
		{"[]", "must be an object"},
		{"{\"caller\":{\"roles\":[]}}", "call"},
		{"{\"call\":{}}", "caller"},
		{"{\"caller\":{\"roles\":[]},\"call\":{},\"more\":1}", "more"},
		{"{\"caller\":[],\"call\":{}}", "caller"},
		{"{\"caller\":{},\"call\":{}}", "caller.roles"},
		{"{\"caller\":{\"roles\":[\"king\"]},\"call\":{}}", "caller.roles[0]: is no role"},
		{"{\"caller\":{\"roles\":[\"customer\",3]},\"call\":{}}", "caller.roles[1]: is no role"},
		{"{\"caller\":{\"roles\":[],\"name\":\"a\"},\"call\":{}}", "caller.name"},
		{"{\"caller\":{\"roles\":[],\"address\":\"12\"},\"call\":{}}", "caller.address: is no address"},
		{"{\"caller\":{\"roles\":[],\"address\":\"A11CE00000000000000000000000000000000000\"},\"call\":{}}",
		 "caller.address: is no address"},
		{"{\"caller\":{\"roles\":[],\"session\":\"0123456789abcdef0\"},\"call\":{}}", "caller.session"},
		{"{\"caller\":{\"roles\":[],\"session\":\"x\"},\"call\":{}}", "caller.session"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct caller caller;
		char *call = NULL;

		refused(remote_question_read(NULL, rows[i].text, strlen(rows[i].text), &caller, &call), rows[i].said);
		assert_null(call);
	}
}

static struct error *answered(const char *text, json_t **ret_result, struct error **ret_refusal)
{
	*ret_result = NULL;
	*ret_refusal = NULL;
	return remote_answer_read(text, strlen(text), ret_result, ret_refusal);
}

static void test_answers(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"result\":1,\"error\":{}}",
		"{\"error\":1}",
		"{\"error\":{\"message\":\"a\"}}",
		"{\"error\":{\"message\":\"a\",\"data\":{}}}",
		"{\"error\":{\"message\":1,\"data\":{\"error\":\"refused\"}}}",
	};
	json_t *result;
	struct error *refusal;

	(void)state;
	assert_null(answered("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":1}}", &result, &refusal));
	assert_null(refusal);
	assert_int_equal(json_integer_value(json_object_get(result, "a")), 1);
	json_decref(result);
	assert_null(answered("{\"error\":{\"code\":-32003,\"message\":\"not you\",\"data\":{\"error\":\"refused\"}}}",
			     &result, &refusal));
	assert_null(result);
	assert_int_equal(refusal->code, ERROR_REFUSED);
	assert_string_equal(refusal->message, "not you");
	error_free(refusal);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		refused(answered(bad[i], &result, &refusal), "");
		assert_null(result);
		assert_null(refusal);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question),
		cmocka_unit_test(test_questions_that_are_none),
		cmocka_unit_test(test_answers),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
