#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "bus/message.h"

#define ID "0123456789abcdef0123456789abcdef"
#define FROM "1111111111111111111111111111111111111111"
#define TO "2222222222222222222222222222222222222222"
#define HEAD "{\"dsn\":\"1\",\"id\":\"" ID "\","
#define ADDRESSED "\"from\":\"" FROM "\",\"to\":\"" TO "\","
#define TIMES "\"time\":\"1700000000000\",\"ttl\":\"60000\","
#define RE "\"re\":\"" ID "\","
#define COMMAND HEAD "\"kind\":\"command\"," ADDRESSED TIMES
#define RESULT HEAD "\"kind\":\"result\"," ADDRESSED TIMES RE

/* What is refused, and the words that must name the place and the reason. */
static const struct refusal {
	const char *text;
	const char *place;
	const char *reason;
} refusals[] = {
	{"", "message", ""},
	{"no json", "message", "line 1"},
	{"{\"dsn\":\"1\"", "message", "line 1"},
	{"[]", "message", "object"},
	{"\"text\"", "message", "object"},
	{"{}", "dsn", ""},
	{"{\"dsn\":\"1\"} {}", "message", "line 1"},
	{"{\"dsn\":\"1\",\"dsn\":\"1\"}", "message", "dup"},
	{"{\"dsn\":\"2\"}", "dsn", "version"},
	{"{\"dsn\":1}", "dsn", "string"},
	{"{\"dsn\":\"1\"}", "id", ""},
	{COMMAND "\"body\":{},\"bodi\":{}}", "bodi", ""},
	{"{\"dsn\":\"1\",\"id\":\"0123\",\"kind\":\"command\"," ADDRESSED TIMES "\"body\":{}}", "id", "32"},
	{"{\"dsn\":\"1\",\"id\":\"0123456789abcdef0123456789abcdeg\",\"kind\":\"command\"," ADDRESSED TIMES
	 "\"body\":{}}",
	 "id", "32"},
	{HEAD "\"kind\":\"order\"," ADDRESSED TIMES "\"body\":{}}", "kind", "command, result, status"},
	{HEAD ADDRESSED TIMES "\"body\":{}}", "kind", ""},
	{HEAD "\"kind\":\"command\",\"to\":\"" TO "\"," TIMES "\"body\":{}}", "from", ""},
	{HEAD "\"kind\":\"command\",\"from\":\"\",\"to\":\"" TO "\"," TIMES "\"body\":{}}", "from", "40"},
	{HEAD "\"kind\":\"command\",\"from\":\"0x" FROM "\",\"to\":\"" TO "\"," TIMES "\"body\":{}}", "from", "40"},
	{HEAD "\"kind\":\"command\",\"from\":\"" FROM "\",\"to\":\"\"," TIMES "\"body\":{}}", "to", "40"},
	{HEAD "\"kind\":\"command\",\"from\":\"" FROM "\"," TIMES "\"body\":{}}", "to", ""},
	{HEAD "\"kind\":\"status\"," ADDRESSED TIMES "\"body\":{}}", "to", "empty"},
	{HEAD "\"kind\":\"command\"," ADDRESSED "\"ttl\":\"60000\",\"body\":{}}", "time", ""},
	{HEAD "\"kind\":\"command\"," ADDRESSED "\"time\":1,\"ttl\":\"60000\",\"body\":{}}", "time", "string"},
	{HEAD "\"kind\":\"command\"," ADDRESSED "\"time\":\"-1\",\"ttl\":\"60000\",\"body\":{}}", "time", ""},
	{HEAD "\"kind\":\"command\"," ADDRESSED "\"time\":\"99999999999999999999\",\"ttl\":\"60000\",\"body\":{}}",
	 "time", ""},
	{HEAD "\"kind\":\"command\"," ADDRESSED "\"time\":\"1\",\"ttl\":\"999\",\"body\":{}}", "ttl", "1000"},
	{HEAD "\"kind\":\"command\"," ADDRESSED "\"time\":\"1\",\"ttl\":\"604800001\",\"body\":{}}", "ttl",
	 "604800000"},
	{HEAD "\"kind\":\"command\"," ADDRESSED "\"time\":\"1\",\"ttl\":\"6e4\",\"body\":{}}", "ttl", ""},
	{HEAD "\"kind\":\"command\"," ADDRESSED "\"time\":\"1\",\"ttl\":\"01000\",\"body\":{}}", "ttl", ""},
	{COMMAND RE "\"body\":{}}", "re", "result"},
	{COMMAND "\"term\":\"0\",\"body\":{}}", "term", ""},
	{COMMAND "\"term\":7,\"body\":{}}", "term", ""},
	{HEAD "\"kind\":\"result\"," ADDRESSED TIMES RE "\"term\":\"7\",\"body\":{\"state\":\"applied\"}}", "term",
	 "command"},
	{HEAD "\"kind\":\"result\"," ADDRESSED TIMES "\"body\":{\"state\":\"applied\"}}", "re", ""},
	{HEAD "\"kind\":\"result\"," ADDRESSED TIMES "\"re\":\"12\",\"body\":{\"state\":\"applied\"}}", "re", "32"},
	{COMMAND "\"ttl2\":\"1\"}", "ttl2", ""},
	{HEAD "\"kind\":\"command\"," ADDRESSED "\"time\":\"1\",\"ttl\":\"60000\"}", "body", ""},
	{COMMAND "\"body\":\"text\"}", "body", "object"},
	{COMMAND "\"body\":[]}", "body", "object"},
	{RESULT "\"body\":{}}", "body.state", ""},
	{RESULT "\"body\":{\"state\":\"done\"}}", "body.state", "applied"},
	{RESULT "\"body\":{\"state\":\"failed\"}}", "body.error", ""},
	{RESULT "\"body\":{\"state\":\"failed\",\"error\":\"x\"}}", "body.error", "object"},
	{RESULT "\"body\":{\"state\":\"failed\",\"error\":{\"code\":\"invalid\"}}}", "body.error.message", ""},
	{RESULT "\"body\":{\"state\":\"failed\",\"error\":{\"message\":\"x\"}}}", "body.error.code", ""},
	{RESULT "\"body\":{\"state\":\"failed\",\"error\":{\"code\":\"a\",\"message\":\"b\",\"more\":\"c\"}}}",
	 "body.error.more", ""},
	{RESULT "\"body\":{\"state\":\"applied\",\"error\":{\"code\":\"a\",\"message\":\"b\"}}}", "body.error",
	 "failed"},
	{RESULT "\"body\":{\"state\":\"applied\",\"data\":\"x\"}}", "body.data", "object"},
	{RESULT "\"body\":{\"state\":\"applied\",\"mood\":\"good\"}}", "body.mood", ""},
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *r = &refusals[i];
		struct message *m = NULL;
		struct error *e = message_decode(NULL, r->text, strlen(r->text), false, NULL, &m);

		if (!e)
			fail_msg("accepted: %s", r->text);
		assert_null(m);
		assert_int_equal(e->code, ERROR_INVALID);
		if (!strstr(e->message, r->place) || !strstr(e->message, r->reason))
			fail_msg("row %zu: \"%s\" does not name \"%s\" and \"%s\"", i, e->message, r->place, r->reason);
		error_free(e);
	}
}

