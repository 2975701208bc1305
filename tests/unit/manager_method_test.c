/* The table of methods: each refusal of a parameter, who may call, one answer for each call, and JSON-RPC around it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "manager/jsonrpc2.h"
#include "manager/method.h"

static struct method_call *waiting; /* of t.later */

static void echo(struct method_call *c, void *arg)
{
	json_t *o = json_object();

	(void)arg;
	json_object_set_new(o, "n", json_integer(method_integer(c, "n")));
	json_object_set_new(o, "flag", json_boolean(method_bool(c, "flag")));
	json_put(o, "text", method_text(c, "text") ? method_text(c, "text") : "none");
	json_put(o, "caller", method_caller(c)->address);
	method_answer(c, o);
}

static void later(struct method_call *c, void *arg)
{
	(void)arg;
	waiting = c;
}

static void answer_failure(struct method_call *c, void *arg)
{
	(void)arg;
	method_fail(c, error_new(ERROR_EXISTS, "it is there"));
}

static const struct method rows[] = {
	{"t.echo",
	 echo,
	 CALLER_ANYONE,
	 "Say it again",
	 "it",
	 {{"text", METHOD_TEXT, true, NULL, NULL, 2, 4, "a"},
	  {"word", METHOD_WORD, true, NULL, "on|off", 0, 0, "a"},
	  {"job", METHOD_JOB, true, NULL, NULL, 0, 0, "a"},
	  {"id", METHOD_ADDRESS, true, NULL, NULL, 0, 0, "a"},
	  {"n", METHOD_INTEGER, true, "ms", NULL, -1, 10, "a"},
	  {"flag", METHOD_BOOL, true, NULL, NULL, 0, 0, "a"},
	  {"o", METHOD_OBJECT, true, NULL, NULL, 0, 10, "a"}},
	 {{0}}},
	{"t.needs", echo, CALLER_ANYONE, "a", "a", {{"n", METHOD_INTEGER, false, NULL, NULL, 0, 9, "a"}}, {{0}}},
	{"t.lines", echo, CALLER_ANYONE, "a", "a", {{"text", METHOD_LINES, false, NULL, NULL, 2, 4, "a"}}, {{0}}},
	{"t.later", later, CALLER_ANYONE, "a", "a", {{0}}, {{0}}},
	{"t.fail", answer_failure, CALLER_ANYONE, "a", "a", {{0}}, {{ERROR_EXISTS, "take it away"}}},
	{"t.operators", echo, CALLER_OPERATOR, "a", "a", {{0}}, {{0}}},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct caller nobody = {.roles = CALLER_ANYONE},
			   alice = {.address = "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",
				    .roles = CALLER_ANYONE | CALLER_OPERATOR};

struct world {
	struct methods *all;
	unsigned answers;
	char *text; /* of the last one: the result, or the error */
	enum error_code code;
};

static int setup(void **state)
{
	struct world *w = mem_new(NULL, struct world);

	w->all = methods_new(w);
	methods_add(w->all, rows, ROWS, NULL);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	mem_free(*state);
	return 0;
}

static void on_answered(const struct method *row, const json_t *result, const struct error *e, void *arg)
{
	struct world *w = arg;

	(void)row;
	w->answers++;
	w->code = e ? e->code : 0;
	mem_free(w->text);
	w->text = e ? mem_strdup(w, e->message) : json_text(w, result);
}

static void call(struct world *w, const struct caller *caller, const char *method, const char *params)
{
	json_t *o = NULL;

	assert_null(json_parse(params, strlen(params), 1000, &o));
	method_begin(w, w->all, caller, method, o, on_answered, w);
	json_decref(o);
}

static void test_values(void **state)
{
	struct world *w = *state;

	call(w, &alice, "t.echo", "{\"n\":-1,\"flag\":true,\"text\":\"ab\",\"word\":\"off\",\"job\":\"a-1\",\"o\":{}}");
	assert_int_equal(w->code, 0);
	assert_string_equal(
		w->text,
		"{\"n\":-1,\"flag\":true,\"text\":\"ab\",\"caller\":\"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\"}");
	call(w, &nobody, "t.echo", "{\"id\":\"A1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\"}");
	assert_string_equal(w->text, "{\"n\":0,\"flag\":false,\"text\":\"none\",\"caller\":\"\"}");
	call(w, &nobody, "t.lines", "{\"text\":\"a\\nb\"}");
	assert_string_equal(w->text, "{\"n\":0,\"flag\":false,\"text\":\"a\\nb\",\"caller\":\"\"}");
	assert_int_equal(w->answers, 3);
}

static void test_each_refusal(void **state)
{
	static const struct {
		const char *method, *params, *said;
		enum error_code code;
	} cases[] = {
		{"t.echo", "{\"text\":1}", "params.text: must be a string", ERROR_INVALID},
		{"t.echo", "{\"text\":\"a\"}", "params.text: has 1 bytes; 2 to 4, please", ERROR_INVALID},
		{"t.echo", "{\"text\":\"abcde\"}", "params.text: has 5 bytes; 2 to 4, please", ERROR_INVALID},
		{"t.echo", "{\"text\":\"a\\nb\"}", "params.text: holds a control character", ERROR_INVALID},
		{"t.lines", "{\"text\":\"a\\r\\n\"}", "params.text: holds a control character", ERROR_INVALID},
		{"t.echo", "{\"word\":\"o\"}", "params.word: \"o\" is none of on|off", ERROR_INVALID},
		{"t.echo", "{\"word\":\"on|off\"}", "params.word: \"on|off\" is none of on|off", ERROR_INVALID},
		{"t.echo", "{\"job\":\"a/b\"}", "params.job: ", ERROR_INVALID},
		{"t.echo", "{\"id\":\"a1\"}", "params.id: \"a1\" is no address: 40 hex digits", ERROR_INVALID},
		{"t.echo", "{\"n\":\"1\"}", "params.n: must be an integer", ERROR_INVALID},
		{"t.echo", "{\"n\":1.5}", "params.n: must be an integer", ERROR_INVALID},
		{"t.echo", "{\"n\":11}", "params.n: is 11; -1 to 10 ms, please", ERROR_INVALID},
		{"t.echo", "{\"n\":-2}", "params.n: is -2; -1 to 10 ms, please", ERROR_INVALID},
		{"t.echo", "{\"flag\":\"yes\"}", "params.flag: must be true or false", ERROR_INVALID},
		{"t.echo", "{\"o\":[]}", "params.o: must be an object", ERROR_INVALID},
		{"t.echo", "{\"o\":{\"a\":\"bcdef\"}}", "params.o: has 13 bytes as compact text; at most 10",
		 ERROR_INVALID},
		{"t.echo", "{\"m\":1}", "params.m: is no parameter of t.echo, which takes: text, word", ERROR_INVALID},
		{"t.later", "{\"m\":1}", "params.m: is no parameter of t.later, which takes: none", ERROR_INVALID},
		{"t.needs", "{}", "params.n: is missing", ERROR_INVALID},
		{"t.needs", "[1]", "params: must be an object: parameters are named", ERROR_INVALID},
		{"t.none", "{}", "there is no method \"t.none\"", ERROR_NOT_FOUND},
		{"t.operators", "{}", "t.operators is for operator; who calls has shown no token", ERROR_REFUSED},
		{"t.fail", "{}", "it is there", ERROR_EXISTS},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		call(w, &nobody, cases[i].method, cases[i].params);
		assert_int_equal(w->code, cases[i].code);
		assert_non_null(strstr(w->text, cases[i].said));
		assert_int_equal(w->answers, i + 1);
	}
	call(w, &alice, "t.operators", "{}");
	assert_int_equal(w->code, 0);
}

/* Who has asked may go before he is answered; the method never notices. */
static void test_asker_goes(void **state)
{
	struct world *w = *state;
	void *asker = mem_strdup(NULL, "");
	uint64_t begun, failed;
	size_t open;

	method_begin(asker, w->all, &nobody, "t.later", NULL, on_answered, w);
	methods_count(w->all, &begun, &failed, &open);
	assert_int_equal(open, 1);
	mem_free(asker);
	method_answer(waiting, json_object());
	assert_int_equal(w->answers, 0);
	method_begin(w, w->all, &nobody, "t.later", NULL, on_answered, w);
	method_fail(waiting, error_new(ERROR_FAILED, "no"));
	methods_count(w->all, &begun, &failed, &open);
	assert_int_equal(w->answers, 1);
	assert_true(begun == 2 && failed == 1 && open == 0);
}

static void test_bound_of_calls(void **state)
{
	struct world *w = *state;
	void *askers = mem_strdup(NULL, "");

	for (int i = 0; i < METHOD_CALLS; i++)
		method_begin(askers, w->all, &nobody, "t.later", NULL, on_answered, w);
	assert_int_equal(w->answers, 0);
	call(w, &nobody, "t.echo", "{}");
	assert_int_equal(w->code, ERROR_LIMIT);
	mem_free(askers);
}

/* --- JSON-RPC --- */

static void on_reply(const char *text, size_t n, void *arg)
{
	struct world *w = arg;

	w->answers++;
	mem_free(w->text);
	w->text = mem_strndup(w, text, n);
}

static void test_jsonrpc(void **state)
{
	static const struct {
		const char *asked, *answered;
	} cases[] = {
		{"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"t.needs\",\"params\":{\"n\":3}}",
		 "{\"jsonrpc\":\"2.0\",\"result\":{\"n\":3,"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"t.fail\"}",
		 "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32009,\"message\":\"it is there\",\"data\":{\"error\":\"exists\",\"mend\":\"take it away\"}},\"id\":1}"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"t.none\"}", "\"code\":-32601,"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"t.needs\"}", "\"code\":-32602,"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"t.echo\",\"params\":{\"word\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9-\xc3\xa9\xc3\xa9\"}}",
		 "is none of on|off"},
		{"{\"jsonrpc\":\"2.0\",\"method\":\"t.echo\"}", ""},
		{"{\"jsonrpc\":\"2.0\",\"method\":\"t.none\"}", ""},
		{"{", "\"code\":-32700,"},
		{"[]", "a batch is not taken"},
		{"1", "\"code\":-32600,"},
		{"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"t.echo\"}", "id: must be a string or a number"},
		{"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"t.echo\"}", "jsonrpc: \\\"1.0\\\" is not \\\"2.0\\\""},
		{"{\"jsonrpc\":\"2.0\",\"id\":1}", "method"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"t.echo\",\"extra\":1}", "extra"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		jsonrpc2_serve(w, w->all, &nobody, cases[i].asked, strlen(cases[i].asked), on_reply, w);
		assert_int_equal(w->answers, i + 1);
		if (*cases[i].answered)
			assert_non_null(strstr(w->text, cases[i].answered));
		else
			assert_string_equal(w->text, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_refusal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asker_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound_of_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_jsonrpc, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
