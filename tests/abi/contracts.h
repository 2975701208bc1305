/* dsn's contracts for test programs, by names: deploy them, call them, read their refusals and events.
 *
 * A contract is its interface (interface.h) and the code that creates it. Functions are named by text and arguments are
 * JSON (value.h), so a new function needs no new C. Threads: loop thread for calls, any for the rest.
 */
#ifndef DSN_TESTS_ABI_CONTRACTS_H
#define DSN_TESTS_ABI_CONTRACTS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/interface.h"
#include "chain/rpc.h"
#include "chain/txbox.h"

#define CONTRACT_JSON_BYTES 4194304 /* of an artefact */

struct contract {
	const char *name;
	const struct abi *abi;
	const uint8_t *code; /* to create it, before the constructor's arguments */
	size_t n;
};

/* Name of a built-in contract; NULL behind the last. */
const char *contract_name_at(size_t i);
/* A built-in contract by name. ERROR_NOT_FOUND names what there is. Belongs to ctx. */
struct error *contract_builtin(const void *ctx, const char *name, const struct contract **ret_contract) MUST_CHECK;
/* From an artefact's text: "contract" (the name), "abi", "bytecode". `what` names the source in messages. */
struct error *contract_parse(const void *ctx, const char *text, size_t n, const char *what,
			     const struct contract **ret_contract) MUST_CHECK;

/* What is to be put into an outbox (txbox.h) to create the contract, or to carry out a function with `value` wei.
 * `args` as for a tuple. ERROR_INVALID: arguments that do not fit, a function that is a view, or ether for one that
 * takes none; ERROR_NOT_FOUND: no such function. Belongs to ctx. */
struct error *contract_create(const void *ctx, const struct contract *c, const char *id, const json_t *args,
			      struct txbox_intent **ret_intent) MUST_CHECK;
struct error *contract_transact(const void *ctx, const struct contract *c, const uint8_t address[ETH_ADDRESS_BYTES],
				const char *id, const char *function, const json_t *args, struct u256 value,
				struct txbox_intent **ret_intent) MUST_CHECK;

/* `values` as abi_result() gives them, borrowed; NULL with an error. */
typedef void contract_fn(const struct error *e, const json_t *values, void *arg);
/* Asks a function (eth_call) in a block, "latest" or JSON-RPC's number of one, as `from` (NULL: nobody). `fn` comes
 * once, in a later turn of the loop, unless ctx is freed before. The contract must live until then. */
void contract_ask_at(const void *ctx, struct rpc *rpc, const struct contract *c,
		     const uint8_t address[ETH_ADDRESS_BYTES], const uint8_t *from, const char *function,
		     const json_t *args, const char *block, contract_fn *fn, void *arg);
/* In the latest block. */
void contract_ask(const void *ctx, struct rpc *rpc, const struct contract *c, const uint8_t address[ETH_ADDRESS_BYTES],
		  const uint8_t *from, const char *function, const json_t *args, contract_fn *fn, void *arg);

/* Why an intention ended as it did, for a person: "NotOwner(caller: 0x...)". Belongs to ctx. */
char *contract_outcome_text(const void *ctx, const struct contract *c, const struct txbox_record *record);

#endif
