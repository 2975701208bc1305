#include "vcli/chain.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "chain/account.h"
#include "chain/address.h"
#include "crypto/passphrase.h"
#include "crypto/secret.h"
#include "vcli/chain_net.h"
#include "vcli/paths.h"

#define PATIENCE_MS 10000 /* for an endpoint, when --timeout gives none */
#define POLL_MS 200

static const char *const usual_rpc[] = {"http://127.0.0.1:8545", NULL};

/* What a call waits for. */
struct wait {
	struct chain *chain;
	bool done;
	struct error *error;
	json_t *values;
};

static void on_time(void *arg)
{
	uv_stop(arg);
}

/* False: the time is over. */
static bool run_until(struct chain *c, const bool *done)
{
	int64_t left_ms = c->deadline_ms == INT64_MAX ? INT64_MAX : c->deadline_ms - clock_mono_ms();
	struct timer *timer = NULL;

	if (left_ms != INT64_MAX)
		timer = timer_start(c, &c->v->loop, left_ms > 0 ? left_ms : 0, 0, on_time, &c->v->loop);
	while (!*done && (c->deadline_ms == INT64_MAX || clock_mono_ms() < c->deadline_ms))
		uv_run(&c->v->loop, UV_RUN_ONCE);
	mem_free(timer);
	return *done;
}

/* --- asking --- */

static void on_reply(const struct rpc_reply *reply, void *arg)
{
	struct wait *w = arg;

	w->done = true;
	w->error = reply->error ? error_copy(reply->error) : NULL;
	w->values = json_incref((json_t *)reply->result);
}

static struct error *outcome(struct wait *w, bool done, json_t **ret_values)
{
	if (!done)
		return error_new(ERROR_TIMEOUT, "the chain's endpoint has not answered in time");
	if (w->error)
		return w->error;
	*ret_values = w->values;
	return NULL;
}

struct error *chain_call(struct chain *c, const char *method, json_t *params, json_t **ret_result)
{
	struct wait *w = mem_new(c, struct wait);
	struct error *e;

	rpc_call(c->rpc, w, method, params, on_reply, w);
	e = outcome(w, run_until(c, &w->done), ret_result);
	mem_free(w);
	return e;
}

static void on_values(const struct error *e, const json_t *values, void *arg)
{
	struct wait *w = arg;

	w->done = true;
	w->error = e ? error_copy(e) : NULL;
	w->values = json_incref((json_t *)values);
}

struct error *chain_ask(struct chain *c, const char *contract, const char *function, const json_t *args,
			json_t **ret_values)
{
	const struct contract *interface = NULL;
	uint8_t address[ETH_ADDRESS_BYTES];
	struct wait *w;
	struct error *e;

	TRY(contract_builtin(c, contract, &interface));
	TRY(deployment_get(c->deployment, contract, address));
	w = mem_new(c, struct wait);
	contract_ask(w, c->rpc, interface, address, c->sender ? sender_account(c->sender) : NULL, function, args,
		     on_values, w);
	e = outcome(w, run_until(c, &w->done), ret_values);
	mem_free(w);
	return e;
}

/* --- sending --- */

/* Others' intentions may end too: those that an earlier run left. */
static void on_fate(const struct txbox_record *record, void *arg)
{
	struct chain *c = arg;

	if (c->waiting && strcmp(c->waiting, record->intent.id) == 0)
		c->settled = true;
}

static struct error *judge(struct chain *c, const struct contract *contract, const char *what,
			   const struct txbox_record *record)
{
	char *why = contract_fate_text(c, contract, record);

	switch (record->state) {
	case TXBOX_DONE:
		return NULL;
	case TXBOX_REVERTED:
		return error_new(ERROR_REFUSED, "%s was carried out in block %" PRIu64 " and the contract refused it",
				 what, record->receipt.block);
	case TXBOX_REFUSED:
		return error_new(ERROR_REFUSED, "%s was not sent: %s", what, why);
	case TXBOX_WANTED:
	case TXBOX_SIGNED:
	case TXBOX_MINED:
		break;
	}
	return error_new(ERROR_TIMEOUT,
			 "%s is not confirmed yet%s%s: it is kept, and the next command of this account goes on", what,
			 sender_trouble(c->sender) ? ": " : "",
			 sender_trouble(c->sender) ? sender_trouble(c->sender) : "");
}

static struct error *send_intent(struct chain *c, const struct contract *contract, const char *what,
				 const struct intent *intent, struct txbox_record **ret_record)
{
	struct txbox_record *record = NULL;

	c->waiting = intent->id;
	c->settled = false;
	TRY(sender_put(c->sender, intent));
	run_until(c, &c->settled);
	c->waiting = NULL;
	TRY(txbox_get(c, c->db, intent->id, &record));
	TRY(judge(c, contract, what, record));
	*ret_record = record;
	return NULL;
}

struct error *chain_send(struct chain *c, const char *contract, const char *function, const json_t *args,
			 struct u256 value, struct txbox_record **ret_record)
{
	const struct contract *interface = NULL;
	struct intent *intent = NULL;
	uint8_t address[ETH_ADDRESS_BYTES] = {0};
	char *id = hex_random(c, 16), *what;

	TRY(contract_builtin(c, contract, &interface));
	what = mem_printf(c, "%s.%s", contract, function ? function : "constructor");
	if (!function) {
		TRY(contract_create(c, interface, id, args, &intent));
	} else {
		TRY(deployment_get(c->deployment, contract, address));
		TRY(contract_transact(c, interface, address, id, function, args, value, &intent));
	}
	return send_intent(c, interface, what, intent, ret_record);
}

