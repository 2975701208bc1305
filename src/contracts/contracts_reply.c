#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "contracts/contracts_impl.h"
#include "contracts/refusal.h"

/* A node whose contract gave no reason may tell of no bytes at all: geth 1.9 only says so. */
static bool reverted(const struct rpc_reply *reply)
{
	return reply->words && strstr(reply->words, "execution reverted");
}

struct error *contracts_reply_error(const struct rpc_reply *reply, enum contracts_refusal *ret_refusal)
{
	struct error *e;
	char *why;

	*ret_refusal = CONTRACTS_REFUSAL_NONE;
	if (!reply->error)
		return NULL;
	if (reply->revert) {
		*ret_refusal = refusal_of(reply->revert, reply->revert_n);
		why = refusal_text(NULL, reply->revert, reply->revert_n);
		e = error_new(ERROR_REFUSED, "%s", why);
		mem_free(why);
		return e;
	}
	return reverted(reply) ? error_new(ERROR_REFUSED, "%s", reply->words) : error_copy(reply->error);
}

json_t *contracts_call_json(const uint8_t *from, const struct txbox_intent *in)
{
	char text[ADDRESS_TEXT_BYTES], *digits = hex_encode(NULL, in->data, in->n), *value;
	json_t *call = json_object();

	if (from) {
		eth_address_text(from, text);
		json_put(call, "from", text);
	}
	if (!in->creates) {
		eth_address_text(in->to, text);
		json_put(call, "to", text);
	}
	json_object_set_new(call, "data", json_sprintf("0x%s", digits));
	if (!u256_is_zero(in->value)) {
		value = u256_quantity(digits, in->value);
		json_put(call, "value", value);
	}
	mem_free(digits);
	return call;
}
