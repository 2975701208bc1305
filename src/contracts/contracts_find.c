/* Events of one transaction. Behind one URL may be several nodes, and the one that answers now may not have the block
 * yet. */
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/loop.h"
#include "base/mem.h"
#include "contracts/contracts_impl.h"

#define POLL_MS 200
#define RECEIPT_MS 10000 /* so long a receipt that was there may be missing */

struct contracts_search {
	struct contracts *k;
	const void *ctx; /* what is decoded belongs to it */
	uint8_t tx_hash[TX_HASH_BYTES];
	char *hash; /* its digits */
	const struct codec_event *event;
	uint8_t address[ETH_ADDRESS_BYTES];
	int64_t late_ms; /* monotonic clock */
	void *ret;
	contracts_fn *fn;
	void *arg;
};

static void on_receipt(const struct rpc_reply *reply, void *arg);

static void finish(struct contracts_search *s, struct error *e)
{
	talloc_steal(NULL, s);
	contracts_tell(e, CONTRACTS_REFUSAL_NONE, s->fn, s->arg);
	mem_free(s);
}

static void on_turn(void *arg)
{
	struct contracts_search *s = arg;

	rpc_call(s->k->config.rpc, s, "eth_getTransactionReceipt", json_pack("[o]", json_sprintf("0x%s", s->hash)),
		 on_receipt, s);
}

static struct error *read_one(struct contracts_search *s, const json_t *value, bool *ret_found)
{
	const struct json_place at = {NULL, "eth_getTransactionReceipt", 0};
	struct chain_log log;
	struct error *e;

	TRY(rpc_read_log(s, value, &at, &log));
	if (memcmp(s->tx_hash, log.tx_hash, sizeof(log.tx_hash)) != 0)
		return error_new(ERROR_INVALID, "the endpoint tells an event of another transaction than 0x%s",
				 s->hash);
	if (memcmp(s->address, log.address, sizeof(log.address)) != 0)
		return NULL;
	e = codec_log(s->ctx, s->event, &log, s->ret);
	*ret_found = !e;
	if (!e || e->code != ERROR_NOT_FOUND)
		return e;
	error_free(e);
	return NULL;
}

static struct error *read_all(struct contracts_search *s, const json_t *receipt)
{
	const json_t *logs = json_object_get(receipt, "logs");
	bool found = false;

	for (size_t i = 0; !found && i < json_array_size(logs); i++)
		TRY(read_one(s, json_array_get(logs, i), &found));
	return found ? NULL : error_new(ERROR_NOT_FOUND, "transaction 0x%s left no event %s", s->hash, s->event->name);
}

static void on_receipt(const struct rpc_reply *reply, void *arg)
{
	struct contracts_search *s = arg;

	if (reply->error)
		finish(s, error_copy(reply->error));
	else if (!json_is_null(reply->result))
		finish(s, read_all(s, reply->result));
	else if (clock_mono_ms() >= s->late_ms)
		finish(s, error_new(ERROR_UNAVAILABLE,
				    "transaction 0x%s was carried out, but the endpoint does not tell its receipt",
				    s->hash));
	else
		timer_start(s, s->k->config.loop, POLL_MS, 0, on_turn, s);
}

void contracts_find(const void *ctx, struct contracts *k, const struct txbox_record *record,
		    const struct codec_event *event, void *ret, contracts_fn *fn, void *arg)
{
	struct contracts_search *s = mem_new(ctx, struct contracts_search);
	struct error *e = contracts_address(k, event->contract, s->address);

	if (e) {
		mem_free(s);
		contracts_fail(ctx, k, e, fn, arg);
		return;
	}
	s->k = k;
	s->ctx = ctx;
	memcpy(s->tx_hash, record->receipt.tx_hash, sizeof(s->tx_hash));
	s->hash = hex_encode(s, record->receipt.tx_hash, TX_HASH_BYTES);
	s->event = event;
	s->late_ms = clock_mono_ms() + RECEIPT_MS;
	s->ret = ret;
	s->fn = fn;
	s->arg = arg;
	on_turn(s);
}
