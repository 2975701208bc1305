/* The first block of a proof-of-authority chain (Clique, EIP-225), as go-ethereum's `geth init` takes it: all forks up
 * to Istanbul from the beginning. Threads: any; blocks for a file. */
#ifndef DSN_DEVNET_GENESIS_H
#define DSN_DEVNET_GENESIS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "crypto/secp.h"

struct devnet_genesis {
	uint64_t chain_id, gas_limit;
	int64_t period_s;                            /* between blocks */
	const uint8_t (*sealers)[ETH_ADDRESS_BYTES]; /* in any order */
	size_t sealer_count;
	const uint8_t (*rich)[ETH_ADDRESS_BYTES]; /* who has ether in it */
	size_t rich_count;
	const char *balance; /* of each of them: wei, "0x..." */
};
struct error *devnet_genesis_write(const struct devnet_genesis *g, const char *path) MUST_CHECK;

#endif
