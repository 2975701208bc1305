/* Sending through the outbox: what would fail is refused before it is kept, what is kept is waited for. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "chain/address.h"
#include "chain/amount.h"
#include "client/folders.h"
#include "crypto/secret.h"
#include "vcli/chain.h"
#include "vcli/chain_once.h"
#include "vcli/money.h"
#include "vcli/progress.h"
#include "vcli/refusal.h"
#include "vcli/wallet.h"

#define POLL_MS 200
#define RECEIPT_MS 10000 /* so long a receipt that was there may be missing */
/* Over what the chain asks now: a base fee that doubles, and the margin over the estimate. */
#define FEE_TIMES 5
#define FEE_OF 2
#define LEAST_GAS 21000 /* of any transaction */

/* --- may it succeed? --- */

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

static struct error *ask_number(struct chain *c, const char *method, json_t *params, struct u256 *ret)
{
	const struct json_place at = {NULL, method, 0};
	json_t *result = NULL;
	struct error *e;

	TRY(chain_call(c, method, params, &result));
	e = rpc_read_number(result, &at, ret);
	json_decref(result);
	return e;
}

static struct error *too_little(struct chain *c, struct u256 has, struct u256 value, struct u256 fee)
{
	char text[ADDRESS_TEXT_BYTES];

	eth_address_text(sender_account(c->sender), text);
	return error_new(
		ERROR_REFUSED,
		"%s has %s; %s and fees of up to %s are needed: send ether to it (vcli payment send), or name another --account",
		text, amount_words(c, has), amount_words(c, value), amount_words(c, fee));
}

static struct error *too_dear(struct chain *c, const char *what, struct u256 asked, struct u256 most, const char *flag)
{
	return error_new(
		ERROR_REFUSED,
		"%s %s, over the limit of %s: nothing is signed; if that is what the chain costs, say so with %s", what,
		amount_words(c, asked), amount_words(c, most), flag);
}

/* What the endpoint asks may be false. Who has set a limit may wait until it is kept. */
static struct error *limit_price(struct chain *c, struct u256 *price)
{
	if (u256_cmp(*price, c->highest_fee) <= 0)
		return NULL;
	if (!c->v->set.chain.highest_fee)
		return too_dear(c, "the endpoint asks for a unit of gas", *price, c->highest_fee, "--highest-fee");
	*price = c->highest_fee;
	return NULL;
}

static struct error *check(struct chain *c, const struct txbox_intent *in)
{
	struct u256 has, gas, price, fee, need;
	json_t *call;

	TRY(chain_wallet(c, sender_account(c->sender), &has));
	TRY(ask_number(c, "eth_gasPrice", json_array(), &price));
	TRY(limit_price(c, &price));
	TRY(u256_mul(price, u256_of(LEAST_GAS), &fee));
	if (u256_cmp(has, in->value) < 0)
		return too_little(c, has, in->value, fee);
	TRY(u256_add(in->value, fee, &need));
	if (u256_cmp(has, need) < 0)
		return too_little(c, has, in->value, fee);
	call = chain_call_of(c, in);
	TRY(ask_number(c, "eth_estimateGas", json_pack("[o]", call), &gas));
	TRY(u256_mul(gas, price, &fee));
	TRY(u256_scale(fee, FEE_TIMES, FEE_OF, &fee));
	if (u256_cmp(fee, c->highest_cost) > 0)
		return too_dear(c, "the fees could come to", fee, c->highest_cost, "--highest-cost");
	TRY(u256_add(in->value, fee, &need));
	return u256_cmp(has, need) < 0 ? too_little(c, has, in->value, fee) : NULL;
}

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

/* --- sending --- */

static struct error *judge(struct chain *c, const char *what, const struct txbox_record *record)
{
	switch (record->state) {
	case TXBOX_DONE:
		return NULL;
	case TXBOX_REVERTED:
		return error_new(ERROR_REFUSED,
				 "%s was carried out in block %" PRIu64
				 " and the contract refused it: something else came first; try again to hear what",
				 what, record->receipt.block);
	case TXBOX_REFUSED:
		return error_new(ERROR_REFUSED, "%s",
				 record->revert ? refusal_text(c, record->revert, record->revert_n) : record->why);
	case TXBOX_ABANDONED:
		return error_new(ERROR_REFUSED, "%s was abandoned (vcli outbox abandon)", what);
	case TXBOX_WANTED:
	case TXBOX_SIGNED:
	case TXBOX_MINED:
		break;
	}
	return chain_not_yet(c, what);
}

