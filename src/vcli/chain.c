#include "vcli/chain.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "client/folders.h"
#include "contracts/refusal.h"
#include "vcli/chain_net.h"
#include "vcli/progress.h"
#include "vcli/wait.h"

#define PATIENCE_MS 10000 /* for an endpoint, when --timeout gives none */

static const char *const usual_rpc[] = {"http://127.0.0.1:8545", NULL};

/* What a call waits for. */
struct chain_loop_wait {
	struct chain *chain;
	bool done;
	struct error *error;
	json_t *values;
};

bool chain_run(struct chain *c, const bool *done)
{
	return vcli_wait(&c->v->loop, done, c->deadline_ms == INT64_MAX ? VCLI_WAIT_FOREVER : c->deadline_ms);
}

/* --- asking --- */

/* A node whose contract gave no reason may tell of no bytes at all: geth 1.9 only says so. */
static bool reverted(const struct rpc_reply *reply)
{
	return reply->words && strstr(reply->words, "execution reverted");
}

/* What a contract refuses is told in a person's words. */
static void on_reply(const struct rpc_reply *reply, void *arg)
{
	struct chain_loop_wait *w = arg;

	w->done = true;
	w->values = json_incref((json_t *)reply->result);
	if (reply->error && reply->revert) {
		char *why = refusal_text(w, reply->revert, reply->revert_n);

		w->error = error_new(ERROR_REFUSED, "%s", why);
	} else if (reply->error && reverted(reply)) {
		w->error = error_new(ERROR_REFUSED, "%s", reply->words);
	} else if (reply->error) {
		w->error = error_copy(reply->error);
	}
}

static struct error *outcome(struct chain_loop_wait *w, json_t **ret_values)
{
	struct progress *p = progress_new(w, w->chain->v);
	bool done;

	progress_say(p, "waiting for the chain to answer");
	done = chain_run(w->chain, &w->done);
	mem_free(p);
	if (!done)
		return error_new(ERROR_TIMEOUT, "the chain's endpoint has not answered in time");
	if (w->error)
		return w->error;
	*ret_values = w->values;
	return NULL;
}

struct error *chain_call(struct chain *c, const char *method, json_t *params, json_t **ret_result)
{
	struct chain_loop_wait *w = mem_new(c, struct chain_loop_wait);
	struct error *e;

	w->chain = c;
	rpc_call(c->rpc, w, method, params, on_reply, w);
	e = outcome(w, ret_result);
	mem_free(w);
	return e;
}

/* --- opening --- */

struct error *chain_addresses_path(struct vcli *v, char **ret_path)
{
	char *folder = NULL;

	if (v->set.chain.addresses) {
		*ret_path = v->set.chain.addresses;
		return NULL;
	}
	TRY(client_state_make(v, &v->set.client.state, "chain", &folder));
	*ret_path = file_join(v, folder, "addresses.json");
	return NULL;
}

static struct error *read_genesis(struct chain *c)
{
	const struct json_place at = {NULL, "the first block", 0};
	struct rpc_block_head block = {0};
	json_t *result = NULL;
	struct error *e;

	TRY(chain_call(c, "eth_getBlockByNumber", json_pack("[s,b]", "0x0", 0), &result));
	e = rpc_read_block(result, &at, &block);
	json_decref(result);
	memcpy(c->genesis, block.hash, sizeof(c->genesis));
	return e;
}

/* --chain-rpc, or those of the development chain that is up (*ret_own), or the usual one. */
static const char *const *named(struct vcli *v, bool *ret_own)
{
	struct chain_net *n = NULL;
	struct error *e = NULL;
	char **urls;
	size_t count = 0;

	if (v->set.chain.rpc)
		return (const char *const *)v->set.chain.rpc;
	e = chain_net_read(v, &n);
	if (!e)
		count = json_array_size(json_object_get(n->document, "rpc"));
	error_free(e);
	*ret_own = n && count > 0;
	if (!*ret_own)
		return usual_rpc;
	urls = mem_array(v, char *, count + 1);
	for (size_t i = 0; i < count; i++)
		urls[i] = mem_strdup(urls, json_string_value(json_array_get(json_object_get(n->document, "rpc"), i)));
	return (const char *const *)urls;
}

