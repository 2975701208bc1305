#include "vcli/order/login.h"

#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "chain/signin.h"
#include "chain/typed.h"
#include "crypto/secret.h"
#include "vcli/chain/wallet.h"
#include "vcli/order/ask.h"
#include "vcli/order/context.h"

struct error *login_describe(struct vcli *v, const char *url, json_t **ret_network)
{
	static const char *const texts[] = {"network", "url", "manager"};
	const struct json_place root = {NULL, "network.describe", 0};
	json_t *network = NULL, *bus = NULL;
	const char *text = NULL;
	struct error *e = NULL;

	TRY(ask_at(v, url, NULL, "network.describe", json_object(), &network));
	for (size_t i = 0; !e && i < sizeof(texts) / sizeof(texts[0]); i++)
		e = json_read_string(network, &root, texts[i], &text);
	if (!e && !hex_id_valid(json_string_value(json_object_get(network, "manager"))))
		e = error_new(ERROR_INVALID, "network.describe: manager: is no address");
	if (!e)
		e = json_read_array(network, &root, "bus", 1, 8, &bus);
	if (!e && !json_is_string(json_array_get(bus, 0)))
		e = error_new(ERROR_INVALID, "network.describe: bus: is no URL");
	if (e) {
		json_decref(network);
		return error_wrap(e, "dsnd at %s", url);
	}
	*ret_network = network;
	return NULL;
}

/* --- what is signed --- */

/* A dsnd that relays another one's challenge would log in there in our name. */
static struct error *check_message(const char *url, const char *message, const uint8_t address[ETH_ADDRESS_BYTES])
{
	void *scope = mem_strdup(NULL, "");
	struct http_origin ours;
	struct signin m = {.domain = NULL};
	struct error *e = ask_read_url(url, &ours);

	if (!e)
		e = signin_read(scope, message, strlen(message), &m);
	if (!e && strcmp(m.domain, http_origin_authority(&ours)) != 0)
		e = error_new(
			ERROR_REFUSED,
			"it wants a login to %.100s signed, and was asked as %s: use its own URL (--public-url of dsnd)",
			m.domain, http_origin_authority(&ours));
	if (!e && !http_origin_has(&ours, m.uri))
		e = error_new(ERROR_REFUSED, "it wants a login signed whose URI is not of %s", ours.text);
	if (!e && memcmp(m.address, address, sizeof(m.address)) != 0)
		e = error_new(ERROR_REFUSED, "it wants a login of another account signed");
	mem_free(scope);
	return e;
}

static struct error *sign(struct vcli *v, const uint8_t address[ETH_ADDRESS_BYTES], const char *message, char **ret_hex)
{
	uint8_t digest[32], signature[SECP_SIGNATURE_BYTES], signer[ETH_ADDRESS_BYTES];
	struct secp_key key = {{0}, {0}};
	struct error *e = wallet_key(v, true, &key);

	if (e)
		return e;
	secp_address(key.public, signer);
	typed_message_digest(message, strlen(message), digest);
	typed_digest_sign(&key, digest, signature);
	secret_wipe(&key, sizeof(key));
	if (memcmp(signer, address, sizeof(signer)) != 0)
		return error_new(ERROR_INVALID, "the key is another account's");
	*ret_hex = mem_printf(v, "0x%s", hex_encode(v, signature, sizeof(signature)));
	return NULL;
}

/* --- logging in --- */

static struct error *ask_challenge(struct vcli *v, const char *url, const uint8_t address[ETH_ADDRESS_BYTES],
				   char **ret_message)
{
	json_t *answer = NULL;
	const char *message;
	struct error *e;

	TRY(ask_at(v, url, NULL, "session.challenge",
		   json_pack("{s:s}", "address", hex_encode(v, address, ETH_ADDRESS_BYTES)), &answer));
	message = json_string_value(json_object_get(answer, "message"));
	e = message ? check_message(url, message, address) : error_new(ERROR_INVALID, "its challenge has no message");
	if (!e)
		*ret_message = mem_strdup(v, message);
	json_decref(answer);
	return e ? error_wrap(e, "dsnd at %s", url) : NULL;
}

