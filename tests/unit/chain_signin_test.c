/* Sign-In with Ethereum: messages of the standard's form, each way to be none, instants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "chain/signin.h"

#define ADDRESS "0x52908400098527886E0F7030069857D2E4169EE7"
#define HEAD "example.org wants you to sign in with your Ethereum account:\n" ADDRESS "\n\n"
#define NEEDED \
	"URI: https://example.org/login\nVersion: 1\nChain ID: 1\nNonce: 32891756\nIssued At: 2021-09-30T16:25:24Z"
#define WHOLE HEAD "I accept.\n\n" NEEDED

static void must(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static void test_all_fields(void **state)
{
	static const char text[] =
		"https://example.org:8443 wants you to sign in with your Ethereum account:\n" ADDRESS
		"\n\nI accept.\n\n"
		"URI: https://example.org:8443/login\nVersion: 1\nChain ID: 137\nNonce: 32891756abC\n"
		"Issued At: 2021-09-30T16:25:24.250Z\nExpiration Time: 2021-09-30T17:25:24.000Z\n"
		"Not Before: 2021-09-30T16:00:00.000Z\nRequest ID: a-b\nResources:\n- ipfs://ab/\n- https://x.org/y?z#1";
	void *ctx = mem_strdup(NULL, "");
	struct signin s;

	(void)state;
	must(signin_read(ctx, text, strlen(text), &s));
	assert_string_equal(s.scheme, "https");
	assert_string_equal(s.domain, "example.org:8443");
	assert_int_equal(s.address[0], 0x52);
	assert_string_equal(s.statement, "I accept.");
	assert_string_equal(s.uri, "https://example.org:8443/login");
	assert_int_equal(s.chain_id, 137);
	assert_string_equal(s.nonce, "32891756abC");
	assert_int_equal(s.issued_ms, INT64_C(1633019124250));
	assert_int_equal(s.expires_ms - s.issued_ms, 3600000 - 250);
	assert_int_equal(s.not_before_ms, INT64_C(1633017600000));
	assert_string_equal(s.request_id, "a-b");
	assert_string_equal(s.resources[1], "https://x.org/y?z#1");
	assert_null(s.resources[2]);
	assert_string_equal(signin_write(ctx, &s), text);
	mem_free(ctx);
}

static void test_least(void **state)
{
	static const char text[] = HEAD "\n" NEEDED;
	void *ctx = mem_strdup(NULL, "");
	struct signin s;

	(void)state;
	must(signin_read(ctx, text, strlen(text), &s));
	assert_null(s.scheme);
	assert_null(s.statement);
	assert_int_equal(s.expires_ms, 0);
	mem_free(ctx);
}

static const struct {
	const char *text, *said;
} refusals[] = {
	{"", "0 bytes"},
	{"a\r\nb", "byte 0x0d at 1"},
	{"a\xc3\xa4", "byte 0xc3 at 1"},
	{"example.org wants you to sign in", "first line is not"},
	{" wants you to sign in with your Ethereum account:\n", "first line is not"},
	{"ex/ample wants you to sign in with your Ethereum account:\n", "first line has no domain"},
	{"a@b wants you to sign in with your Ethereum account:\n", "first line has no domain"},
	{"://b wants you to sign in with your Ethereum account:\n", "first line has no scheme"},
	{"b wants you to sign in with your Ethereum account:", "second line is no address"},
	{"b wants you to sign in with your Ethereum account:\n52908400098527886E0F7030069857D2E4169EE7\n",
	 "second line is no address"},
	{"b wants you to sign in with your Ethereum account:\n0x5290\n", "second line is no address"},
	{"b wants you to sign in with your Ethereum account:\n0x52908400098527886e0f7030069857d2e4169ee7\n", "EIP-55"},
	{"b wants you to sign in with your Ethereum account:\n" ADDRESS "\n" NEEDED, "empty lines"},
	{HEAD NEEDED, "empty lines"},
	{HEAD "one\ntwo\n\n" NEEDED, "empty lines"},
	{HEAD "\nVersion: 1", "\"URI: \""},
	{HEAD "\nURI: example\nVersion: 1", "URI: has no URI"},
	{HEAD "\nURI: https://a b\nVersion: 1", "URI: has no URI"},
	{HEAD "\nURI: https://a", "\"Version: \""},
	{HEAD "\nURI: https://a\nVersion: 2", "Version: is not 1"},
	{HEAD "\nURI: https://a\nVersion: 1\nNonce: 12345678", "\"Chain ID: \""},
	{HEAD "\nURI: https://a\nVersion: 1\nChain ID: -1", "Chain ID: 1 to"},
	{HEAD "\nURI: https://a\nVersion: 1\nChain ID: 1234567890123456789", "Chain ID: 1 to"},
	{HEAD "\nURI: https://a\nVersion: 1\nChain ID: 1\n", "\"Nonce: \""},
	{HEAD "\nURI: https://a\nVersion: 1\nChain ID: 1\nNonce: 1234567", "Nonce: at least"},
	{HEAD "\nURI: https://a\nVersion: 1\nChain ID: 1\nNonce: 1234567-8", "Nonce: at least"},
	{HEAD "\nURI: https://a\nVersion: 1\nChain ID: 1\nNonce: 12345678", "\"Issued At: \""},
	{HEAD "\nURI: https://a\nVersion: 1\nChain ID: 1\nNonce: 12345678\nIssued At: now", "Issued At: is no instant"},
	{WHOLE "\n", "no place"},
	{WHOLE "\nExpiration Time: soon", "Expiration Time: is no instant"},
	{WHOLE "\nNot Before: 2021-09-30", "Not Before: is no instant"},
	{WHOLE "\nNot Before: 2021-09-30T16:25:24Z\nExpiration Time: 2021-09-30T16:25:24Z", "no place"},
	{WHOLE "\nExpiration Time: 2021-09-30T16:25:24Z\nExpiration Time: 2021-09-30T16:25:24Z", "no place"},
	{WHOLE "\nRequest ID: a b", "Request ID: has letters"},
	{WHOLE "\nResources: ", "no place"},
	{WHOLE "\nResources:\nhttps://a", "\"- \""},
	{WHOLE "\nResources:\n- a", "Resources: has no URI"},
	{WHOLE "\nResources:\n- a:1\n- a:2\n- a:3\n- a:4\n- a:5\n- a:6\n- a:7\n- a:8\n- a:9", "at most 8"},
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		void *ctx = mem_strdup(NULL, "");
		struct signin s;
		struct error *e = signin_read(ctx, refusals[i].text, strlen(refusals[i].text), &s);

		if (!e)
			fail_msg("taken: %s", refusals[i].text);
		if (e->code != ERROR_INVALID || !strstr(e->message, refusals[i].said))
			fail_msg("%s\nis not: %s", e->message, refusals[i].said);
		error_free(e);
		mem_free(ctx);
	}
}

static void test_size(void **state)
{
	char text[SIGNIN_BYTES + 2];
	void *ctx = mem_strdup(NULL, "");
	const size_t head = strlen(HEAD), tail = strlen("\n\n" NEEDED);
	struct signin s;
	struct error *e;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, HEAD, head);
	memcpy(text + SIGNIN_BYTES - tail, "\n\n" NEEDED, tail);
	must(signin_read(ctx, text, SIGNIN_BYTES, &s));
	e = signin_read(ctx, text, SIGNIN_BYTES + 1, &s);
	assert_non_null(e);
	error_free(e);
	mem_free(ctx);
}

static void test_instants(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-01-31T12:00:00+01:00", INT64_C(1769857200000)},
		{"2026-01-31T10:30:00.123456789-00:30", INT64_C(1769857200123)},
		{"2024-02-29T00:00:00.5Z", INT64_C(1709164800500)},
	};
	static const char *const bad[] = {
		"",
		"1969-12-31T23:59:59Z",
		"2026-02-29T00:00:00Z",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-01-00T00:00:00Z",
		"2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z",
		"2026-01-01T00:00:60Z",
		"2026-01-01 00:00:00Z",
		"2026-01-01T00:00:00",
		"2026-01-01T00:00:00.Z",
		"2026-01-01T00:00:00.1234567890Z",
		"2026-01-01T00:00:00+1:00",
		"2026-01-01T00:00:00+24:00",
		"2026-01-01T00:00:00Z ",
		"12026-01-01T00:00:00Z",
	};
	int64_t ms = -1;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		must(signin_read_time(good[i].text, &ms));
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error *e = signin_read_time(bad[i], &ms);

		if (!e)
			fail_msg("taken: %s", bad[i]);
		error_free(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_fields), cmocka_unit_test(test_least),    cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_size),       cmocka_unit_test(test_instants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
