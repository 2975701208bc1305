/* URLs of the bus over Whisper: what they mean, what is refused and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "bus/whisper_address.h"

#define KEY                                                                \
	"1dd9d65c4552b5eb43d5ad55a2ee3f56c6cbc1c64a5c8d659f51fcd51bace243" \
	"51232b8d7821617d2b29b54b81cdefb9b3e9c37d7fd5f63270bcc9e1a6f6a439"
#define A "enode://" KEY "@10.0.0.1:30303"
#define B "enode://" KEY "@[::1]:1?discport=2"

static struct whisper_address *read_good(const char *url)
{
	struct whisper_address *a = NULL;
	struct error *e = whisper_address_new(NULL, url, &a);

	if (e)
		fail_msg("%s: %s", url, e->message);
	assert_null(whisper_address_check(url));
	return a;
}

static void test_embedded(void **state)
{
	struct whisper_address *a = read_good("shh:///?peer=" A "&bootnode=" B "&peer=enode%3A%2F%2F" KEY
					      "%40host.example%3A5%3fx%3d1%26y%3D2"
					      "&listen=0.0.0.0:30303&announce=public.example&rule=legacy&");

	(void)state;
	assert_true(a->embedded);
	assert_string_equal(a->peers[0], A);
	assert_string_equal(a->peers[1], "enode://" KEY "@host.example:5?x=1&y=2");
	assert_null(a->peers[2]);
	assert_string_equal(a->bootnodes[0], B);
	assert_null(a->bootnodes[1]);
	assert_string_equal(a->listen_host, "0.0.0.0");
	assert_int_equal(a->listen_port, 30303);
	assert_string_equal(a->announce, "public.example");
	assert_int_equal(a->rule, POW_LEGACY);
	mem_free(a);

	a = read_good("shh:///?listen=[::1]:0");
	assert_string_equal(a->listen_host, "::1");
	assert_int_equal(a->listen_port, 0);
	assert_null(a->announce);
	assert_null(a->peers[0]);
	assert_null(a->bootnodes[0]);
	assert_int_equal(a->rule, POW_EIP627);
	mem_free(a);
}

static void test_shhd(void **state)
{
	static const struct {
		const char *url, *host;
		int port;
	} goods[] = {
		{"shh://127.0.0.1:8545", "127.0.0.1", 8545},
		{"shh://whisper.example", "whisper.example", 8545},
		{"shh://whisper.example/", "whisper.example", 8545},
		{"shh://[::1]:1", "::1", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
		struct whisper_address *a = read_good(goods[i].url);

		assert_false(a->embedded);
		assert_string_equal(a->host, goods[i].host);
		assert_int_equal(a->port, goods[i].port);
		mem_free(a);
	}
}

static void test_refusals(void **state)
{
	static const struct {
		const char *url, *says;
	} bads[] = {
		{"", "shh:///?peer="},
		{"amqp://localhost/", "shh:///?peer="},
		{"shh:/localhost", "shh:///?peer="},
		{"shh://", "host"},
		{"shh:///", "peer="},
		{"shh:///?", "peer="},
		{"shh:///x", "path"},
		{"shh:///?rule=legacy", "peer="},
		{"shh:///?peer", "after \"?\""},
		{"shh:///?pear=" A, "after \"?\""},
		{"shh:///?peer=enode://12@1.2.3.4:5", "peer: invalid enode"},
		{"shh:///?peer=", "peer: invalid enode"},
		{"shh:///?peer=enode://" KEY, "no address"},
		{"shh:///?bootnode=enode://" KEY "@1.2.3.4:0", "no address"},
		{"shh:///?peer=%zz", "percent"},
		{"shh:///?peer=%4", "percent"},
		{"shh:///?peer=%", "percent"},
		{"shh:///?peer=x%00", "percent"},
		{"shh:///?listen=30303", "IP address"},
		{"shh:///?listen=host.example:1", "IP address"},
		{"shh:///?listen=1.2.3.4", "ADDRESS:PORT"},
		{"shh:///?listen=:1", "host"},
		{"shh:///?listen=1.2.3.4:65536", "port"},
		{"shh:///?listen=1.2.3.4:x", "port"},
		{"shh:///?listen=1.2.3.4:", "port"},
		{"shh:///?listen=[::1:5", "]"},
		{"shh:///?listen=[::1]5", "]"},
		{"shh:///?listen=1.2.3.4:1&listen=1.2.3.4:2", "twice"},
		{"shh:///?listen=1.2.3.4:1&announce=a&announce=b", "twice"},
		{"shh:///?listen=1.2.3.4:1&announce=a%20b", "character"},
		{"shh:///?peer=" A "&announce=a", "announce wants listen"},
		{"shh:///?peer=" A "&rule=new", "rule"},
		{"shh://token@localhost", "token"},
		{"shh://localhost/?x", "query"},
		{"shh://localhost?peer=" A, "user"}, /* "@" */
		{"shh://localhost/path", "path"},
		{"shh://localhost:0", "port"},
		{"shh://localhost:65536", "port"},
		{"shh://localhost:+1", "port"},
		{"shh://localhost:", "port"},
		{"shh://local host", "character"},
		{"shh://[::1", "]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct error *e = whisper_address_check(bads[i].url);

		if (!e)
			fail_msg("%s: taken", bads[i].url);
		if (!strstr(e->message, bads[i].says))
			fail_msg("%s: %s", bads[i].url, e->message);
		assert_int_equal(e->code, ERROR_INVALID);
		error_free(e);
	}
}

static void test_bounds(void **state)
{
	char *url = mem_strdup(NULL, "shh:///?listen=127.0.0.1:0"), *longer;
	struct error *e;

	(void)state;
	for (int i = 0; i <= WHISPER_ENODES_MAX; i++) {
		if (i == WHISPER_ENODES_MAX)
			assert_null(whisper_address_check(url));
		longer = mem_printf(NULL, "%s&peer=" A, url);
		mem_free(url);
		url = longer;
	}
	e = whisper_address_check(url);
	assert_non_null(e);
	assert_non_null(strstr(e->message, "more than"));
	error_free(e);
	mem_free(url);

	url = mem_array(NULL, char, WHISPER_URL_MAX + 2);
	memset(url, '&', WHISPER_URL_MAX + 1);
	memcpy(url, "shh:///?listen=1.2.3.4:5", 24);
	e = whisper_address_check(url);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	url[WHISPER_URL_MAX] = 0;
	assert_null(whisper_address_check(url));
	mem_free(url);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_embedded),
		cmocka_unit_test(test_shhd),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
