/* Which addresses a stranger's word may lead to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"
#include "http/reach.h"

#define NETWORKS 4

static struct error *check(const struct http_reach *r, const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return http_reach_check(r, (const struct sockaddr *)&v4);
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return http_reach_check(r, (const struct sockaddr *)&v6);
}

static void expect(const struct http_reach *r, const char *text, const char *refusal)
{
	struct error *e = check(r, text);

	if (!refusal && e)
		fail_msg("%s: %s", text, e->message);
	if (refusal && (!e || e->code != ERROR_REFUSED || !strstr(e->message, refusal)))
		fail_msg("%s: %s", text, e ? e->message : "was let through");
	error_free(e);
}

/* Each row at its both ends, and beside them. */
static const struct {
	const char *address, *refusal; /* NULL: public */
	bool local;                    /* may be reached from this machine's own */
} rows[] = {
	{"0.0.0.0", "0.0.0.0 is the address of no host", false},
	{"0.255.255.255", "no host", false},
	{"1.0.0.0", NULL, true},
	{"9.255.255.255", NULL, true},
	{"10.0.0.0", "10.0.0.0 is private", true},
	{"10.255.255.255", "private", true},
	{"11.0.0.0", NULL, true},
	{"100.63.255.255", NULL, true},
	{"100.64.0.0", "a provider's own", true},
	{"100.100.100.200", "a provider's own", true},
	{"100.127.255.255", "a provider's own", true},
	{"100.128.0.0", NULL, true},
	{"126.255.255.255", NULL, true},
	{"127.0.0.1", "127.0.0.1 is this machine", true},
	{"127.255.255.255", "this machine", true},
	{"128.0.0.0", NULL, true},
	{"169.253.255.255", NULL, true},
	{"169.254.0.0", "link-local", false},
	{"169.254.169.254", "169.254.169.254 is link-local", false},
	{"169.254.255.255", "link-local", false},
	{"169.255.0.0", NULL, true},
	{"172.15.255.255", NULL, true},
	{"172.16.0.0", "private", true},
	{"172.31.255.255", "private", true},
	{"172.32.0.0", NULL, true},
	{"192.0.0.192", "of a special purpose", true},
	{"192.0.1.0", NULL, true},
	{"192.167.255.255", NULL, true},
	{"192.168.0.0", "private", true},
	{"192.168.255.255", "private", true},
	{"192.169.0.0", NULL, true},
	{"198.18.0.0", "of a special purpose", true},
	{"198.19.255.255", "of a special purpose", true},
	{"198.20.0.0", NULL, true},
	{"223.255.255.255", NULL, true},
	{"224.0.0.1", "a group", false},
	{"239.255.255.255", "a group", false},
	{"240.0.0.0", "reserved", false},
	{"255.255.255.255", "reserved", false},
	{"::", "no host", false},
	{"::1", "this machine", true},
	{"::2", "no host", false},
	{"::7f00:1", "no host", false}, /* "IPv4-compatible", given up (RFC 4291, 2.5.5.1) */
	{"::ffff:8.8.8.8", NULL, true},
	{"::ffff:127.0.0.1", "127.0.0.1 is this machine", true},
	{"::ffff:169.254.169.254", "link-local", false},
	{"::ffff:0.0.0.0", "no host", false},
	{"64:ff9b::8.8.8.8", NULL, true},
	{"64:ff9b::169.254.169.254", "169.254.169.254 is link-local", false},
	{"64:ff9b::127.0.0.1", "this machine", true},
	{"64:ff9b:1::1", "reserved", false},
	{"2002:808:808::1", NULL, true},
	{"2002:a9fe:a9fe::1", "169.254.169.254 is link-local", false},
	{"2002:7f00:1::", "this machine", true},
	{"2001:db8::1", NULL, true},
	{"3fff:ffff::1", NULL, true},
	{"4000::1", "reserved", false},
	{"fbff::1", "reserved", false},
	{"fc00::1", "private", true},
	{"fd00:ec2::254", "private", true},
	{"fe7f::1", "reserved", false},
	{"fe80::1", "link-local", false},
	{"febf::1", "link-local", false},
	{"fec0::1", "site-local", true},
	{"ff02::1", "a group", false},
};

static void test_kinds(void **state)
{
	const struct http_reach far = {.local = false}, near = {.local = true};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expect(&far, rows[i].address, rows[i].refusal);
		expect(&near, rows[i].address, rows[i].local ? NULL : rows[i].refusal);
	}
}

/* What is listed may be reached, but for what no host has. */
static void test_listed(void **state)
{
	static const char *const texts[NETWORKS] = {"192.168.16.0/20", "169.254.7.9", "fd12:3456::/32", "::/0"};
	struct http_reach_network networks[NETWORKS];
	struct http_reach r = {.networks = networks, .count = NETWORKS - 1};

	(void)state;
	for (size_t i = 0; i < NETWORKS; i++)
		assert_null(http_reach_read(texts[i], &networks[i]));
	expect(&r, "192.168.15.255", "private");
	expect(&r, "192.168.16.0", NULL);
	expect(&r, "192.168.31.255", NULL);
	expect(&r, "::ffff:192.168.31.255", NULL);
	expect(&r, "192.168.32.0", "private");
	expect(&r, "169.254.7.9", NULL);
	expect(&r, "169.254.7.8", "link-local");
	expect(&r, "fd12:3456:7::1", NULL);
	expect(&r, "fd12:3457::1", "private");
	expect(&r, "127.0.0.1", "this machine");
	r.count = NETWORKS;
	expect(&r, "127.0.0.1", NULL);
	expect(&r, "fe80::1", NULL);
	expect(&r, "224.0.0.1", "a group");
	expect(&r, "ff02::1", "a group");
	expect(&r, "0.0.0.0", "no host");
	expect(&r, "::", "no host");
}

static void test_refusals(void **state)
{
	static const char *const texts[] = {
		"",
		"10.0.0.0/33",
		"10.0.0.0/",
		"10.0.0.0/-1",
		"10.0.0.0/ 8",
		"10.0.0.0/8/8",
		"10.0.0.1/8",
		"10.0.0/8",
		"fd00::/129",
		"fd00::1/8",
		"localhost",
		"10.0.0.0/0x8",
		"10.0.0.0/0008",
		"[fd00::]/8",
		"fe80::1%lo/128",
		"1.2.3.4.5",
		"/8",
		"fd00:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/8",
	};
	struct http_reach_network n = {.bits = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct error *e = http_reach_read(texts[i], &n);

		if (!e || e->code != ERROR_INVALID)
			fail_msg("\"%s\": %s", texts[i], e ? e->message : "was taken");
		error_free(e);
	}
	assert_int_equal(n.bits, 7);
}

static void test_no_address(void **state)
{
	const struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/run/x"};
	const struct http_reach r = {.local = true};
	struct error *e = http_reach_check(&r, (const struct sockaddr *)&local);

	(void)state;
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_REFUSED);
	error_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_listed),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_no_address),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
