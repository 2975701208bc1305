#include "chain/fee.h"

#include "base/mem.h"
#include "chain/amount.h"

static struct u256 larger(struct u256 a, struct u256 b)
{
	return u256_cmp(a, b) >= 0 ? a : b;
}

static bool over(struct u256 price, struct u256 highest)
{
	return !u256_is_zero(highest) && u256_cmp(price, highest) > 0;
}

static struct error *too_dear(const char *what, struct u256 price, struct u256 highest)
{
	char *asked = amount_words(NULL, price), *limit = amount_words(NULL, highest);
	struct error *e = error_new(ERROR_LIMIT, "%s %s a unit of gas, over the limit of %s", what, asked, limit);

	mem_free(asked);
	mem_free(limit);
	return e;
}

struct error *fee_choose(const struct fee_market *m, struct u256 highest, struct fee *ret_fee)
{
	struct fee fee = {larger(m->gas_price, u256_of(1)), U256_ZERO};

	if (m->has_base_fee) {
		fee.tip = m->tip;
		TRY(u256_mul(m->base_fee, u256_of(2), &fee.price));
		TRY(u256_add(fee.price, m->tip, &fee.price));
		if (over(m->base_fee, highest))
			return too_dear("the chain's base fee is", m->base_fee, highest);
	}
	if (over(fee.price, highest))
		fee.price = highest;
	if (u256_cmp(fee.tip, fee.price) > 0)
		fee.tip = fee.price;
	*ret_fee = fee;
	return NULL;
}

struct error *fee_raise(const struct fee_market *m, const struct fee *old, struct u256 highest, struct fee *ret_fee)
{
	struct fee fee = {U256_ZERO, U256_ZERO};
	struct u256 price = U256_ZERO, tip = U256_ZERO;

	TRY(fee_choose(m, highest, &fee));
	TRY(u256_scale(old->price, 9, 8, &price));
	TRY(u256_scale(old->tip, 9, 8, &tip));
	fee.price = larger(fee.price, price);
	if (m->has_base_fee)
		fee.tip = larger(larger(fee.tip, tip), u256_of(1));
	fee.price = larger(fee.price, fee.tip);
	if (over(fee.price, highest))
		return too_dear("replacing it takes", fee.price, highest);
	*ret_fee = fee;
	return NULL;
}