/* Each word of --chain-rpc may be several with commas. */
static struct error *endpoints(struct chain *c, const char *const *words, const char **urls, size_t *ret_count)
{
	size_t count = 0;

	for (; *words; words++) {
		char *rest = mem_strdup(c, *words), *url;

		while ((url = strsep(&rest, ","))) {
			if (count == RPC_ENDPOINTS)
				return error_new(ERROR_INVALID, "--chain-rpc: at most %d endpoints", RPC_ENDPOINTS);
			urls[count++] = url;
		}
	}
	*ret_count = count;
	return NULL;
}

static struct error *open_rpc(struct chain *c, const struct rpc_config *config)
{
	struct error *e = rpc_open(c, &c->v->loop, config, &c->rpc);

	return e ? error_wrap(e, "--chain-rpc") : NULL;
}

/* Which chain is meant says the user, by a flag or the file of addresses; 0: neither. An endpoint's own word counts for
 * reading, and for the chain that vcli chain up has started. What is wrong with the file is told when it is needed. */
static uint64_t meant(struct vcli *v, bool own)
{
	struct deployment *d = NULL;
	char *path = NULL;
	uint64_t id = 0;
	struct error *e;

	if (v->set.chain.id || own)
		return (uint64_t)v->set.chain.id;
	e = chain_addresses_path(v, &path);
	if (!e)
		e = deployment_read(v, path, &d);
	if (!e)
		id = d->chain_id;
	error_free(e);
	mem_free(d);
	return id;
}

static struct error *other_chain(struct vcli *v, struct error *e)
{
	char *path = NULL;

	if (v->set.chain.id || e->code != ERROR_REFUSED)
		return e;
	error_free(chain_addresses_path(v, &path));
	return error_wrap(
		e, "the contracts of %s are on another chain (--addresses names another file, --chain-id the chain)",
		path ? path : "--addresses");
}

struct error *chain_connect(struct vcli *v, struct chain **ret_chain)
{
	struct chain *c = mem_new(v, struct chain);
	const char *urls[RPC_ENDPOINTS];
	struct rpc_config config = {.urls = urls, .give_up_ms = v->timeout_ms};
	struct error *e;
	bool own = false;

	TRY(endpoints(c, named(v, &own), urls, &config.url_count));
	config.chain_id = meant(v, own);
	c->named = own || config.chain_id;
	c->begun = own;
	if (!config.give_up_ms || config.give_up_ms > PATIENCE_MS)
		config.give_up_ms = PATIENCE_MS;
	/* What the endpoints said is told, rather than that the time is over. */
	config.give_up_ms = config.give_up_ms * 8 / 10;
	c->v = v;
	c->tells = true;
	c->deadline_ms = v->timeout_ms ? clock_mono_ms() + v->timeout_ms : INT64_MAX;
	TRY(open_rpc(c, &config));
	chain_begin_contracts(c);
	e = read_genesis(c);
	if (e)
		return other_chain(v, e);
	*ret_chain = c;
	return NULL;
}

struct error *chain_unreached(struct error *e)
{
	if (e->code == ERROR_UNAVAILABLE || e->code == ERROR_TIMEOUT)
		e = error_wrap(e, "no chain answers: --chain-rpc names one, vcli chain up starts one");
	return e;
}

/* On the chain that vcli chain up started, one deploys oneself; what is on another is its operator's to say. */
static bool is_own(const struct vcli *v)
{
	struct chain_net *n = NULL;
	struct error *e = v->set.chain.rpc ? NULL : chain_net_read((struct vcli *)v, &n);
	bool own = n && json_array_size(json_object_get(n->document, "rpc")) > 0;

	error_free(e);
	mem_free(n);
	return own;
}

