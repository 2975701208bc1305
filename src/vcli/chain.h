/* vcli's connection to a chain: endpoints, the contracts' addresses, and an account that sends.
 *
 * Each call runs the loop until it has its answer or the command's time is over. What is to be written goes through the
 * outbox in DIR/chain of --state-dir (chain/txbox.h): when the time is over before it is confirmed, it is still carried
 * out by the next command that sends with this account.
 */
#ifndef DSN_VCLI_CHAIN_H
#define DSN_VCLI_CHAIN_H

#include "chain/contracts.h"
#include "chain/deployment.h"
#include "chain/sender.h"
#include "vcli/vcli.h"

struct chain {
	struct vcli *v;
	struct rpc *rpc;
	uint8_t genesis[HASH_BYTES];
	struct deployment *deployment; /* NULL: not read yet, or none of this chain */
	struct db *db;
	struct sender *sender; /* after chain_unlock() */
	int64_t deadline_ms;   /* monotonic clock; INT64_MAX: none */
	const char *waiting;   /* id of the intention that is waited for */
	bool settled;
};

/* Reaches an endpoint of --chain-rpc. ERROR_UNAVAILABLE, ERROR_TIMEOUT: none answers. */
struct error *chain_connect(struct vcli *v, struct chain **ret_chain) MUST_CHECK;
/* The contracts' addresses, from --addresses. ERROR_NOT_FOUND: not deployed; ERROR_REFUSED: on another chain. */
struct error *chain_read_addresses(struct chain *c) MUST_CHECK;
/* The file of --addresses, or the one in --state-dir. */
struct error *chain_addresses_path(struct vcli *v, char **ret_path) MUST_CHECK;
/* Opens the account of --account with its passphrase, to send with it. */
struct error *chain_unlock(struct chain *c) MUST_CHECK;

/* One JSON-RPC call; a new reference. */
struct error *chain_call(struct chain *c, const char *method, json_t *params, json_t **ret_result) MUST_CHECK;
/* A view of a deployed contract; a new reference. */
struct error *chain_ask(struct chain *c, const char *contract, const char *function, const json_t *args,
			json_t **ret_values) MUST_CHECK;
/* A function of a deployed contract, or its creation (function NULL); returns when it is final. Its record belongs to
 * the chain. ERROR_REFUSED: the contract's reason; ERROR_TIMEOUT: not yet, and what becomes of it. */
struct error *chain_send(struct chain *c, const char *contract, const char *function, const json_t *args,
			 struct u256 value, struct txbox_record **ret_record) MUST_CHECK;

#endif
