#include "vcli/chain/session.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/abi.h"
#include "chain/address.h"
#include "chain/typed.h"
#include "client/folders.h"

/* The clocks of who signs and who looks may differ by this many seconds. */
#define AHEAD_S 300

static json_t *types(void)
{
	return json_pack("{s:[{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s}],s:[{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s}]}",
			 "EIP712Domain", "name", "name", "type", "string", "name", "version", "type", "string", "name",
			 "chainId", "type", "uint256", "name", "verifyingContract", "type", "address", "Login", "name",
			 "account", "type", "address", "name", "challenge", "type", "bytes32", "name", "issued", "type",
			 "uint64", "name", "expires", "type", "uint64");
}

static json_t *hex_value(const uint8_t *bytes, size_t n)
{
	char *digits = hex_encode(NULL, bytes, n);
	json_t *value = json_sprintf("0x%s", digits);

	mem_free(digits);
	return value;
}

/* What is signed: made of the terms alone, so a session cannot smuggle in types of its own. */
static json_t *document_of(const struct session_terms *t)
{
	char accounts[ADDRESS_TEXT_BYTES], account[ADDRESS_TEXT_BYTES];

	eth_address_text(t->accounts, accounts);
	eth_address_text(t->account, account);
	return json_pack("{s:o,s:s,s:{s:s,s:s,s:o,s:s},s:{s:s,s:o,s:o,s:o}}", "types", types(), "primaryType", "Login",
			 "domain", "name", "dsn", "version", "1", "chainId", json_sprintf("%" PRIu64, t->chain_id),
			 "verifyingContract", accounts, "message", "account", account, "challenge",
			 hex_value(t->challenge, sizeof(t->challenge)), "issued", json_sprintf("%" PRIu64, t->issued),
			 "expires", json_sprintf("%" PRIu64, t->expires));
}

struct error *session_sign(const struct session_terms *terms, const struct secp_key *key, json_t **ret_session)
{
	uint8_t digest[32], signature[SECP_SIGNATURE_BYTES], signer[ETH_ADDRESS_BYTES];
	json_t *document = document_of(terms);
	struct error *e = typed_digest(document, digest);

	secp_address(key->public, signer);
	if (!e && memcmp(signer, terms->account, sizeof(signer)) != 0)
		e = error_new(ERROR_INVALID, "the key is another account's");
	if (e) {
		json_decref(document);
		return e;
	}
	typed_digest_sign(key, digest, signature);
	*ret_session =
		json_pack("{s:o,s:o}", "document", document, "signature", hex_value(signature, sizeof(signature)));
	return NULL;
}

/* --- reading --- */

static struct error *read_address(const json_t *in, const struct json_place *at, const char *key,
				  uint8_t ret[ETH_ADDRESS_BYTES])
{
	const struct json_place here = {at, key, 0};
	const char *text = NULL;
	struct error *e;

	TRY(json_read_string(in, at, key, &text));
	e = eth_address_parse(text, ret);
	if (e) {
		struct error *told = json_place_error(&here, "%s", e->message);

		error_free(e);
		return told;
	}
	return NULL;
}

static struct error *read_terms(const json_t *session, struct session_terms *t)
{
	const struct json_place root = {NULL, NULL, 0}, at = {&root, "document", 0}, in_domain = {&at, "domain", 0},
				in_message = {&at, "message", 0}, at_challenge = {&in_message, "challenge", 0};
	json_t *document = NULL, *domain = NULL, *message = NULL;
	int64_t chain_id = 0, issued = 0, expires = 0;

	TRY(json_read_object(session, &root, "document", &document));
	TRY(json_read_object(document, &at, "domain", &domain));
	TRY(json_read_object(document, &at, "message", &message));
	TRY(json_read_decimal(domain, &in_domain, "chainId", 1, INT64_MAX, &chain_id));
	TRY(read_address(domain, &in_domain, "verifyingContract", t->accounts));
	TRY(read_address(message, &in_message, "account", t->account));
	TRY(rpc_read_fixed(json_object_get(message, "challenge"), &at_challenge, t->challenge, sizeof(t->challenge)));
	TRY(json_read_decimal(message, &in_message, "issued", 0, INT64_MAX / 1000, &issued));
	TRY(json_read_decimal(message, &in_message, "expires", 0, INT64_MAX / 1000, &expires));
	t->chain_id = (uint64_t)chain_id;
	t->issued = (uint64_t)issued;
	t->expires = (uint64_t)expires;
	return NULL;
}

static struct error *check_signature(const json_t *session, const struct session_terms *t)
{
	const struct json_place root = {NULL, NULL, 0}, at = {&root, "signature", 0};
	uint8_t digest[32], signature[SECP_SIGNATURE_BYTES], signer[ETH_ADDRESS_BYTES];
	json_t *document = document_of(t);
	struct error *e = NULL;

	if (!json_equal(document, json_object_get(session, "document")))
		e = json_place_error(&root, "document: is not that of a login");
	if (!e)
		e = rpc_read_fixed(json_object_get(session, "signature"), &at, signature, sizeof(signature));
	if (!e)
		e = typed_digest(document, digest);
	json_decref(document);
	TRY(e);
	TRY(typed_digest_signer(digest, signature, signer));
	if (memcmp(signer, t->account, sizeof(signer)) != 0)
		return json_place_error(&at, "is not the account's");
	return NULL;
}

struct error *session_read(const json_t *session, uint64_t now, struct session_terms *ret_terms)
{
	struct session_terms t;
	char account[ADDRESS_TEXT_BYTES];

	TRY(read_terms(session, &t));
	TRY(check_signature(session, &t));
	eth_address_text(t.account, account);
	if (now >= t.expires || t.issued > now + AHEAD_S) {
		char *when = clock_format(NULL, (int64_t)(now >= t.expires ? t.expires : t.issued) * 1000);
		struct error *e = error_new(ERROR_REFUSED, "the login of %s %s %s: vcli login again, or vcli logout",
					    account, now >= t.expires ? "ended at" : "begins at", when);

		mem_free(when);
		return e;
	}
	*ret_terms = t;
	return NULL;
}

/* --- our own --- */

struct error *session_load(const char *path, struct session_terms *ret_terms)
{
	json_t *session = NULL;
	struct error *e = json_parse_file(path, SESSION_BYTES, &session);

	if (!e)
		e = session_read(session, (uint64_t)(clock_wall_ms() / 1000), ret_terms);
	json_decref(session);
	return e ? error_wrap(e, "%s", path) : NULL;
}

struct error *session_path(struct vcli *v, char **ret_path)
{
	char *folder = NULL;

	TRY(client_state_make(v, &v->set.client.state, NULL, &folder));
	*ret_path = file_join(v, folder, "session.json");
	return NULL;
}

struct error *session_account(struct vcli *v, char **ret_account)
{
	struct session_terms t;
	char *path = NULL;

	TRY(session_path(v, &path));
	if (!file_exists(path))
		return NULL;
	TRY(session_load(path, &t));
	*ret_account = mem_array(v, char, ADDRESS_TEXT_BYTES);
	eth_address_text(t.account, *ret_account);
	return NULL;
}
