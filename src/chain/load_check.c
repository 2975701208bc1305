/* After a load's calls: what the chain has of them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "chain/load_impl.h"

#define BLOCKS 100000 /* looked at, at most */
#define COUNTED_MS 60000
#define FIRST_CALLS 2 /* those that were made to measure */

static struct lane *lane_of(const struct load *l, const char *from)
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

static void note_nonce(struct lane *lane, uint64_t nonce)
{
	struct load_result *r = lane->load->result;

	if (nonce < lane->first_nonce || nonce - lane->first_nonce >= lane->put) {
		r->gaps++;
		return;
	}
	r->confirmed++;
	r->twice += lane->seen[nonce - lane->first_nonce];
	lane->seen[nonce - lane->first_nonce] = 1;
}

/* Of a block's transactions, those that the load has made. */
static struct error *count_calls(struct load *l, const json_t *block, size_t *ret_calls)
{
	const struct place at = {NULL, "eth_getBlockByNumber: nonce", 0};
	const json_t *tx;
	size_t i, calls = 0;

	json_array_foreach (json_object_get(block, "transactions"), i, tx) {
		struct lane *lane = lane_of(l, json_string_value(json_object_get(tx, "from")));
		uint64_t nonce = 0;

		if (!lane)
			continue;
		TRY(rpc_read_quantity(json_object_get(tx, "nonce"), &at, &nonce));
		note_nonce(lane, nonce);
		calls++;
	}
	*ret_calls = calls;
	return NULL;
}

static void check_nonces(struct load *l)
{
	for (size_t i = 0; i < l->config->accounts; i++) {
		const struct lane *lane = &l->lanes[i];

		for (size_t k = 0; k < lane->put; k++)
			l->result->gaps += !lane->seen[k];
	}
}

static struct error *read_block(struct load *l, uint64_t number)
{
	const struct place at = {NULL, "eth_getBlockByNumber", 0};
	struct load_result *r = l->result;
	char *quantity = u256_quantity(l, u256_of(number));
	struct block_head head = {0};
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
	const struct place at = {NULL, "eth_blockNumber", 0};
	struct load_result *r = l->result;
	json_t *latest = NULL;
	uint64_t last = 0;
	struct error *e;

	for (size_t i = 0; i < l->config->accounts; i++)
		l->lanes[i].seen = mem_array(l, uint8_t, l->lanes[i].put + 1);
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

/* From the first block on, which is not whole, for the time that was asked for. */
static void measure_window(struct load *l)
{
	struct load_result *r = l->result;
	const struct load_block *first = r->blocks;
	int64_t end_ms = first->time_ms + l->config->seconds * 1000, last_ms = first->time_ms;
	size_t count = 0;

	for (size_t i = 1; i < r->block_count && r->blocks[i].time_ms <= end_ms; i++) {
		r->window_calls += r->blocks[i].calls;
		last_ms = r->blocks[i].time_ms;
		count++;
	}
	if (count == 0)
		return;
	/* When the last blocks are missing, their time counts all the same. */
	r->window_s = l->config->seconds;
	r->block_s = (double)(last_ms - first->time_ms) / 1000 / (double)count;
	r->rate = (double)r->window_calls / (double)r->window_s;
	if (r->block_s > 0) {
		uint64_t calls = r->gas_limit / r->gas_per_call;

		r->limit = (double)calls / r->block_s;
	}
}

static struct error *read_counts(struct load *l)
{
	const struct place at = {NULL, "eth_getTransactionCount", 0};

	for (size_t i = 0; i < l->config->accounts; i++) {
		const struct lane *lane = &l->lanes[i];
		char text[ADDRESS_TEXT_BYTES];
		json_t *result = NULL;
		uint64_t count = 0;
		struct error *e;

		eth_address_text(lane->address, text);
		TRY(load_call(l, "eth_getTransactionCount", json_pack("[s,s]", text, "latest"), &result));
		e = rpc_read_quantity(result, &at, &count);
		json_decref(result);
		TRY(e);
		if (count != lane->first_nonce + lane->put)
			l->result->accounts_wrong++;
	}
	return NULL;
}

struct counted {
	uv_loop_t *loop;
	bool done;
	struct error *error;
	int64_t value;
};

static void on_counted(const struct error *e, const json_t *values, void *arg)
{
	struct counted *c = arg;

	c->done = true;
	uv_stop(c->loop);
	c->error = e ? error_copy(e) : NULL;
	if (values)
		c->value = strtoll(json_string_value(json_array_get(values, 0)), NULL, 10);
}

static struct error *read_counter(struct load *l)
{
	struct counted *c = mem_new(l, struct counted);
	json_t *none = json_array();
	struct error *e;

