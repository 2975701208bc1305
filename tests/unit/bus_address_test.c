#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bus/amqp_address.h"

/* Good URLs and what they mean. */
static const struct good {
	const char *url, *host;
	int port;
	const char *vhost, *user;
	bool tls;
} goods[] = {
	{"amqp://127.0.0.1", "127.0.0.1", 5672, "/", "guest", false},
	{"amqp://localhost/", "localhost", 5672, "/", "guest", false},
	{"amqp://127.8.9.1:1/x", "127.8.9.1", 1, "x", "guest", false},
	{"amqp://[::1]:65535/a%2Fb", "::1", 65535, "a/b", "guest", false},
	{"amqp://[::1]", "::1", 5672, "/", "guest", false},
	{"amqp://me@broker.example/%2f", "broker.example", 5672, "/", "me", false},
	{"amqp://me%40home@localhost/v", "localhost", 5672, "v", "me@home", false},
};

/* Refused, naming the reason, and never what could be a password. */
static const struct bad {
	const char *url, *reason;
} bads[] = {
	{"", "amqp://"},
	{"http://localhost/", "amqp://"},
	{"amqp:/localhost", "amqp://"},
	{"amqp://", "host"},
	{"amqp:///vhost", "host"},
	{"amqp://localhost:0/", "port"},
	{"amqp://localhost:65536/", "port"},
	{"amqp://localhost:/", "port"},
	{"amqp://localhost:5672x/", "port"},
	{"amqp://localhost:+5/", "port"},
	{"amqp://[::1/", "]"},
	{"amqp://[::1]x/", "]"},
	{"amqp://local host/", "character"},
	{"amqp://localhost/a/b", "%2F"},
	{"amqp://localhost/%2", "vhost"},
	{"amqp://localhost/%00", "vhost"},
	{"amqp://localhost/?heartbeat=1", "query"},
	{"amqp://@localhost/", "user"},
	{"amqp://me%zz@localhost/", "user"},
	{"amqp://me:sesame@localhost/", "password"},
	{"amqp://me:ses/ame@localhost/", "password"},
	{"amqp://broker.example/", "user"},
	{"amqp://guest@broker.example/", "password"},
	{"amqp://me@localhost/", "password"},
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
		const struct good *g = &goods[i];
		struct bus_options o = {.url = g->url};
		struct amqp_address *a = NULL;
		struct error *e;

		setenv("DSN_BROKER_PASSWORD", "sesame", 1);
		e = amqp_address_new(NULL, &o, &a);
		if (e)
			fail_msg("%s: %s", g->url, e->message);
		assert_string_equal(a->host, g->host);
		assert_int_equal(a->port, g->port);
		assert_string_equal(a->vhost, g->vhost);
		assert_string_equal(a->user, g->user);
		assert_int_equal(a->tls, g->tls);
		assert_string_equal(a->password, "sesame");
		mem_free(a);
	}
	unsetenv("DSN_BROKER_PASSWORD");
}

static void test_bad(void **state)
{
	(void)state;
	unsetenv("DSN_BROKER_PASSWORD");
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct bus_options o = {.url = bads[i].url};
		struct amqp_address *a = NULL;
		struct error *e = amqp_address_new(NULL, &o, &a);

		if (!e)
			fail_msg("accepted: %s", bads[i].url);
		assert_null(a);
		assert_int_equal(e->code, ERROR_INVALID);
		if (!strstr(e->message, bads[i].reason))
			fail_msg("%s: \"%s\" does not say \"%s\"", bads[i].url, e->message, bads[i].reason);
		assert_null(strstr(e->message, "sesame"));
		assert_null(strstr(e->message, "ses/ame"));
		error_free(e);
	}
}

static void test_tls_files(void **state)
{
	struct bus_options plain = {.url = "amqp://localhost/", .ca_file = "/dev/null"};
	struct bus_options missing = {.url = "amqps://localhost/", .ca_file = "/nonexistent/ca.pem"};
	struct bus_options half = {.url = "amqps://localhost/", .ca_file = "/dev/null", .cert_file = "/dev/null"};
	struct bus_options good = {.url = "amqps://localhost/", .ca_file = "/dev/null"};
	struct amqp_address *a = NULL;
	struct error *e;

	(void)state;
	e = amqp_address_new(NULL, &plain, &a);
	assert_int_equal(e->code, ERROR_INVALID);
	error_free(e);
	e = amqp_address_new(NULL, &missing, &a);
	assert_int_equal(e->code, ERROR_NOT_FOUND);
	error_free(e);
	e = amqp_address_new(NULL, &half, &a);
	assert_int_equal(e->code, ERROR_INVALID);
	error_free(e);
	assert_null(amqp_address_new(NULL, &good, &a));
	assert_true(a->tls);
	assert_int_equal(a->port, 5671);
	assert_string_equal(a->password, "guest");
	mem_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_tls_files),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