/* --- opening --- */

struct error *chain_addresses_path(struct vcli *v, char **ret_path)
{
	char *folder = NULL;

	if (v->set.addresses) {
		*ret_path = v->set.addresses;
		return NULL;
	}
	TRY(paths_make(v, &v->set, "chain", &folder));
	*ret_path = file_join(v, folder, "addresses.json");
	return NULL;
}

static struct error *read_genesis(struct chain *c)
{
	const struct place at = {NULL, "the first block", 0};
	struct block_head block = {0};
	json_t *result = NULL;
	struct error *e;

	TRY(chain_call(c, "eth_getBlockByNumber", json_pack("[s,b]", "0x0", 0), &result));
	e = rpc_read_block(result, &at, &block);
	json_decref(result);
	memcpy(c->genesis, block.hash, sizeof(c->genesis));
	return e;
}

/* --chain-rpc, or those of the development chain that is up, or the usual one. */
static const char *const *endpoints(struct vcli *v)
{
	struct net *n = NULL;
	struct error *e = NULL;
	char **urls;
	size_t count = 0;

	if (v->set.chain_rpc)
		return (const char *const *)v->set.chain_rpc;
	e = net_read(v, &n);
	if (!e)
		count = json_array_size(json_object_get(n->document, "rpc"));
	error_free(e);
	if (!n || count == 0)
		return usual_rpc;
	urls = mem_array(v, char *, count + 1);
	for (size_t i = 0; i < count; i++)
		urls[i] = mem_strdup(urls, json_string_value(json_array_get(json_object_get(n->document, "rpc"), i)));
	return (const char *const *)urls;
}

struct error *chain_connect(struct vcli *v, struct chain **ret_chain)
{
	const char *const *urls = endpoints(v);
	struct chain *c = mem_new(v, struct chain);
	struct rpc_config config = {.urls = urls, .give_up_ms = v->timeout_ms};

	while (urls[config.url_count])
		config.url_count++;
	if (config.url_count > RPC_ENDPOINTS)
		return error_new(ERROR_INVALID, "--chain-rpc: at most %d endpoints", RPC_ENDPOINTS);
	if (!config.give_up_ms || config.give_up_ms > PATIENCE_MS)
		config.give_up_ms = PATIENCE_MS;
	/* What the endpoints said is told, rather than that the time is over. */
	config.give_up_ms = config.give_up_ms * 8 / 10;
	c->v = v;
	c->deadline_ms = v->timeout_ms ? clock_mono_ms() + v->timeout_ms : INT64_MAX;
	TRY(rpc_open(c, &v->loop, &config, &c->rpc));
	TRY(read_genesis(c));
	*ret_chain = c;
	return NULL;
}

struct error *chain_read_addresses(struct chain *c)
{
	char *path = NULL;

	TRY(chain_addresses_path(c->v, &path));
	TRY(deployment_read(c, path, &c->deployment));
	if (c->deployment->chain_id != rpc_chain_id(c->rpc) ||
	    memcmp(c->deployment->genesis, c->genesis, sizeof(c->genesis)) != 0)
		return error_new(ERROR_REFUSED,
				 "the contracts of %s are on chain %" PRIu64
				 ", the endpoint is on another chain (%" PRIu64
				 "): name the right endpoint with --chain-rpc, or deploy there",
				 path, c->deployment->chain_id, rpc_chain_id(c->rpc));
	return NULL;
}

static struct error *open_key(struct chain *c, struct secp_key *ret_key)
{
	struct vcli *v = c->v;
	struct account a = {.path = NULL};
	char *folder = v->set.keystore, *passphrase = NULL, *prompt, text[ADDRESS_TEXT_BYTES];
	struct error *e;

	if (!folder)
		TRY(paths_make(v, &v->set, "keystore", &folder));
	TRY(account_find(c, folder, v->set.account, &a));
	eth_address_text(a.address, text);
	prompt = mem_printf(c, "Passphrase of %s", text);
	TRY(passphrase_read(c, v->set.passphrase_file, prompt, false, &passphrase));
	e = account_open(a.path, passphrase, ret_key);
	mem_free(passphrase);
	return e;
}

/* An outbox for each chain: a development chain that was begun anew is another one. */
static struct error *open_outbox(struct chain *c, const struct secp_key *key)
{
	struct sender_config config = {.rpc = c->rpc, .poll_ms = POLL_MS};
	char *folder = NULL, *genesis = hex_encode(c, c->genesis, 4), *name, *path, *lock;
	uint8_t address[ETH_ADDRESS_BYTES];

	eth_address(key->public, address);
	TRY(paths_make(c->v, &c->v->set, "chain", &folder));
	name = mem_printf(c, "%" PRIu64 "-%s.db", rpc_chain_id(c->rpc), genesis);
	path = file_join(c, folder, name);
	lock = mem_printf(c, "%s.%s.lock", path, hex_encode(c, address, sizeof(address)));
	TRY(db_open(c, path, txbox_schema, &c->db));
	config.db = c->db;
	config.lock = lock;
	return sender_open(c, &c->v->loop, &config, key, on_fate, c, &c->sender);
}

struct error *chain_unlock(struct chain *c)
{
	struct secp_key key = {{0}, {0}};
	struct error *e = open_key(c, &key);

	if (!e)
		e = open_outbox(c, &key);
	secret_wipe(&key, sizeof(key));
	return e;
}