static void test_too_large(void **state)
{
	size_t len = MESSAGE_LIMIT + 1;
	char *text = mem_array(NULL, char, len);
	struct message *m = NULL;
	struct error *e;

	(void)state;
	memset(text, ' ', len);
	e = message_decode(NULL, text, len, true, NULL, &m);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_LIMIT);
	assert_null(m);
	error_free(e);
	mem_free(text);
}

static struct message *decode(const char *text, bool plain, const char *salt)
{
	struct message *m = NULL;
	struct error *e = message_decode(NULL, text, strlen(text), plain, salt, &m);

	if (e)
		fail_msg("%s", e->message);
	return m;
}

static void test_round_trip(void **state)
{
	json_t *body = json_pack("{s:s}", "pipeline", "start");
	struct message *m = message_new(NULL, MESSAGE_COMMAND, FROM, TO, 60000, body), *back;
	char *text;

	(void)state;
	m->term = INT64_MAX;
	text = message_encode(NULL, m);
	assert_int_equal(strlen(m->id), 32);
	back = decode(text, false, NULL);
	assert_string_equal(back->id, m->id);
	assert_int_equal(back->kind, MESSAGE_COMMAND);
	assert_string_equal(back->from, FROM);
	assert_string_equal(back->to, TO);
	assert_int_equal(back->time_ms, m->time_ms);
	assert_int_equal(back->ttl_ms, 60000);
	assert_true(back->term == INT64_MAX);
	assert_null(back->re);
	assert_false(back->plain);
	assert_true(json_equal(back->body, body));
	mem_free(text);
	mem_free(m);
	mem_free(back);
	json_decref(body);
}

