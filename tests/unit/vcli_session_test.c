/* Logins: what is signed is read again; what was changed, is over, or is no login is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "vcli/chain/session.h"

#define NOW 1000000

static struct session_terms terms;
static struct secp_key key;

static int setup(void **state)
{
	(void)state;
	secp_key_new(&key);
	terms = (struct session_terms){
		.chain_id = 31337, .accounts = {1}, .challenge = {2}, .issued = NOW, .expires = NOW + 60};
	secp_address(key.public, terms.account);
	return 0;
}

static json_t *made(void)
{
	json_t *session = NULL;

	assert_null(session_sign(&terms, &key, &session));
	return session;
}

static void refused(json_t *session, uint64_t now, enum error_code code, const char *part)
{
	struct session_terms got;
	struct error *e = session_read(session, now, &got);

	assert_non_null(e);
	assert_int_equal(e->code, code);
	if (!strstr(e->message, part))
		fail_msg("\"%s\" has no \"%s\"", e->message, part);
	error_free(e);
	json_decref(session);
}

static void what_is_signed_is_read(void **state)
{
	json_t *session = made();
	struct session_terms got = {0};

	(void)state;
	assert_null(session_read(session, NOW, &got));
	assert_int_equal(got.chain_id, terms.chain_id);
	assert_memory_equal(got.account, terms.account, sizeof(got.account));
	assert_memory_equal(got.accounts, terms.accounts, sizeof(got.accounts));
	assert_memory_equal(got.challenge, terms.challenge, sizeof(got.challenge));
	assert_int_equal(got.expires, terms.expires);
	json_decref(session);
}

static void only_in_its_time(void **state)
{
	(void)state;
	refused(made(), NOW + 60, ERROR_REFUSED, "ended at");
	refused(made(), NOW - 301, ERROR_REFUSED, "begins at");
}

static void anothers_key(void **state)
{
	json_t *session = NULL;
	struct error *e;

	(void)state;
	terms.account[0] ^= 1;
	e = session_sign(&terms, &key, &session);
	assert_non_null(e);
	error_free(e);
}

/* document.<of>.<member> = value */
static json_t *changed(const char *of, const char *member, json_t *value)
{
	json_t *session = made();

	json_object_set_new(json_object_get(json_object_get(session, "document"), of), member, value);
	return session;
}

static void what_was_changed(void **state)
{
	json_t *session;

	(void)state;
	refused(changed("message", "expires", json_string("2000000")), NOW, ERROR_INVALID, "signature");
	refused(changed("domain", "chainId", json_string("1")), NOW, ERROR_INVALID, "signature");
	refused(changed("domain", "name", json_string("other")), NOW, ERROR_INVALID, "is not that of a login");
	refused(changed("types", "Login", json_array()), NOW, ERROR_INVALID, "is not that of a login");
	session = made();
	json_object_set_new(session, "signature", json_string("0x00"));
	refused(session, NOW, ERROR_INVALID, "signature");
}

static void what_is_no_login(void **state)
{
	(void)state;
	refused(json_object(), NOW, ERROR_INVALID, "document");
	refused(json_pack("{s:{}}", "document"), NOW, ERROR_INVALID, "document.domain");
	refused(changed("domain", "chainId", json_integer(1)), NOW, ERROR_INVALID, "document.domain.chainId");
	refused(changed("domain", "verifyingContract", json_string("0x1")), NOW, ERROR_INVALID, "verifyingContract");
	refused(changed("message", "account", json_null()), NOW, ERROR_INVALID, "document.message.account");
	refused(changed("message", "challenge", json_string("0x12")), NOW, ERROR_INVALID, "document.message.challenge");
	refused(changed("message", "issued", json_string("-1")), NOW, ERROR_INVALID, "document.message.issued");
	refused(changed("message", "expires", json_string("99999999999999999999")), NOW, ERROR_INVALID,
		"document.message.expires");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_signed_is_read, setup), cmocka_unit_test_setup(only_in_its_time, setup),
		cmocka_unit_test_setup(anothers_key, setup),           cmocka_unit_test_setup(what_was_changed, setup),
		cmocka_unit_test_setup(what_is_no_login, setup),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
