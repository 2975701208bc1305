/* Starting a chain of one's own (vcli/devnet/chain_net.h): anvil, or go-ethereum's nodes. */
#ifndef DSN_VCLI_CHAIN_CHAIN_UP_H
#define DSN_VCLI_CHAIN_CHAIN_UP_H

#include "vcli/chain/chain.h"
#include "vcli/devnet/chain_net.h"

/* Starts anvil; once it answers: sets its clock, and gives the user's accounts ether. */
struct error *chain_up_anvil(struct chain_net *n) MUST_CHECK;
struct error *chain_up_settle_anvil(struct chain *c) MUST_CHECK;
/* The proof-of-authority network: keys, genesis, bootnode and sealers, one after the other. Its RPC addresses are
 * noted. It seals after chain_net_join(). ERROR_TIMEOUT after end_ms (monotonic clock). */
struct error *chain_up_poa(struct chain_net *n, int64_t end_ms) MUST_CHECK;

#endif
