/* vcli login, logout, whoami: to prove that one has an account's key. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "contracts/people.h"
#include "contracts/refusal.h"
#include "crypto/secret.h"
#include "vcli/chain/chain.h"
#include "vcli/chain/session.h"
#include "vcli/chain/wallet.h"
#include "vcli/commands.h"
#include "vcli/render.h"

static void answer_terms(struct vcli *v, const struct session_terms *t)
{
	char account[ADDRESS_TEXT_BYTES], *challenge = hex_encode(v, t->challenge, sizeof(t->challenge));

	eth_address_text(t->account, account);
	json_put(v->answer, "account", account);
	json_object_set_new(v->answer, "chain_id", json_sprintf("%" PRIu64, t->chain_id));
	json_object_set_new(v->answer, "challenge", json_sprintf("0x%s", challenge));
	json_put(v->answer, "until", clock_format(v, (int64_t)t->expires * 1000));
}

/* As what the account is registered: at least as one of both. */
static struct error *answer_kinds(struct chain *c, const uint8_t account[ETH_ADDRESS_BYTES])
{
	json_t *list = json_array();
	struct people_kinds kinds;
	struct chain_awaited *w = chain_begin(c);
	char text[ADDRESS_TEXT_BYTES];

	json_object_set_new(c->v->answer, "registered", list);
	people_kinds(w, c->contracts, account, &kinds, chain_answered, w);
	TRY(chain_await(c, w));
	for (unsigned kind = 0; kind < CONTRACTS_KIND_COUNT; kind++) {
		if (kinds.is[kind])
			json_array_append_new(list, json_string(refusal_word(refusal_kinds, kind)));
	}
	eth_address_text(account, text);
	if (json_array_size(list) == 0)
		return error_new(
			ERROR_REFUSED,
			"%s is neither customer nor supplier: vcli register customer, or vcli register supplier, does that",
			text);
	return NULL;
}

static struct error *read_challenge(struct vcli *v, uint8_t ret[SESSION_CHALLENGE_BYTES])
{
	const char *text = v->args[0] ? v->args[0] : hex_random(v, SESSION_CHALLENGE_BYTES);

	if (strncasecmp(text, "0x", 2) == 0)
		text += 2;
	if (!hex_is(text, 2 * (size_t)SESSION_CHALLENGE_BYTES))
		return error_new(ERROR_INVALID, "CHALLENGE: must be %d bytes, as hexadecimal digits",
				 SESSION_CHALLENGE_BYTES);
	return hex_decode(text, ret, SESSION_CHALLENGE_BYTES);
}

static struct error *keep(struct vcli *v, const json_t *session)
{
	char *path = NULL, *text = json_text(v, session);

	TRY(session_path(v, &path));
	TRY(file_write_atomic(path, text, strlen(text), 0600));
	json_put(v->answer, "file", path);
	return NULL;
}

struct error *cmd_login(struct vcli *v)
{
	struct session_terms t = {.issued = (uint64_t)(clock_wall_ms() / 1000)};
	struct chain *c = NULL;
	struct secp_key key = {{0}, {0}};
	json_t *session = NULL;
	struct error *e;

	if (v->args[0] && strstr(v->args[0], "://"))
		return cmd_login_network(v);
	vcli_answer(v, json_object());
	TRY(read_challenge(v, t.challenge));
	if (v->set.market.for_ms < 1000)
		return error_new(ERROR_INVALID, "--for: a login holds for 1s at least");
	TRY(chain_open(v, &c));
	t.chain_id = rpc_chain_id(c->rpc);
	t.expires = t.issued + (uint64_t)(v->set.market.for_ms / 1000);
	TRY(deployment_get(c->deployment, "Accounts", t.accounts));
	TRY(wallet_address(v, false, t.account));
	TRY(answer_kinds(c, t.account));
	e = wallet_key(v, false, &key);
	if (!e)
		e = session_sign(&t, &key, &session);
	secret_wipe(&key, sizeof(key));
	if (!e)
		e = keep(v, session);
	json_decref(session);
	TRY(e);
	answer_terms(v, &t);
	if (!v->set.json)
		render_value(stdout, v->answer);
	return NULL;
}

struct error *cmd_logout(struct vcli *v)
{
	char *path = NULL;

	if (v->args[0] && strcmp(v->args[0], "network") == 0)
		return cmd_logout_network(v);
	if (v->args[0])
		return error_new(ERROR_INVALID, "\"%.40s\": logout takes nothing, or the word network", v->args[0]);
	TRY(session_path(v, &path));
	if (!file_exists(path))
		return error_new(ERROR_NOT_FOUND, "there is no login");
	return file_remove(path);
}

struct error *cmd_whoami(struct vcli *v)
{
	char *path = v->args[0];
	uint8_t accounts[ETH_ADDRESS_BYTES];
	struct session_terms t;
	struct chain *c = NULL;

	vcli_answer(v, json_object());
	if (!path)
		TRY(session_path(v, &path));
	if (!file_exists(path))
		return error_new(ERROR_NOT_FOUND, "%s: there is no login: vcli login makes one", path);
	TRY(session_load(path, &t));
	answer_terms(v, &t);
	TRY(chain_open(v, &c));
	TRY(deployment_get(c->deployment, "Accounts", accounts));
	if (t.chain_id != rpc_chain_id(c->rpc) || memcmp(accounts, t.accounts, sizeof(accounts)) != 0)
		return error_new(ERROR_REFUSED,
				 "%s: the login is for another chain, or other contracts: vcli login again", path);
	TRY(answer_kinds(c, t.account));
	if (!v->set.json)
		render_value(stdout, v->answer);
	return NULL;
}