/* Checked, kept and waited for. */
static struct error *send_new(struct chain *c, const char *what, const struct txbox_intent *intent)
{
	struct progress *p;

	TRY(check(c, intent));
	c->waiting = intent->id;
	c->settled = false;
	TRY(sender_put(c->sender, intent));
	p = progress_new(c, c->v);
	progress_say(p, "%s: sent, waiting for its block", what);
	chain_wait(c);
	mem_free(p);
	c->waiting = NULL;
	return NULL;
}

/* What --once has named before was carried out when the outbox was opened, or stays refused. */
static struct error *send_intent(struct chain *c, const char *what, const struct txbox_intent *intent,
				 struct txbox_record **ret_record)
{
	struct txbox_record *record = NULL;
	struct error *e = txbox_get(c, c->db, intent->id, &record);

	if (!e)
		e = chain_once_check(c, what, intent, &record->intent);
	if (e && e->code != ERROR_NOT_FOUND)
		return e;
	if (e) {
		error_free(e);
		TRY(send_new(c, what, intent));
		TRY(txbox_get(c, c->db, intent->id, &record));
	}
	TRY(judge(c, what, record));
	*ret_record = record;
	return NULL;
}

struct error *chain_send(struct chain *c, const char *contract, const char *function, const json_t *args,
			 struct u256 value, struct txbox_record **ret_record)
{
	const struct contract *interface = NULL;
	struct txbox_intent *intent = NULL;
	uint8_t address[ETH_ADDRESS_BYTES] = {0};
	char *id = NULL, *what = mem_printf(c, "%s.%s", contract, function ? function : "constructor");

	TRY(chain_once_id(c, what, &id));
	TRY(contract_builtin(c, contract, &interface));
	if (!function) {
		TRY(contract_create(c, interface, id, args, &intent));
	} else {
		TRY(deployment_get(c->deployment, contract, address));
		TRY(contract_transact(c, interface, address, id, function, args, value, &intent));
	}
	return send_intent(c, what, intent, ret_record);
}

static void tell(struct chain *c, const char *what, const struct txbox_record *record)
{
	json_t *list = json_object_get(c->v->answer, "transactions");
	char *hash = hex_encode(c, record->receipt.tx_hash, TX_HASH_BYTES);

	if (!list) {
		list = json_array();
		json_object_set_new(c->v->answer, "transactions", list);
	}
	json_array_append_new(list, json_pack("{s:o,s:o,s:o,s:o}", "what", json_string(what), "hash",
					      json_sprintf("0x%s", hash), "block",
					      json_sprintf("%" PRIu64, record->receipt.block), "gas",
					      json_sprintf("%" PRIu64, record->receipt.gas_used)));
}

struct error *chain_do(struct chain *c, const char *contract, const char *function, json_t *args, struct u256 value,
		       struct txbox_record **ret_record)
{
	struct txbox_record *record = NULL;
	struct error *e = chain_send(c, contract, function, args, value, &record);

	json_decref(args);
	if (e)
		return e;
	tell(c, mem_printf(c, "%s.%s", contract, function), record);
	if (ret_record)
		*ret_record = record;
	return NULL;
}

struct error *chain_pay(struct chain *c, const uint8_t to[ETH_ADDRESS_BYTES], struct u256 value)
{
	struct txbox_intent intent = {.value = value, .data = (const uint8_t *)""};
	const char *what = "payment";
	struct txbox_record *record = NULL;
	char *id = NULL;

	TRY(chain_once_id(c, what, &id));
	intent.id = id;
	memcpy(intent.to, to, sizeof(intent.to));
	TRY(send_intent(c, what, &intent, &record));
	tell(c, what, record);
	return NULL;
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
