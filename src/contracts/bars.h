/* Bars: who may not work or order, until when and why; appeals and what becomes of them. As contracts/call.h says:
 * asynchronous, ctx has what is given. */
#ifndef DSN_CONTRACTS_BARS_H
#define DSN_CONTRACTS_BARS_H

#include "contracts/blacklist_abi.h"

#define BARS_REASON_BYTES ((size_t)256) /* Blacklist.MAX_REASON */
#define BARS_LEAST_MS 1000

struct bars_order {
	uint8_t subject[ETH_ADDRESS_BYTES];
	int64_t for_ms; /* from now, by our own clock: what an endpoint says the time is would be signed */
	uint8_t evidence[ABI_WORD];
	const char *reason;
};
/* Gives what was written: of a name that was used before, what was written then. */
void bars_add(const void *ctx, struct contracts *k, const struct bars_order *order, struct blacklist_barred_event *ret,
	      contracts_fn *fn, void *arg);

struct bars_state {
	bool barred;                     /* now */
	struct blacklist_get_result bar; /* also one that has ended; `until` 0: none, or it was lifted */
};
void bars_show(const void *ctx, struct contracts *k, const uint8_t subject[ETH_ADDRESS_BYTES], struct bars_state *ret,
	       contracts_fn *fn, void *arg);

#endif