	c->loop = l->loop;
	contract_ask(c, l->config->rpc, l->contract, l->counter, NULL, "getCount", none, on_counted, c);
	json_decref(none);
	e = load_wait(l, &c->done, COUNTED_MS, "getCount");
	if (!e)
		e = c->error;
	l->result->counter = c->value - FIRST_CALLS;
	mem_free(c);
	return e;
}

struct error *load_check(struct load *l)
{
	TRY(read_blocks(l));
	check_nonces(l);
	if (l->result->block_count > 0)
		measure_window(l);
	TRY(read_counts(l));
	return read_counter(l);
}

bool load_whole(const struct load_result *r)
{
	return r->sent > 0 && r->confirmed == r->sent && !r->reverted && !r->refused && !r->unsettled && !r->twice &&
	       !r->gaps && !r->accounts_wrong && r->counter == (int64_t)r->confirmed;
}

/* --- JSON --- */

static void put_number(json_t *o, const char *key, double value)
{
	json_object_set_new(o, key, json_sprintf("%.2f", value));
}

static json_t *blocks_json(const struct load_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->block_count; i++) {
		const struct load_block *b = &r->blocks[i];
		json_t *o = json_object();

		json_put_decimal(o, "number", (int64_t)b->number);
		json_put_decimal(o, "time", b->time_ms / 1000);
		json_put_decimal(o, "transactions", (int64_t)b->all);
		json_put_decimal(o, "calls", (int64_t)b->calls);
		json_put_decimal(o, "gas_used", (int64_t)b->gas_used);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *samples_json(const struct load_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->sample_count; i++) {
		const struct load_sample *s = &r->samples[i];
		json_t *o = json_object();

		json_object_set_new(o, "time", json_sprintf("%.3f", (double)s->at_ms / 1000));
		if (s->pool >= 0)
			json_put_decimal(o, "pool", s->pool);
		json_put_decimal(o, "kept", s->kept);
		json_array_append_new(list, o);
	}
	return list;
}

json_t *load_json(const struct load_result *r)
{
	json_t *o = json_object();

	put_number(o, "rate_per_s", r->rate);
	put_number(o, "limit_per_s", r->limit);
	put_number(o, "ratio", r->limit > 0 ? r->rate / r->limit : 0);
	json_put_decimal(o, "seconds", r->window_s);
	json_put_decimal(o, "calls", (int64_t)r->window_calls);
	json_put_decimal(o, "gas_limit", (int64_t)r->gas_limit);
	json_put_decimal(o, "gas_per_call", (int64_t)r->gas_per_call);
	put_number(o, "block_s", r->block_s);
	json_put_decimal(o, "sent", (int64_t)r->sent);
	json_put_decimal(o, "confirmed", (int64_t)r->confirmed);
	json_put_decimal(o, "receipts", (int64_t)r->receipts);
	json_put_decimal(o, "reverted", (int64_t)r->reverted);
	json_put_decimal(o, "refused", (int64_t)r->refused);
	json_put_decimal(o, "unsettled", (int64_t)r->unsettled);
	json_put_decimal(o, "nonces_twice", (int64_t)r->twice);
	json_put_decimal(o, "nonce_gaps", (int64_t)r->gaps);
	json_put_decimal(o, "accounts_wrong", (int64_t)r->accounts_wrong);
	json_put_decimal(o, "counter", r->counter);
	json_put(o, "whole", load_whole(r) ? "yes" : "no");
	put_number(o, "ran_s", (double)r->ran_ms / 1000);
	put_number(o, "client_cpu_s", (double)r->cpu_ms / 1000);
	json_put_decimal(o, "exchanges", (int64_t)r->posts);
	json_object_set_new(o, "blocks", blocks_json(r));
	json_object_set_new(o, "samples", samples_json(r));
	return o;
}
