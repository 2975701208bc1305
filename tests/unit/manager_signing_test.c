/* Logins by a signed message: each thing that is wrong with one, and nonces, which serve once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "chain/signin.h"
#include "chain/typed.h"
#include "manager/sessions/signing.h"

#define NOW_MS INT64_C(1800000000000)

struct world {
	struct signing_terms at;
	struct secp_key key;
	uint8_t address[ETH_ADDRESS_BYTES];
};

static void must(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static int setup(void **state)
{
	struct world *w = mem_new(NULL, struct world);

	must(http_origin_read("https://dsn.example.org", 0, &w->at.origin));
	w->at.chain_id = 7;
	w->at.challenges = challenges_new(w);
	w->at.wall_ms = NOW_MS;
	w->at.mono_ms = 1000;
	secp_key_new(&w->key);
	secp_address(w->key.public, w->address);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	mem_free(*state);
	return 0;
}

static char *sign(struct world *w, const struct secp_key *key, const char *message)
{
	uint8_t digest[32], signature[SECP_SIGNATURE_BYTES];

	typed_message_digest(message, strlen(message), digest);
	typed_digest_sign(key, digest, signature);
	return hex_encode(w, signature, sizeof(signature));
}

static void refused(struct error *e, enum error_code code, const char *said)
{
	if (!e)
		fail_msg("taken; this was expected: %s", said);
	if (e->code != code || !strstr(e->message, said))
		fail_msg("%s\nis not: %s", e->message, said);
	error_free(e);
}

static void test_message(void **state)
{
	struct world *w = *state;
	char *message = signing_message(w, &w->at, w->address);
	struct signing_proof proof;
	struct signin m;

	must(signin_read(w, message, strlen(message), &m));
	assert_string_equal(m.domain, "dsn.example.org");
	assert_string_equal(m.uri, "https://dsn.example.org/");
	assert_int_equal(m.chain_id, 7);
	assert_int_equal(m.expires_ms - m.issued_ms, CHALLENGES_LIFE_MS);
	must(signing_check(w, &w->at, message, sign(w, &w->key, message), &proof));
	must(signing_check(w, &w->at, message, mem_printf(w, "0x%s", sign(w, &w->key, message)), &proof));
	assert_memory_equal(proof.address, w->address, sizeof(w->address));
	must(challenges_use(w->at.challenges, proof.nonce, proof.address, w->at.mono_ms));
	refused(challenges_use(w->at.challenges, proof.nonce, proof.address, w->at.mono_ms), ERROR_REFUSED,
		"has served a login already");
}

/* A message as ours but for what `change` does to it, signed as it should be. */
static struct error *check_changed(struct world *w, void (*change)(struct signin *m))
{
	char *message = signing_message(w, &w->at, w->address);
	struct signing_proof proof;
	struct signin m;

	must(signin_read(w, message, strlen(message), &m));
	change(&m);
	message = signin_write(w, &m);
	return signing_check(w, &w->at, message, sign(w, &w->key, message), &proof);
}

static void other_domain(struct signin *m)
{
	m->domain = "dsn.example.org.evil.net";
}

static void other_scheme(struct signin *m)
{
	m->scheme = "http";
}

static void other_uri(struct signin *m)
{
	m->uri = "https://dsn.example.org.evil.net/";
}

static void other_chain(struct signin *m)
{
	m->chain_id = 1;
}

static void future(struct signin *m)
{
	m->issued_ms = NOW_MS + 301000;
}

static void expired(struct signin *m)
{
	m->expires_ms = NOW_MS;
}

static void early(struct signin *m)
{
	m->not_before_ms = NOW_MS + 1;
}

static void other_nonce(struct signin *m)
{
	m->nonce = "abcdefgh";
}

static void forged_nonce(struct signin *m)
{
	m->nonce = "0000000000000000000000000000000000000000000000000000000000000000";
}

static void whole_and_own(struct signin *m)
{
	m->scheme = "https";
	m->statement = NULL;
	m->uri = "https://dsn.example.org/login?x";
	m->expires_ms = 0;
}

static void test_what_is_refused(void **state)
{
	static const struct {
		void (*change)(struct signin *m);
		const char *said;
	} rows[] = {
		{other_domain,
		 "params.message: it is for the domain dsn.example.org.evil.net, this is dsn.example.org"},
		{other_scheme, "its scheme is http"},
		{other_uri, "its URI is not of https://dsn.example.org"},
		{other_chain, "it is for chain 1, this network's is 7"},
		{future, "in the future"},
		{expired, "expiration time is over"},
		{early, "does not hold yet"},
		{other_nonce, "none that was given out here"},
		{forged_nonce, "none that was given out here for this address"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused(check_changed(w, rows[i].change), ERROR_REFUSED, rows[i].said);
	must(check_changed(w, whole_and_own));
}

static void test_signatures(void **state)
{
	struct world *w = *state;
	char *message = signing_message(w, &w->at, w->address), *good = sign(w, &w->key, message), *bad;
	struct signing_proof proof;
	struct secp_key other;

	refused(signing_check(w, &w->at, "hello", good, &proof), ERROR_INVALID, "params.message: the first line");
	refused(signing_check(w, &w->at, message, "0x12", &proof), ERROR_INVALID,
		"params.signature: is not 0x and 130");
	bad = mem_strdup(w, good);
	bad[129] = '9';
	bad[128] = '9';
	refused(signing_check(w, &w->at, message, bad, &proof), ERROR_INVALID, "params.signature");
	secp_key_new(&other);
	refused(signing_check(w, &w->at, message, sign(w, &other, message), &proof), ERROR_REFUSED,
		"params.signature: is not that of the address");
	/* Another's nonce, for whom it was not made. */
	secp_address(other.public, w->address);
	message = mem_printf(w, "%s", signing_message(w, &w->at, w->address));
	refused(signing_check(w, &w->at, message, sign(w, &w->key, message), &proof), ERROR_REFUSED,
		"params.signature");
}

static void test_age(void **state)
{
	struct world *w = *state;
	char *nonce = challenges_make(w, w->at.challenges, w->address, 1000);
	uint8_t other[ETH_ADDRESS_BYTES] = {1};

	must(challenges_check(w->at.challenges, nonce, w->address, 1000 + CHALLENGES_LIFE_MS - 1));
	refused(challenges_check(w->at.challenges, nonce, w->address, 1000 + CHALLENGES_LIFE_MS), ERROR_REFUSED,
		"is over");
	refused(challenges_check(w->at.challenges, nonce, other, 1000), ERROR_REFUSED, "for this address");
	refused(challenges_check(challenges_new(w), nonce, w->address, 1000), ERROR_REFUSED, "for this address");
}

static void use(struct world *w, const uint8_t address[ETH_ADDRESS_BYTES], int64_t now_ms)
{
	must(challenges_use(w->at.challenges, challenges_make(w, w->at.challenges, address, now_ms), address, now_ms));
}

static void test_bounds(void **state)
{
	struct world *w = *state;
	uint8_t other[ETH_ADDRESS_BYTES] = {1};
	char *nonce;

	for (int i = 0; i < CHALLENGES_EACH; i++)
		use(w, w->address, 1000);
	nonce = challenges_make(w, w->at.challenges, w->address, 2000);
	refused(challenges_use(w->at.challenges, nonce, w->address, 2000), ERROR_LIMIT,
		"this address has logged in 32");
	use(w, other, 2000);
	use(w, w->address, 1000 + CHALLENGES_LIFE_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_message, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signatures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_age, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
