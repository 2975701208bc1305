/* Roles: who owns, who manages and who verifies. As contracts/call.h says: asynchronous, ctx has what is given. */
#ifndef DSN_CONTRACTS_ROLES_H
#define DSN_CONTRACTS_ROLES_H

#include "contracts/roles_abi.h"

struct roles_holder {
	enum contracts_role role;
	uint8_t holder[ETH_ADDRESS_BYTES];
};
struct roles_list {
	struct roles_holder *holders; /* the owner first */
	size_t count;
};
void roles_list(const void *ctx, struct contracts *k, struct roles_list *ret, contracts_fn *fn, void *arg);

#endif
