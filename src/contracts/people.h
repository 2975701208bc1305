/* Customers and suppliers. As contracts/call.h says: asynchronous, ctx has what is given. */
#ifndef DSN_CONTRACTS_PEOPLE_H
#define DSN_CONTRACTS_PEOPLE_H

#include "contracts/accounts_abi.h"

/* As what an account is registered, by enum contracts_kind. */
struct people_kinds {
	bool is[CONTRACTS_KIND_COUNT];
};
void people_kinds(const void *ctx, struct contracts *k, const uint8_t account[ETH_ADDRESS_BYTES],
		  struct people_kinds *ret, contracts_fn *fn, void *arg);

struct people_list {
	uint8_t (*accounts)[ETH_ADDRESS_BYTES];
	size_t count;
};
/* All of one kind in a block, "latest" or JSON-RPC's number of one. */
void people_list(const void *ctx, struct contracts *k, enum contracts_kind kind, const char *block,
		 struct people_list *ret, contracts_fn *fn, void *arg);

#endif
