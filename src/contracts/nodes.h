/* The nodes that suppliers offer. As contracts/call.h says: asynchronous, ctx has what is given. */
#ifndef DSN_CONTRACTS_NODES_H
#define DSN_CONTRACTS_NODES_H

#include "contracts/nodes_abi.h"
#include "crypto/secp.h"

/* Lists a node for the account, with the node's own consent. All but its public key and consent is the caller's; `key`
 * is the node's, used in this call and the turn that signs, so it must stay until the end: the caller wipes it then.
 * ERROR_REFUSED: what the endpoint wants signed is no consent of this node for this account. */
void nodes_list_own(const void *ctx, struct contracts *k, const struct nodes_add_call *offer,
		    const struct secp_key *key, contracts_fn *fn, void *arg);

struct nodes_entry {
	uint8_t node[ETH_ADDRESS_BYTES];
	struct nodes_get_result is;
};
struct nodes_all {
	struct nodes_entry *entries; /* by kind of work */
	size_t count;
};
/* All that are offered, in a block, "latest" or JSON-RPC's number of one. */
void nodes_read_all(const void *ctx, struct contracts *k, const char *block, struct nodes_all *ret, contracts_fn *fn,
		    void *arg);

#endif
