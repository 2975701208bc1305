/* What to offer for a unit of gas: on chains with a base fee (EIP-1559) and without. Threads: any; pure functions. */
#ifndef DSN_CHAIN_FEE_H
#define DSN_CHAIN_FEE_H

#include <stdbool.h>

#include "base/error.h"
#include "chain/u256.h"

/* What the chain says. */
struct fee_market {
	bool has_base_fee;
	struct u256 base_fee;  /* of the latest block; wei */
	struct u256 gas_price; /* suggested, on chains without a base fee; wei */
	struct u256 tip;       /* suggested priority fee, on chains with one; wei */
};

struct fee {
	struct u256 price; /* gas price, or the highest fee; wei */
	struct u256 tip;   /* priority fee; zero on chains without a base fee */
};

/* Twice the base fee and the tip (the base fee can double in six full blocks), or the gas price suggested, 1 wei at
 * least; not over `highest` (0: any price). ERROR_LIMIT: even the base fee is over it. */
struct error *fee_choose(const struct fee_market *m, struct u256 highest, struct fee *ret_fee) MUST_CHECK;
/* To replace what was offered before: what the chain asks now, and an eighth over the old one at least, as nodes ask
 * for 10 %. ERROR_LIMIT when that is over `highest`. */
struct error *fee_raise(const struct fee_market *m, const struct fee *old, struct u256 highest,
			struct fee *ret_fee) MUST_CHECK;

#endif
