/* After a load's calls: what the chain has of them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "contracts/counter_abi.h"
#include "devnet/load_impl.h"

#define BLOCKS 100000 /* looked at, at most */
#define FIRST_CALLS 2 /* those that were made to measure */

static struct load_lane *lane_of(const struct load *l, const char *from)
{
	uint8_t address[ETH_ADDRESS_BYTES];
	struct error *e = from ? eth_address_parse(from, address) : NULL;

	for (size_t i = 0; from && !e && i < l->config->accounts; i++) {
		if (memcmp(l->lanes[i].address, address, sizeof(address)) == 0)
			return &l->lanes[i];
	}
	error_free(e);
	return NULL;
}

/* Of a block's transactions, those that the load has made. */
static struct error *count_calls(struct load *l, const json_t *block, size_t *ret_calls)
{
	const struct json_place at = {NULL, "eth_getBlockByNumber: nonce", 0};
	const json_t *tx;
	size_t i, calls = 0;

	json_array_foreach (json_object_get(block, "transactions"), i, tx) {
		struct load_lane *lane = lane_of(l, json_string_value(json_object_get(tx, "from")));
		uint64_t nonce = 0;

		if (!lane)
			continue;
		TRY(rpc_read_quantity(json_object_get(tx, "nonce"), &at, &nonce));
		load_count_nonce(l->result, &lane->nonces, nonce);
		calls++;
	}
	*ret_calls = calls;
	return NULL;
}

static struct error *read_block(struct load *l, uint64_t number)
{
	const struct json_place at = {NULL, "eth_getBlockByNumber", 0};
	struct load_result *r = l->result;
	char *quantity = u256_quantity(l, u256_of(number));
	struct rpc_block_head head = {0};
	struct load_block b = {.number = number};
	json_t *block = NULL;
	struct error *e;

	TRY(load_call(l, "eth_getBlockByNumber", json_pack("[s,b]", quantity, 1), &block));
	mem_free(quantity);
	b.all = json_array_size(json_object_get(block, "transactions"));
	e = rpc_read_block(block, &at, &head);
	if (!e)
		e = count_calls(l, block, &b.calls);
	json_decref(block);
	TRY(e);
	if (b.calls == 0 && r->block_count == 0)
		return NULL; /* before the first one */
	b.time_ms = head.time_ms;
	b.gas_used = head.gas_used;
	b.gas_limit = head.gas_limit;
	r->blocks = mem_resize(r, r->blocks, struct load_block, r->block_count + 1);
	r->blocks[r->block_count++] = b;
	return NULL;
}

static struct error *read_blocks(struct load *l)
{
	const struct json_place at = {NULL, "eth_blockNumber", 0};
	struct load_result *r = l->result;
	json_t *latest = NULL;
	uint64_t last = 0;
	struct error *e;

	for (size_t i = 0; i < l->config->accounts; i++)
		l->lanes[i].nonces.seen = mem_array(l, uint8_t, l->lanes[i].nonces.count + 1);
	TRY(load_call(l, "eth_blockNumber", json_array(), &latest));
	e = rpc_read_quantity(latest, &at, &last);
	json_decref(latest);
	for (uint64_t n = l->first_block; !e && n <= last && r->block_count < BLOCKS; n++)
		e = read_block(l, n);
	/* Those that came while the last ones were waited for. */
	while (r->block_count > 0 && r->blocks[r->block_count - 1].calls == 0)
		r->block_count--;
	return e;
}

static struct error *read_counts(struct load *l)
{
	const struct json_place at = {NULL, "eth_getTransactionCount", 0};

	for (size_t i = 0; i < l->config->accounts; i++) {
		const struct load_lane *lane = &l->lanes[i];
		char text[ADDRESS_TEXT_BYTES];
		json_t *result = NULL;
		uint64_t count = 0;
		struct error *e;

		eth_address_text(lane->address, text);
		TRY(load_call(l, "eth_getTransactionCount", json_pack("[s,s]", text, "latest"), &result));
		e = rpc_read_quantity(result, &at, &count);
		json_decref(result);
		TRY(e);
		if (count != lane->nonces.first + lane->nonces.count)
			l->result->accounts_wrong++;
	}
	return NULL;
}

static struct error *read_counter(struct load *l)
{
	const struct json_place at = {NULL, counter_get_count_function.signature, 0};
	struct buf *data = buf_new(l, ABI_CALL_BYTES);
	struct txbox_intent question = {0};
	struct counter_get_count_result count;
	uint8_t *bytes = NULL;
	json_t *result = NULL;
	size_t n = 0;
	struct error *e;

	TRY(counter_get_count_encode(data));
	question.data = (const uint8_t *)data->data;
	question.n = data->len;
	memcpy(question.to, l->counter, sizeof(question.to));
	TRY(load_call(l, "eth_call", json_pack("[o,s]", contracts_call_json(NULL, &question), "latest"), &result));
	e = abi_read_hex(l, result, &at, ABI_CALL_BYTES, &bytes, &n);
	json_decref(result);
	TRY(e);
	TRY(counter_get_count_decode(l, bytes, n, &count));
	l->result->counter = strtoll(u256_signed_decimal(l, count.value), NULL, 10) - FIRST_CALLS;
	return NULL;
}

struct error *load_check(struct load *l)
{
	int64_t seconds = l->config->seconds;

	/* Ended early: the whole seconds in which calls were made. */
	if (l->result->interrupted)
		seconds = l->began_ms ? (l->ended_ms - l->began_ms) / 1000 : 0;
	TRY(read_blocks(l));
	for (size_t i = 0; i < l->config->accounts; i++)
		load_count_gaps(l->result, &l->lanes[i].nonces);
	load_measure(l->result, seconds);
	TRY(read_counts(l));
	return read_counter(l);
}
