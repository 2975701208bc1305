/* Before a load's calls: a counter of its own, what a call takes, accounts that can pay. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "chain/address.h"
#include "chain/amount.h"
#include "contracts/counter_abi.h"
#include "crypto/keccak.h"
#include "crypto/secret.h"
#include "devnet/load_impl.h"

#define SETTLE_MS 60000
#define TRANSFER_GAS 21000
#define MARGIN_PERCENT 5 /* of gas, over what a call took */

static void on_payer_fate(const struct txbox_record *record, void *arg)
{
	struct load *l = arg;

	if (strncmp(record->intent.id, l->run, strlen(l->run)) != 0)
		return; /* left by an earlier run */
	l->waiting--;
	l->receipt = record->receipt;
	if (record->state != TXBOX_DONE && !l->fault)
		l->fault = error_new(ERROR_REFUSED, "%s: %s", record->intent.id,
				     record->why ? record->why : txbox_state_word(record->state));
}

static struct error *settle(struct load *l, const char *what)
{
	struct error *e;
	bool done = false;

	while (l->waiting > 0 && !l->fault) {
		size_t before = l->waiting;

		done = false;
		for (int64_t waited = 0; l->waiting == before && !l->fault; waited++) {
			if (waited * 100 > SETTLE_MS)
				return error_new(ERROR_TIMEOUT, "%s: not carried out within %d s%s%s", what,
						 SETTLE_MS / 1000, sender_trouble(l->payer) ? ": " : "",
						 sender_trouble(l->payer) ? sender_trouble(l->payer) : "");
			e = load_wait(l, &done, 100, NULL);
			if (e)
				return e;
		}
	}
	e = l->fault;
	l->fault = NULL;
	return e ? error_wrap(e, "%s", what) : NULL;
}

static struct error *pay(struct load *l, const struct txbox_intent *intent)
{
	TRY(sender_put(l->payer, intent));
	l->waiting++;
	return NULL;
}

static struct error *call_once(struct load *l, const char *suffix)
{
	struct txbox_intent intent = l->call;

	intent.id = mem_printf(l, "%s-%s", l->run, suffix);
	TRY(pay(l, &intent));
	return settle(l, "the first call");
}

static struct error *deploy(struct load *l)
{
	struct buf *data = buf_new(l, ABI_CALL_BYTES);
	struct txbox_intent intent = {.id = mem_printf(data, "%s-counter", l->run), .creates = true};

	TRY(counter_constructor_encode(data));
	intent.data = (const uint8_t *)data->data;
	intent.n = data->len;
	TRY(pay(l, &intent));
	mem_free(data);
	TRY(settle(l, "the counter's deployment"));
	memcpy(l->counter, l->receipt.contract, sizeof(l->counter));
	return NULL;
}

/* The first call makes the number in the contract's storage; the second costs what all others will. */
static struct error *make_counter(struct load *l)
{
	struct buf *data = buf_new(l, ABI_CALL_BYTES);

	TRY(deploy(l));
	TRY(counter_increment_counter_encode(data));
	l->call = (struct txbox_intent){.data = (const uint8_t *)data->data, .n = data->len};
	memcpy(l->call.to, l->counter, sizeof(l->counter));
	TRY(call_once(l, "first"));
	TRY(call_once(l, "second"));
	l->result->gas_per_call = l->receipt.gas_used;
	return NULL;
}

/* anvil without a block time: a block whenever there is something to put into one, so how many calls fit says nothing;
 * and with more of them waiting than a block holds it stands still. */
static struct error *refuse_automine(struct load *l)
{
	json_t *result = NULL;
	struct error *e = load_call(l, "anvil_getAutomine", json_array(), &result);
	bool on = !e && json_is_true(result);
	bool other_chain = e && e->code == ERROR_FAILED; /* it does not know the method */

	json_decref(result);
	if (other_chain)
		error_free(e);
	if (e && !other_chain)
		return e;
	return on ? error_new(
			    ERROR_REFUSED,
			    "this chain makes a block for each transaction, so there is no limit to measure: give it a period (vcli chain up --period 1; anvil --block-time 1)")
		  : NULL;
}

static struct error *read_gas_limit(struct load *l)
{
	const struct json_place at = {NULL, "the latest block", 0};
	struct rpc_block_head head = {0};
	json_t *result = NULL;
	struct error *e;

	TRY(load_call(l, "eth_getBlockByNumber", json_pack("[s,b]", "latest", 0), &result));
	e = rpc_read_block(result, &at, &head);
	json_decref(result);
	l->result->gas_limit = head.gas_limit;
	l->first_block = head.number;
	return e;
}

static struct error *ask_number(struct load *l, const char *method, json_t *params, struct u256 *ret)
{
	const struct json_place at = {NULL, method, 0};
	json_t *result = NULL;
	struct error *e;

	TRY(load_call(l, method, params, &result));
	e = rpc_read_number(result, &at, ret);
	json_decref(result);
	return e;
}

/* An account's share of all calls that can fit, at four times the price of now. */
static struct error *share(struct load *l, struct u256 *ret_wei)
{
	const struct load_config *c = l->config;
	uint64_t calls = l->result->gas_limit / l->result->gas_per_call * (uint64_t)(c->seconds + 30);
	struct u256 price = U256_ZERO;

