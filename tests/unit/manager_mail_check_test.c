/* Calls over the bus that are not taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "manager/mail/mail_check.h"

#define NOW INT64_C(1800000000000)

static void taken(json_t *body, int64_t time_ms, int64_t ttl_ms)
{
	const struct message m = {.body = body, .time_ms = time_ms, .ttl_ms = ttl_ms};
	struct error *e = mail_check(&m, NOW);

	if (e)
		fail_msg("%s", e->message);
	json_decref(body);
}

static void refused(json_t *body, int64_t time_ms, int64_t ttl_ms, enum error_code code, const char *why)
{
	const struct message m = {.body = body, .time_ms = time_ms, .ttl_ms = ttl_ms};
	struct error *e = mail_check(&m, NOW);

	assert_non_null(e);
	assert_int_equal(e->code, code);
	if (!strstr(e->message, why))
		fail_msg("\"%s\" does not say \"%s\"", e->message, why);
	error_free(e);
	json_decref(body);
}

static json_t *call_of(const char *method)
{
	return json_pack("{s:{s:s}}", "rpc", "method", method);
}

static void test_times(void **state)
{
	(void)state;
	taken(call_of("orders.list"), NOW - 900000, 900000);
	taken(call_of("orders.list"), NOW + 600000, 900000);
	refused(call_of("orders.list"), NOW + 600001, 900000, ERROR_REFUSED, "600 s ahead");
	refused(call_of("orders.list"), INT64_MAX, 1, ERROR_REFUSED, "600 s ahead");
	refused(call_of("orders.list"), NOW, 900001, ERROR_INVALID, "900 s at most");
}

static void test_what_is_no_call(void **state)
{
	(void)state;
	refused(json_object(), NOW, 1000, ERROR_INVALID, "rpc: is missing");
	refused(json_pack("{s:s}", "rpc", "orders.list"), NOW, 1000, ERROR_INVALID, "rpc: is missing");
	taken(json_pack("{s:{s:i}}", "rpc", "method", 5), NOW, 1000); /* who reads the call refuses it */
	taken(json_pack("{s:{}}", "rpc"), NOW, 1000);
}

static void test_login(void **state)
{
	(void)state;
	taken(call_of("session.logout"), NOW, 1000);
	refused(call_of("session.login"), NOW, 1000, ERROR_REFUSED, "over the bus nobody needs a login");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_what_is_no_call),
		cmocka_unit_test(test_login),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