/* A new reference: {token, address, expires, ...} */
static struct error *log_in(struct vcli *v, const char *url, json_t **ret_session)
{
	uint8_t address[ETH_ADDRESS_BYTES];
	char *message = NULL, *signature = NULL;

	TRY(wallet_address(v, true, address));
	TRY(ask_challenge(v, url, address, &message));
	TRY(sign(v, address, message, &signature));
	TRY(ask_at(v, url, NULL, "session.login", json_pack("{s:s,s:s}", "message", message, "signature", signature),
		   ret_session));
	if (json_is_string(json_object_get(*ret_session, "token")))
		return NULL;
	json_decref(*ret_session);
	return error_new(ERROR_INVALID, "dsnd at %s: its login has no token", url);
}

static void take_session(json_t *context, const json_t *session)
{
	static const char *const members[] = {"token", "expires", "roles"};

	json_object_set_new(context, "account",
			    json_sprintf("0x%s", json_string_value(json_object_get(session, "address"))));
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		json_object_set(context, members[i], json_object_get(session, members[i]));
}

struct error *login_begin(struct vcli *v, const char *url, json_t **ret_context)
{
	json_t *network = NULL, *session = NULL;
	struct error *e;

	TRY(login_describe(v, url, &network));
	e = log_in(v, url, &session);
	if (e) {
		json_decref(network);
		return e;
	}
	*ret_context = json_pack("{s:s,s:o}", "url", url, "network", network);
	take_session(*ret_context, session);
	json_decref(session);
	return NULL;
}

/* --- again, and no more --- */

static const char *url_of(const json_t *context)
{
	return json_string_value(json_object_get(context, "url"));
}

/* Those of a URL: another vcli may have taken another context into use meanwhile. */
struct renewal {
	const char *url;
	const json_t *session; /* NULL: none any more */
};

static struct error *renew(json_t *all, void *arg)
{
	const struct renewal *r = arg;
	const char *name;
	json_t *context;

	json_object_foreach (json_object_get(all, "contexts"), name, context) {
		if (!ask_same_url(url_of(context), r->url))
			continue;
		if (r->session) {
			take_session(context, r->session);
		} else {
			json_object_del(context, "token");
			json_object_del(context, "expires");
		}
	}
	return NULL;
}

/* As whom one has logged in there. */
static struct error *find_account(struct vcli *v, const char *url)
{
	json_t *all = NULL, *context;
	const char *name, *account = NULL;

	TRY(contexts_read(v, &all));
	json_object_foreach (json_object_get(all, "contexts"), name, context) {
		if (!account && ask_same_url(url_of(context), url))
			account = json_string_value(json_object_get(context, "account"));
	}
	if (account && !v->set.chain.account && !v->set.client.identity)
		v->set.chain.account = mem_strdup(v, account);
	json_decref(all);
	return NULL;
}

/* Takes e. */
static struct error *over(const char *url, struct error *e)
{
	struct error *told = error_new(ERROR_REFUSED,
				       "the login to %s is over, and cannot be made again unasked: vcli login %s (%s)",
				       url, url, e->message);

	error_free(e);
	return told;
}

struct error *login_again(struct vcli *v, const char *url, char **ret_token)
{
	json_t *session = NULL;
	const char *token;
	struct error *e;

	TRY(find_account(v, url));
	v->set.client.passphrase.unattended = true;
	e = log_in(v, url, &session);
	v->set.client.passphrase.unattended = false;
	if (e)
		return over(url, e);
	token = json_string_value(json_object_get(session, "token"));
	*ret_token = secret_text(v, token, strlen(token));
	e = contexts_change(v, renew, &(struct renewal){url, session});
	json_decref(session);
	return e;
}

struct error *login_end(struct vcli *v)
{
	json_t *answer = NULL;
	struct ask_target t;
	struct error *e;

	TRY(ask_find_target(v, &t));
	if (!t.renewed)
		return error_new(ERROR_NOT_FOUND, "there is no login");
	e = ask_at(v, t.url, t.token, "session.logout", json_object(), &answer);
	json_decref(answer);
	if (e && e->code != ERROR_REFUSED) /* else it is over already */
		return e;
	error_free(e);
	return contexts_change(v, renew, &(struct renewal){t.url, NULL});
}
