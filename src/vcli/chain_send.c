/* contracts/ for commands: each call runs the loop until it is answered. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "vcli/chain.h"
#include "vcli/chain_once.h"
#include "vcli/progress.h"

#define POLL_MS 200
#define RECEIPT_MS 10000 /* so long a receipt that was there may be missing */

json_t *chain_call_of(struct chain *c, const struct txbox_intent *in)
{
	char from[ADDRESS_TEXT_BYTES], to[ADDRESS_TEXT_BYTES];
	char *digits = hex_encode(c, in->data, in->n);
	json_t *call = json_object();

	eth_address_text(sender_account(c->sender), from);
	eth_address_text(in->to, to);
	json_put(call, "from", from);
	if (!in->creates)
		json_put(call, "to", to);
	json_object_set_new(call, "data", json_sprintf("0x%s", digits));
	if (!u256_is_zero(in->value))
		json_put(call, "value", u256_quantity(c, in->value));
	return call;
}

/* --- what is told of it --- */

static void on_sent(const char *what, void *arg)
{
	struct chain *c = arg;

	if (c->progress)
		progress_say(c->progress, "%s: sent, waiting for its block", what);
}

static void on_done(const char *what, const struct txbox_record *record, void *arg)
{
	struct chain *c = arg;
	json_t *list = json_object_get(c->v->answer, "transactions");
	char *hash;

	if (!c->tells)
		return;
	if (!list) {
		list = json_array();
		json_object_set_new(c->v->answer, "transactions", list);
	}
	hash = hex_encode(c, record->receipt.tx_hash, TX_HASH_BYTES);
	json_array_append_new(list, json_pack("{s:o,s:o,s:o,s:o}", "what", json_string(what), "hash",
					      json_sprintf("0x%s", hash), "block",
					      json_sprintf("%" PRIu64, record->receipt.block), "gas",
					      json_sprintf("%" PRIu64, record->receipt.gas_used)));
}

void chain_begin_contracts(struct chain *c)
{
	const struct contracts_config config = {.loop = &c->v->loop,
						.rpc = c->rpc,
						.once = c->v->set.chain.once,
						.patient = c->v->set.chain.highest_fee,
						.on_sent = on_sent,
						.on_done = on_done,
						.arg = c};

	c->contracts = contracts_new(c, &config);
}

/* --- waiting --- */

void chain_answered(const struct contracts_answer *answer, void *awaited)
{
	struct chain_awaited *w = awaited;

	w->done = true;
	w->error = answer->error ? error_copy(answer->error) : NULL;
	w->refusal = answer->refusal;
}

struct error *chain_await(struct chain *c, struct chain_awaited *w)
{
	struct progress *p = progress_new(c, c->v);
	const char *what;
	bool done;

	c->progress = p;
	progress_say(p, "waiting for the chain to answer");
	done = chain_run(c, &w->done);
	c->progress = NULL;
	mem_free(p);
	if (done)
		return w->error;
	what = contracts_waiting(c->contracts);
	return what ? contracts_not_yet(c->contracts, what)
		    : error_new(ERROR_TIMEOUT, "the chain's endpoint has not answered in time");
}

/* Gives up what was begun with it as ctx. */
static struct error *await_all(struct chain *c, struct chain_awaited *w)
{
	struct error *e = chain_await(c, w);

	mem_free(w);
	return e;
}

/* --- functions by name --- */

struct error *chain_would(struct chain *c, const char *contract, const char *function, const json_t *args)
{
	const struct contract *interface = NULL;
	struct txbox_intent *intent = NULL;
	uint8_t address[ETH_ADDRESS_BYTES];
	json_t *result = NULL;

	TRY(contract_builtin(c, contract, &interface));
	TRY(deployment_get(c->deployment, contract, address));
	TRY(contract_transact(c, interface, address, "", function, args, U256_ZERO, &intent));
	TRY(chain_call(c, "eth_call", json_pack("[o,s]", chain_call_of(c, intent), "latest"), &result));
	json_decref(result);
	return NULL;
}

static struct error *send_all(struct chain *c, const struct contracts_intention *in, bool tells,
			      struct txbox_record **ret_record)
{
	struct chain_awaited *w = mem_new(c, struct chain_awaited);
	struct txbox_record *record = NULL;
	struct error *e;

	c->tells = tells;
	contracts_put(w, c->contracts, in, &record, chain_answered, w);
	e = chain_await(c, w);
	if (!e && ret_record)
		*ret_record = talloc_steal(c, record);
	mem_free(w);
	return e;
}