/* A chain that went back, a development chain that was killed for instance, has the same first block and id and not the
 * contracts: ether that is sent there is lost. The last that was deployed tells of all. */
static struct error *check_code(struct chain *c, const char *path)
{
	const char *name = NULL, *address = NULL, *key;
	json_t *value, *code = NULL;
	bool none;

	json_object_foreach (c->deployment->contracts, key, value) {
		name = key;
		address = json_string_value(value);
	}
	if (!name)
		return NULL;
	TRY(chain_call(c, "eth_getCode", json_pack("[s,s]", address, "latest"), &code));
	none = json_is_string(code) && strcmp(json_string_value(code), "0x") == 0;
	json_decref(code);
	if (!none)
		return NULL;
	return error_new(ERROR_NOT_FOUND,
			 "%s: the chain has no contract %s at %s: %s, or name another file with --addresses", path,
			 name, address,
			 is_own(c->v) ? "deploy the contracts again (vcli chain deploy)"
				      : "ask your network's operator for the present file");
}

struct error *chain_read_addresses(struct chain *c)
{
	char *path = NULL;
	struct error *e;

	TRY(chain_addresses_path(c->v, &path));
	e = deployment_read(c, path, &c->deployment);
	if (e && e->code == ERROR_NOT_FOUND && is_own(c->v)) {
		error_free(e);
		return error_new(ERROR_NOT_FOUND,
				 "%s is not there: deploy the contracts on your chain first (vcli chain deploy)", path);
	}
	if (e)
		return e;
	if (c->deployment->chain_id != rpc_chain_id(c->rpc) ||
	    memcmp(c->deployment->genesis, c->genesis, sizeof(c->genesis)) != 0)
		return error_new(
			ERROR_REFUSED,
			"the contracts of %s are on chain %" PRIu64 ", the endpoint is on another chain (%" PRIu64
			"): name the right endpoint with --chain-rpc, or the file of that chain with --addresses",
			path, c->deployment->chain_id, rpc_chain_id(c->rpc));
	c->begun = true;
	contracts_set_deployment(c->contracts, c->deployment);
	return check_code(c, path);
}

struct error *chain_open(struct vcli *v, struct chain **ret_chain)
{
	struct chain *c = NULL;
	struct error *e;

	if (!v->answer)
		vcli_answer(v, json_object());
	e = chain_connect(v, &c);
	if (e)
		return chain_unreached(e);
	assert(c);
	TRY(chain_read_addresses(c));
	*ret_chain = c;
	return NULL;
}

struct error *chain_open_sending(struct vcli *v, struct chain **ret_chain)
{
	struct chain *c = NULL;

	TRY(chain_open(v, &c));
	TRY(chain_unlock(c));
	*ret_chain = c;
	return NULL;
}

struct error *chain_head(struct chain *c, struct rpc_block_head *ret_head)
{
	const struct json_place at = {NULL, "the latest block", 0};
	json_t *result = NULL;
	struct error *e;

	TRY(chain_call(c, "eth_getBlockByNumber", json_pack("[s,b]", "latest", 0), &result));
	e = rpc_read_block(result, &at, ret_head);
	json_decref(result);
	return e;
}

struct error *chain_wallet(struct chain *c, const uint8_t address[ETH_ADDRESS_BYTES], struct u256 *ret_wei)
{
	const struct json_place at = {NULL, "eth_getBalance", 0};
	json_t *result = NULL;
	char text[ADDRESS_TEXT_BYTES];
	struct error *e;

	eth_address_text(address, text);
	TRY(chain_call(c, "eth_getBalance", json_pack("[s,s]", text, "latest"), &result));
	e = rpc_read_number(result, &at, ret_wei);
	json_decref(result);
	return e;
}
