/* Idempotence: a name under which each transaction of a command is sent once.
 *
 * An intention's hash covers what its author said: the function, its typed arguments without those that were taken from
 * the chain or the clock (contracts_forget_fn), recipient and ether, and what else he said (contracts_terms.besides).
 * It stands in the outbox beside the intention. Where an earlier release has left none, it is computed of the arguments
 * that are there. Threads: any.
 */
#ifndef DSN_CONTRACTS_ONCE_H
#define DSN_CONTRACTS_ONCE_H

#include "contracts/call.h"

/* The id in the outbox; belongs to ctx. `times`: how often the same was sent before by this command. ERROR_INVALID: no
 * name; NULL as name gives a random id. */
struct error *once_id(const void *ctx, const char *name, const uint8_t account[ETH_ADDRESS_BYTES], const char *what,
		      unsigned times, char **ret_id) MUST_CHECK;
/* ERROR_INVALID: the data are not the function's. */
struct error *once_hash(const struct contracts_intention *in, uint8_t ret_hash[TXBOX_HASH_BYTES]) MUST_CHECK;
/* ERROR_EXISTS: what has the name is another thing. */
struct error *once_check(const char *name, const struct contracts_intention *now,
			 const struct txbox_record *before) MUST_CHECK;

#endif
