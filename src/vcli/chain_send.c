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
#include "crypto/secret.h"
#include "vcli/chain.h"
#include "vcli/chain_once.h"
#include "vcli/money.h"
#include "vcli/paths.h"
#include "vcli/progress.h"
#include "vcli/purse.h"
#include "vcli/refusal.h"

#define POLL_MS 200
#define LOCK_MS 100
#define RECEIPT_MS 10000 /* so long a receipt that was there may be missing */
/* Over what the chain asks now: a base fee that doubles, and the margin over the estimate. */
#define FEE_TIMES 5
#define FEE_OF 2
#define LEAST_GAS 21000 /* of any transaction */

static struct error *pending(struct chain *c, int64_t *ret_count)
{
	return txbox_pending(c->db, sender_account(c->sender), ret_count);
}

/* Others' intentions may end too: those that an earlier run left. */
static void on_fate(const struct txbox_record *record, void *arg)
{
	struct chain *c = arg;
	int64_t left = 0;

	if (c->waiting && strcmp(c->waiting, record->intent.id) == 0)
		c->settled = true;
	if (!c->waiting) {
		struct error *e = pending(c, &left);

		c->settled = e || left == 0;
		error_free(e);
	}
	if (c->settled)
		uv_stop(&c->v->loop); /* it may be about to wait for what comes next */
}

static struct error *not_yet(struct chain *c, const char *what)
{
	const char *trouble = sender_trouble(c->sender);

	return error_new(ERROR_TIMEOUT,
			 "%s is not confirmed yet%s%s: it is kept, and the next command of this account goes on", what,
			 trouble ? ": " : "", trouble ? trouble : "");
}

/* What an earlier command left comes first: the next one may rest on it. */
static struct error *drain(struct chain *c)
{
	struct progress *p;
	int64_t left = 0;

	TRY(pending(c, &left));
	if (left == 0)
		return NULL;
	p = progress_new(c, c->v);
	progress_say(p, "what an earlier command left is written first");
	c->waiting = NULL;
	c->settled = false;
	chain_run(c, &c->settled);
	mem_free(p);
	TRY(pending(c, &left));
	return left == 0 ? NULL : not_yet(c, "an earlier transaction of this account");
}

/* --- may it succeed? --- */

static json_t *call_of(struct chain *c, const struct intent *in)
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
	return call;
}

static struct error *ask_number(struct chain *c, const char *method, json_t *params, struct u256 *ret)
{
	const struct place at = {NULL, method, 0};
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
	return error_new(ERROR_REFUSED,
			 "%s has %s; %s and fees of up to %s are needed: send ether to it (vcli payment send), or name "
			 "another --account",
			 text, amount_words(c, has), amount_words(c, value), amount_words(c, fee));
}

static struct error *check(struct chain *c, const struct intent *in)
{
	struct u256 has, gas, price, fee, need;
	json_t *call;

	TRY(chain_wallet(c, sender_account(c->sender), &has));
	TRY(ask_number(c, "eth_gasPrice", json_array(), &price));
	if (!u256_is_zero(c->highest_fee) && u256_cmp(price, c->highest_fee) > 0)
		price = c->highest_fee;
	TRY(u256_mul(price, u256_of(LEAST_GAS), &fee));
	if (u256_cmp(has, in->value) < 0)
		return too_little(c, has, in->value, fee);
	TRY(u256_add(in->value, fee, &need));
	if (u256_cmp(has, need) < 0)
		return too_little(c, has, in->value, fee);
	call = call_of(c, in);
	json_put(call, "value", u256_quantity(c, in->value));
	TRY(ask_number(c, "eth_estimateGas", json_pack("[o]", call), &gas));
	TRY(u256_mul(gas, price, &fee));
	TRY(u256_scale(fee, FEE_TIMES, FEE_OF, &fee));
	TRY(u256_add(in->value, fee, &need));
	return u256_cmp(has, need) < 0 ? too_little(c, has, in->value, fee) : NULL;
}

struct error *chain_would(struct chain *c, const char *contract, const char *function, const json_t *args)
{
	const struct contract *interface = NULL;
	struct intent *intent = NULL;
	uint8_t address[ETH_ADDRESS_BYTES];
	json_t *result = NULL;

	TRY(contract_builtin(c, contract, &interface));
	TRY(deployment_get(c->deployment, contract, address));
	TRY(contract_transact(c, interface, address, "", function, args, U256_ZERO, &intent));
	TRY(chain_call(c, "eth_call", json_pack("[o,s]", call_of(c, intent), "latest"), &result));
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
	case TXBOX_WANTED:
	case TXBOX_SIGNED:
	case TXBOX_MINED:
		break;
	}
	return not_yet(c, what);
}

/* Checked, kept and waited for. */
static struct error *send_new(struct chain *c, const char *what, const struct intent *intent)
{
	struct progress *p;

	TRY(check(c, intent));
	c->waiting = intent->id;
	c->settled = false;
	TRY(sender_put(c->sender, intent));
	p = progress_new(c, c->v);
	progress_say(p, "%s: sent, waiting for its block", what);
	chain_run(c, &c->settled);
	mem_free(p);
	c->waiting = NULL;
	return NULL;
}

/* What --once has named before was carried out when the outbox was opened, or stays refused. */
static struct error *send_intent(struct chain *c, const char *what, const struct intent *intent,
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
	struct intent *intent = NULL;
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
	struct intent intent = {.value = value, .data = (const uint8_t *)""};
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
	const struct place at = {NULL, "eth_getTransactionReceipt", 0};
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

/* --- opening --- */

static void on_pause(void *arg)
{
	struct chain *c = arg;

	c->settled = true;
	uv_stop(&c->v->loop);
}

/* Another command of the account may be at work: its turn comes first. */
static struct error *open_sender(struct chain *c, const struct sender_config *config, const struct secp_key *key)
{
	struct progress *p = progress_new(c, c->v);
	struct error *e;

	progress_say(p, "another command of this account is at work");
	for (;;) {
		struct timer *t;
		bool in_time;

		e = sender_open(c, &c->v->loop, config, key, on_fate, c, &c->sender);
		if (!e || e->code != ERROR_EXISTS)
			break;
		c->settled = false;
		t = timer_start(c, &c->v->loop, LOCK_MS, 0, on_pause, c);
		in_time = chain_run(c, &c->settled);
		mem_free(t);
		if (!in_time) {
			e = error_wrap(e, "another command of this account is still at work, try again later");
			break;
		}
		error_free(e);
	}
	mem_free(p);
	return e;
}

/* An outbox for each chain: a development chain that was begun anew is another one. */
static struct error *open_outbox(struct chain *c, const struct secp_key *key)
{
	struct sender_config config = {.rpc = c->rpc, .poll_ms = POLL_MS, .highest_fee = c->highest_fee};
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
	return open_sender(c, &config, key);
}

static struct error *read_limit(struct chain *c)
{
	if (!c->v->set.highest_fee)
		return NULL;
	TRY(money_amount("--highest-fee", c->v->set.highest_fee, &c->highest_fee));
	return u256_is_zero(c->highest_fee) ? error_new(ERROR_INVALID, "--highest-fee: must be over 0") : NULL;
}

struct error *chain_unlock(struct chain *c)
{
	struct secp_key key = {{0}, {0}};
	struct error *e;

	TRY(read_limit(c));
	e = purse_key(c->v, true, &key);
	if (!e)
		e = open_outbox(c, &key);
	secret_wipe(&key, sizeof(key));
	return e ? e : drain(c);
}