static struct error *intention_of(struct chain *c, const char *contract, const char *function, const json_t *args,
				  struct u256 value, struct contracts_intention *ret_in)
{
	const struct contract *interface = NULL;
	struct txbox_intent *intent = NULL;
	uint8_t address[ETH_ADDRESS_BYTES] = {0};

	TRY(contract_builtin(c, contract, &interface));
	if (!function) {
		TRY(contract_create(c, interface, "", args, &intent));
	} else {
		TRY(deployment_get(c->deployment, contract, address));
		TRY(contract_transact(c, interface, address, "", function, args, value, &intent));
		chain_once_describe(contract, function, ret_in);
	}
	ret_in->intent = *intent;
	ret_in->what = mem_printf(c, "%s.%s", contract, function ? function : "constructor");
	return NULL;
}

struct error *chain_send(struct chain *c, const char *contract, const char *function, const json_t *args,
			 struct u256 value, struct txbox_record **ret_record)
{
	struct contracts_intention in = {.what = NULL};

	TRY(intention_of(c, contract, function, args, value, &in));
	return send_all(c, &in, false, ret_record);
}

struct error *chain_do(struct chain *c, const char *contract, const char *function, json_t *args, struct u256 value,
		       struct txbox_record **ret_record)
{
	struct contracts_intention in = {.what = NULL};
	struct error *e = intention_of(c, contract, function, args, value, &in);

	json_decref(args);
	return e ? e : send_all(c, &in, true, ret_record);
}

struct error *chain_pay(struct chain *c, const uint8_t to[ETH_ADDRESS_BYTES], struct u256 value)
{
	struct chain_awaited *w = mem_new(c, struct chain_awaited);

	contracts_pay(w, c->contracts, to, value, NULL, chain_answered, w);
	return await_all(c, w);
}

/* --- events --- */

static struct error *read_event(struct chain *c, const json_t *log, const struct contract *of, const char *event,
				json_t **ret_values)
{
	const struct json_place at = {NULL, "eth_getTransactionReceipt", 0};
	const struct abi_entry *entry = NULL;
	struct chain_log read;
	uint8_t address[ETH_ADDRESS_BYTES];
	json_t *values = NULL;

	TRY(rpc_read_log(c, log, &at, &read));
	TRY(deployment_get(c->deployment, of->name, address));
	if (memcmp(address, read.address, sizeof(address)) != 0)
		return NULL;
	TRY(abi_log(of->abi, (const uint8_t(*)[ABI_TOPIC_BYTES])read.topics, read.topic_count, read.data, read.n,
		    &entry, &values));
	if (strcmp(entry->name, event) == 0)
		*ret_values = values;
	else
		json_decref(values);
	return NULL;
}

/* Behind one URL may be several nodes, and the one that answers now may not have the block yet. */
static struct error *receipt_of(struct chain *c, const char *hash, json_t **ret_receipt)
{
	int64_t end_ms = c->deadline_ms, late_ms = clock_mono_ms() + RECEIPT_MS;
	bool never = false;

	for (;;) {
		TRY(chain_call(c, "eth_getTransactionReceipt", json_pack("[o]", json_sprintf("0x%s", hash)),
			       ret_receipt));
		if (!json_is_null(*ret_receipt))
			return NULL;
		if (clock_mono_ms() >= (late_ms < end_ms ? late_ms : end_ms))
			return error_new(ERROR_UNAVAILABLE,
					 "transaction 0x%s was carried out, but the endpoint does not tell its receipt",
					 hash);
		c->deadline_ms = clock_mono_ms() + POLL_MS;
		chain_run(c, &never);
		c->deadline_ms = end_ms;
	}
}

struct error *chain_event(struct chain *c, const struct txbox_record *record, const char *contract, const char *event,
			  json_t **ret_values)
{
	const struct contract *of = NULL;
	json_t *receipt = NULL, *log = NULL, *found = NULL;
	char *hash = hex_encode(c, record->receipt.tx_hash, TX_HASH_BYTES);
	struct error *e = NULL;
	size_t i = 0;

	TRY(contract_builtin(c, contract, &of));
	TRY(receipt_of(c, hash, &receipt));
	json_array_foreach (json_object_get(receipt, "logs"), i, log) {
		if (!e && !found)
			e = read_event(c, log, of, event, &found);
	}
	json_decref(receipt);
	if (e)
		return e;
	if (!found)
		return error_new(ERROR_NOT_FOUND, "transaction 0x%s left no event %s", hash, event);
	*ret_values = found;
	return NULL;
}