	TRY(ask_number(l, "eth_gasPrice", json_array(), &price));
	calls = calls / c->accounts + c->window;
	TRY(u256_mul(price, u256_of(calls * 4), &price));
	return u256_mul(price, u256_of(l->result->gas_per_call), ret_wei);
}

static struct error *pay_lane(struct load *l, size_t i, struct u256 wanted, struct u256 *left)
{
	char text[ADDRESS_TEXT_BYTES], *id = mem_printf(l, "%s-pay-%zu", l->run, i);
	struct txbox_intent intent = {.id = id, .gas = TRANSFER_GAS};
	struct u256 has = U256_ZERO;
	struct error *e;

	eth_address_text(l->lanes[i].address, text);
	TRY(ask_number(l, "eth_getBalance", json_pack("[s,s]", text, "latest"), &has));
	if (u256_cmp(has, wanted) >= 0)
		return NULL;
	TRY(u256_sub(wanted, has, &intent.value));
	e = u256_sub(*left, intent.value, left);
	if (e) {
		error_free(e);
		return error_new(ERROR_REFUSED, "the paying account has too little: each of %zu accounts is given %s",
				 l->config->accounts, amount_words(l, wanted));
	}
	memcpy(intent.to, l->lanes[i].address, sizeof(intent.to));
	return pay(l, &intent);
}

static struct error *pay_lanes(struct load *l)
{
	struct u256 wanted = U256_ZERO, left = U256_ZERO;
	char text[ADDRESS_TEXT_BYTES];

	eth_address_text(sender_account(l->payer), text);
	TRY(share(l, &wanted));
	TRY(ask_number(l, "eth_getBalance", json_pack("[s,s]", text, "latest"), &left));
	for (size_t i = 0; i < l->config->accounts; i++)
		TRY(pay_lane(l, i, wanted, &left));
	return settle(l, "payment of the accounts that call");
}

/* One way: who learns an account's key does not learn the payer's. */
static struct error *derive(const struct secp_key *payer, uint32_t index, struct secp_key *ret_key)
{
	static const char label[] = "dsn load account";
	uint8_t secret[KECCAK_BYTES],
		number[4] = {(uint8_t)(index >> 24), (uint8_t)(index >> 16), (uint8_t)(index >> 8), (uint8_t)index};
	struct keccak k;
	struct error *e;

	keccak_init(&k);
	keccak_update(&k, label, sizeof(label));
	keccak_update(&k, payer->secret, sizeof(payer->secret));
	keccak_update(&k, number, sizeof(number));
	keccak_digest(&k, secret);
	e = secp_key_from_secret(secret, ret_key);
	secret_wipe(&k, sizeof(k));
	secret_wipe(secret, sizeof(secret));
	return e;
}

static struct error *open_lane(struct load *l, size_t i, const struct sender_config *config)
{
	struct load_lane *lane = &l->lanes[i];
	struct secp_key key;
	struct error *e = derive(l->config->payer, (uint32_t)i, &key);

	if (!e)
		e = sender_open(l, l->loop, config, &key, load_on_final, lane, &lane->sender);
	secret_wipe(&key, sizeof(key));
	TRY(e);
	memcpy(lane->address, sender_account(lane->sender), sizeof(lane->address));
	return NULL;
}

static struct error *open_lanes(struct load *l)
{
	const struct sender_config config = {.rpc = l->config->rpc,
					     .db = l->config->db,
					     .confirmations = l->config->confirmations,
					     .poll_ms = 400,
					     .window = l->config->window,
					     .believe_count = true};

	l->lanes = mem_array(l, struct load_lane, l->config->accounts);
	for (size_t i = 0; i < l->config->accounts; i++) {
		l->lanes[i].load = l;
		TRY(open_lane(l, i, &config));
	}
	return NULL;
}

/* Where each account's nonces begin. */
static struct error *read_nonces(struct load *l)
{
	for (size_t i = 0; i < l->config->accounts; i++) {
		struct u256 count = U256_ZERO;
		char text[ADDRESS_TEXT_BYTES];

		eth_address_text(l->lanes[i].address, text);
		TRY(ask_number(l, "eth_getTransactionCount", json_pack("[s,s]", text, "latest"), &count));
		if (!u256_to_u64(count, &l->lanes[i].nonces.first))
			return error_new(ERROR_INVALID, "eth_getTransactionCount: out of range");
	}
	return NULL;
}

struct error *load_setup(struct load *l)
{
	const struct sender_config config = {
		.rpc = l->config->rpc, .db = l->config->db, .poll_ms = 200, .believe_count = true};
	const struct load_config *c = l->config;

	TRY(refuse_automine(l));
	TRY(sender_open(l, l->loop, &config, c->payer, on_payer_fate, l, &l->payer));
	TRY(make_counter(l));
	TRY(read_gas_limit(l));
	l->gas = l->result->gas_per_call + l->result->gas_per_call * MARGIN_PERCENT / 100;
	TRY(open_lanes(l));
	TRY(pay_lanes(l));
	return read_nonces(l);
}
