/* What would fail, or cost too much, is refused before it is kept: with one estimate of its gas, which the sender
 * takes.
 */
#include <string.h>

#include "base/mem.h"
#include "chain/address.h"
#include "chain/amount.h"
#include "chain/gather.h"
#include "contracts/contracts_impl.h"

/* Over what the chain asks now: a base fee that doubles, and the margin over the estimate. */
#define FEE_TIMES 5
#define FEE_OF 2
#define LEAST_GAS 21000 /* of any transaction */

struct contracts_looking {
	struct contracts *k;
	json_t *call;
	struct u256 value, has, price;
	uint64_t *ret_gas;
	contracts_fn *fn;
	void *arg;
};

static int looking_destroy(struct contracts_looking *l)
{
	json_decref(l->call);
	return 0;
}

static void finish(struct contracts_looking *l, struct error *e, enum contracts_refusal refusal)
{
	talloc_steal(NULL, l);
	contracts_tell(e, refusal, l->fn, l->arg);
	mem_free(l);
}

static struct error *too_little(const struct contracts_looking *l, struct u256 fee)
{
	char text[ADDRESS_TEXT_BYTES];

	eth_address_text(contracts_account(l->k), text);
	return error_new(
		ERROR_REFUSED,
		"%s has %s; %s and fees of up to %s are needed: send ether to it (vcli payment send), or name another --account",
		text, amount_words(l, l->has), amount_words(l, l->value), amount_words(l, fee));
}

static struct error *too_dear(const struct contracts_looking *l, const char *what, struct u256 asked, struct u256 most,
			      const char *flag)
{
	return error_new(
		ERROR_REFUSED,
		"%s %s, over the limit of %s: nothing is signed; if that is what the chain costs, say so with %s", what,
		amount_words(l, asked), amount_words(l, most), flag);
}

/* What the endpoint asks may be false. Who has set a limit may wait until it is kept. */
static struct error *limit_price(struct contracts_looking *l)
{
	const struct contracts_config *c = &l->k->config;

	if (u256_cmp(l->price, c->highest_fee) <= 0)
		return NULL;
	if (!c->patient)
		return too_dear(l, "the endpoint asks for a unit of gas", l->price, c->highest_fee, "--highest-fee");
	l->price = c->highest_fee;
	return NULL;
}

static struct error *check_means(const struct contracts_looking *l, struct u256 fee)
{
	struct u256 need;

	if (u256_cmp(l->has, l->value) < 0)
		return too_little(l, fee);
	TRY(u256_add(l->value, fee, &need));
	return u256_cmp(l->has, need) < 0 ? too_little(l, fee) : NULL;
}

static struct error *check_cost(const struct contracts_looking *l, struct u256 gas)
{
	struct u256 fee;

	TRY(u256_mul(gas, l->price, &fee));
	TRY(u256_scale(fee, FEE_TIMES, FEE_OF, &fee));
	if (u256_cmp(fee, l->k->config.highest_cost) > 0)
		return too_dear(l, "the fees could come to", fee, l->k->config.highest_cost, "--highest-cost");
	return check_means(l, fee);
}

static void on_estimate(const struct rpc_reply *reply, void *arg)
{
	const struct json_place at = {NULL, "eth_estimateGas", 0};
	struct contracts_looking *l = arg;
	enum contracts_refusal refusal = CONTRACTS_REFUSAL_NONE;
	struct u256 gas = U256_ZERO;
	struct error *e = contracts_reply_error(reply, &refusal);

	if (!e)
		e = rpc_read_number(reply->result, &at, &gas);
	if (!e)
		e = check_cost(l, gas);
	if (!e && !u256_to_u64(gas, l->ret_gas))
		e = error_new(ERROR_LIMIT, "eth_estimateGas: out of range");
	finish(l, e, refusal);
}

static struct error *read_number(const struct gather *g, size_t i, const char *method, struct u256 *ret)
{
	const struct json_place at = {NULL, method, 0};
	enum contracts_refusal none;

	TRY(contracts_reply_error(gather_at(g, i), &none));
	return rpc_read_number(gather_at(g, i)->result, &at, ret);
}

static struct error *read_means(struct contracts_looking *l, const struct gather *g)
{
	struct u256 fee;

	TRY(read_number(g, 0, "eth_getBalance", &l->has));
	TRY(read_number(g, 1, "eth_gasPrice", &l->price));
	TRY(limit_price(l));
	TRY(u256_mul(l->price, u256_of(LEAST_GAS), &fee));
	return check_means(l, fee);
}

static void on_means(struct gather *g, void *arg)
{
	struct contracts_looking *l = arg;
	struct error *e = read_means(l, g);

	if (e) {
		/* The gathering is freed by who calls. */
		finish(l, e, CONTRACTS_REFUSAL_NONE);
		return;
	}
	rpc_call(l->k->config.rpc, l, "eth_estimateGas", json_pack("[O]", l->call), on_estimate, l);
}

void contracts_check(const void *ctx, struct contracts *k, const struct txbox_intent *in, uint64_t *ret_gas,
		     contracts_fn *fn, void *arg)
{
	struct contracts_looking *l = mem_new(ctx, struct contracts_looking);
	struct gather *g = gather_new(l, k->config.rpc, on_means, l);
	char text[ADDRESS_TEXT_BYTES];

	talloc_set_destructor(l, looking_destroy);
	l->k = k;
	l->call = contracts_call_json(contracts_account(k), in);
	l->value = in->value;
	l->ret_gas = ret_gas;
	l->fn = fn;
	l->arg = arg;
	eth_address_text(contracts_account(k), text);
	gather_add(g, "eth_getBalance", json_pack("[s,s]", text, "latest"));
	gather_add(g, "eth_gasPrice", json_array());
	gather_run(g);
}