static void test_results(void **state)
{
	struct message *command = decode(COMMAND "\"body\":{}}", false, NULL);
	struct error *why = error_new(ERROR_LIMIT, "no capacity"), *failure = NULL;
	json_t *data = json_pack("{s:s}", "url", "rtmp"), *got = NULL;
	struct message *good = message_result(NULL, command, TO, NULL, data);
	struct message *bad = message_result(NULL, command, TO, why, NULL);
	char *texts[2] = {message_encode(NULL, good), message_encode(NULL, bad)};
	struct message *back[2] = {decode(texts[0], false, NULL), decode(texts[1], false, NULL)};

	(void)state;
	assert_string_equal(back[0]->re, ID);
	assert_string_equal(back[0]->to, FROM);
	assert_string_equal(back[0]->from, TO);
	assert_null(message_read_result(back[0], &failure, &got));
	assert_null(failure);
	assert_true(json_equal(got, data));

	assert_null(message_read_result(back[1], &failure, &got));
	assert_non_null(failure);
	assert_int_equal(failure->code, ERROR_LIMIT);
	assert_string_equal(failure->message, "no capacity");
	assert_null(got);
	error_free(failure);

	failure = message_read_result(command, &failure, &got);
	assert_non_null(failure);
	error_free(failure);
	for (int i = 0; i < 2; i++) {
		mem_free(texts[i]);
		mem_free(back[i]);
	}
	mem_free(good);
	mem_free(bad);
	mem_free(command);
	error_free(why);
	json_decref(data);
}

static void test_plain(void **state)
{
	static const char text[] = "{\"command\":\"node\"}";
	struct message *one = decode(text, true, "a"), *same = decode(text, true, "a"),
		       *other = decode(text, true, "b");
	struct message *none = NULL;
	struct error *e;
	char *again;

	(void)state;
	assert_true(one->plain);
	assert_int_equal(one->kind, MESSAGE_COMMAND);
	assert_string_equal(one->from, "");
	assert_int_equal(one->ttl_ms, 0);
	assert_false(message_expired(one, INT64_MAX));
	assert_int_equal(strlen(one->id), 32);
	assert_string_equal(one->id, same->id);
	assert_string_not_equal(one->id, other->id);
	again = message_encode(one, one);
	assert_string_equal(again, text);
	/* Not where it is not allowed, and never by a broken envelope. */
	e = message_decode(NULL, text, strlen(text), false, NULL, &none);
	assert_non_null(e);
	error_free(e);
	e = message_decode(NULL, "{\"dsn\":\"7\"}", 11, true, NULL, &none);
	assert_non_null(e);
	error_free(e);
	mem_free(one);
	mem_free(same);
	mem_free(other);
}

static void test_expiry(void **state)
{
	struct message *m = decode(COMMAND "\"body\":{}}", false, NULL);

	(void)state;
	assert_false(message_expired(m, 1700000000000 + 60000));
	assert_true(message_expired(m, 1700000000000 + 60001));
	/* The receiver's clock may be ahead by five minutes. */
	assert_false(message_is_void(m, 1700000000000 + 60000 + 300000));
	assert_true(message_is_void(m, 1700000000000 + 60001 + 300000));
	mem_free(m);
}

static void test_status(void **state)
{
	struct message *m =
		decode(HEAD "\"kind\":\"status\",\"from\":\"" FROM "\",\"to\":\"\"," TIMES "\"body\":{}}", false, NULL);

	(void)state;
	assert_int_equal(m->kind, MESSAGE_STATUS);
	assert_string_equal(m->to, "");
	mem_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_too_large), cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_results),  cmocka_unit_test(test_plain),     cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_status),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
