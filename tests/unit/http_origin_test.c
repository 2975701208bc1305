/* Origins: as browsers write them, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "http/origin.h"

static void test_forms(void **state)
{
	static const struct {
		const char *url;
		int port;
		const char *text, *authority;
		bool tls, loopback;
		int at;
	} rows[] = {
		{"https://Example.ORG", 0, "https://example.org", "example.org", true, false, 443},
		{"https://example.org:443/", 0, "https://example.org", "example.org", true, false, 443},
		{"https://example.org:8443", 0, "https://example.org:8443", "example.org:8443", true, false, 8443},
		{"http://127.0.0.1", 8640, "http://127.0.0.1:8640", "127.0.0.1:8640", false, true, 8640},
		{"http://localhost:80", 8640, "http://localhost", "localhost", false, true, 80},
		{"http://[::1]:8640", 0, "http://[::1]:8640", "[::1]:8640", false, true, 8640},
		{"http://128.0.0.1", 0, "http://128.0.0.1", "128.0.0.1", false, false, 80},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_origin o;
		struct error *e = http_origin_read(rows[i].url, rows[i].port, &o);

		if (e)
			fail_msg("%s: %s", rows[i].url, e->message);
		assert_string_equal(o.text, rows[i].text);
		assert_string_equal(http_origin_authority(&o), rows[i].authority);
		assert_int_equal(o.tls, rows[i].tls);
		assert_int_equal(o.loopback, rows[i].loopback);
		assert_int_equal(o.port, rows[i].at);
	}
}

static void test_refusals(void **state)
{
	static const struct {
		const char *url, *said;
	} rows[] = {
		{"", "is not http"},
		{"ftp://a", "is not http"},
		{"HTTP://a", "is not http"},
		{"http://", "no host"},
		{"http://a@b", "no host"},
		{"http://a b", "no host"},
		{"http://[a]", "no host"},
		{"http://[::1", "no host"},
		{"http://a:", "no port"},
		{"http://a:0", "no port"},
		{"http://a:65536", "no port"},
		{"http://a:+1", "no port"},
		{"http://a:000080", "no port"},
		{"http://a:80x", "something after"},
		{"http://a/b", "something after"},
		{"http://a?b", "something after"},
		{"http://a/#", "something after"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_origin o;
		struct error *e = http_origin_read(rows[i].url, 0, &o);

		if (!e)
			fail_msg("taken: %s", rows[i].url);
		if (!strstr(e->message, rows[i].said))
			fail_msg("%s: %s", rows[i].url, e->message);
		error_free(e);
	}
}

static void test_has(void **state)
{
	struct http_origin o;

	(void)state;
	error_free(http_origin_read("https://a.org", 0, &o));
	assert_true(http_origin_has(&o, "https://a.org"));
	assert_true(http_origin_has(&o, "https://a.org/login"));
	assert_true(http_origin_has(&o, "https://a.org?x"));
	assert_false(http_origin_has(&o, "https://a.org.evil.net"));
	assert_false(http_origin_has(&o, "https://a.org:444"));
	assert_false(http_origin_has(&o, "https://a.org@evil.net"));
	assert_false(http_origin_has(&o, "http://a.org"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
