/* Several endpoints are held against each other: what one says of a receipt counts when none says otherwise. */
#include <inttypes.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "chain/sender_impl.h"

struct asking {
	struct sender *sender;
	struct sender_agreement *agreement;
	struct rpc_receipt receipt;
};

/* What it says that others do not, for a person; NULL: it agrees, or has no say. Belongs to ctx. */
static char *objection(const void *ctx, const struct rpc_endpoint_reply *o, const struct rpc_receipt *wanted,
		       bool *ret_agrees)
{
	const struct json_place at = {NULL, "eth_getTransactionReceipt", 0};
	struct rpc_receipt told = {0};
	struct error *e;

	if (o->error)
		return NULL;
	if (json_is_null(o->result))
		return mem_printf(ctx, "%s knows of no block that has it", o->label);
	e = rpc_read_receipt(o->result, &at, &told);
	if (e) {
		char *why = mem_printf(ctx, "%s: %s", o->label, e->message);

		error_free(e);
		return why;
	}
	if (memcmp(told.tx_hash, wanted->tx_hash, TX_HASH_BYTES) == 0 &&
	    memcmp(told.block_hash, wanted->block_hash, HASH_BYTES) == 0 && told.succeeded == wanted->succeeded) {
		*ret_agrees = true;
		return NULL;
	}
	return mem_printf(ctx, "%s has it in block %" PRIu64 ", %s", o->label, told.block,
			  told.succeeded ? "carried out" : "refused by the contract");
}

static void on_replies(const struct rpc_endpoint_reply *replies, size_t count, void *arg)
{
	struct asking *asking = arg;
	struct sender_agreement *a = asking->agreement;
	struct sender *s = asking->sender;
	bool agrees = false;
	char *why = NULL;

	for (size_t i = 0; i < count && !why; i++)
		why = objection(asking, &replies[i], &asking->receipt, &agrees);
	a->asking = false;
	a->reached = agrees && !why;
	memcpy(a->hash, asking->receipt.tx_hash, sizeof(a->hash));
	memcpy(a->block_hash, asking->receipt.block_hash, sizeof(a->block_hash));
	mem_free(a->why);
	a->why = NULL;
	if (why) {
		char *hash = hex_encode(asking, asking->receipt.tx_hash, 8);

		a->why = mem_printf(
			s,
			"the endpoints disagree: of transaction 0x%s... one says that it is in block %" PRIu64
			", but %s: name those that you trust",
			hash, asking->receipt.block, why);
	}
	if (a->reached)
		timer_again(s->timer, 0, 0);
	mem_free(asking);
}

bool sender_agreed(struct sender *s, const void *ctx, struct sender_agreement *a, const struct rpc_receipt *receipt)
{
	bool same = memcmp(a->hash, receipt->tx_hash, TX_HASH_BYTES) == 0 &&
		    memcmp(a->block_hash, receipt->block_hash, HASH_BYTES) == 0;
	struct asking *asking;
	char *hash;

	if (rpc_endpoint_count(s->config.rpc) == 1 || (same && a->reached))
		return true;
	if (same && a->why)
		sender_set_trouble(s, a->why);
	if (a->asking)
		return false;
	a->asking = true;
	asking = mem_new(ctx, struct asking);
	*asking = (struct asking){s, a, *receipt};
	hash = hex_encode(asking, receipt->tx_hash, TX_HASH_BYTES);
	rpc_ask_each(s->config.rpc, asking, "eth_getTransactionReceipt", json_pack("[o]", json_sprintf("0x%s", hash)),
		     on_replies, asking);
	return false;
}
