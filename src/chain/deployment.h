/* Where the contracts are: one file that whoever deploys writes and everybody else reads.
 *
 *   {"chain_id": "31337", "genesis": "0x...", "contracts": {"Counter": "0x..."}}
 *
 * Threads: any; calls block.
 */
#ifndef DSN_CHAIN_DEPLOYMENT_H
#define DSN_CHAIN_DEPLOYMENT_H

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"
#include "chain/rpc_read.h"
#include "crypto/secp.h"

struct deployment {
	uint64_t chain_id;
	uint8_t genesis[HASH_BYTES]; /* the hash of the chain's first block */
	json_t *contracts;           /* name -> address as text; released with the deployment */
};

/* Without contracts. */
struct deployment *deployment_new(const void *ctx, uint64_t chain_id, const uint8_t genesis[HASH_BYTES]);
/* ERROR_NOT_FOUND: no such file; ERROR_INVALID names what is wrong in it. */
struct error *deployment_read(const void *ctx, const char *path, struct deployment **ret_deployment) MUST_CHECK;
struct error *deployment_write(const char *path, const struct deployment *d) MUST_CHECK;
void deployment_set(struct deployment *d, const char *contract, const uint8_t address[ETH_ADDRESS_BYTES]);
/* ERROR_NOT_FOUND: this contract was not deployed. */
struct error *deployment_get(const struct deployment *d, const char *contract,
			     uint8_t ret_address[ETH_ADDRESS_BYTES]) MUST_CHECK;

#endif
