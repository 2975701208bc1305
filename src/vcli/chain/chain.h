/* vcli's connection to a chain: endpoints, the contracts' addresses, and an account that sends.
 *
 * Each call runs the loop until it has its answer or the command's time is over. What is to be written goes through the
 * outbox in DIR/chain of --state-dir (chain/txbox.h): when the time is over before it is confirmed, it is still carried
 * out by the next command that sends with this account.
 */
#ifndef DSN_VCLI_CHAIN_CHAIN_H
#define DSN_VCLI_CHAIN_CHAIN_H

#include "chain/deployment.h"
#include "chain/sender.h"
#include "contracts/call.h"
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
	struct contracts *contracts;
	struct progress *progress; /* of what is waited for */
	char *carried_out;         /* the last transaction of what is waited for, such as "Jobs.create"; NULL: none */
	bool tells;                /* what is sent is told in the answer's list "transactions" */
	bool named; /* the user says which chain it is, by --chain-id, the file of addresses or a chain of their own */
	bool begun; /* and with which block it begins, by the file or a chain of their own */
	struct u256 highest_fee, highest_cost; /* wei: a unit of gas, a transaction's fees */
};

/* Reaches an endpoint of --chain-rpc. ERROR_UNAVAILABLE, ERROR_TIMEOUT: none answers. */
struct error *chain_connect(struct vcli *v, struct chain **ret_chain) MUST_CHECK;
/* Its error, with what to do. */
struct error *chain_unreached(struct error *e) MUST_CHECK;
/* The contracts' addresses, from --addresses. ERROR_NOT_FOUND: not deployed, or the chain has them no longer;
 * ERROR_REFUSED: on another chain. */
struct error *chain_read_addresses(struct chain *c) MUST_CHECK;
/* The file of --addresses, or the one in --state-dir. */
struct error *chain_addresses_path(struct vcli *v, char **ret_path) MUST_CHECK;
/* ERROR_REFUSED: only an endpoint says which chain it is. */
struct error *chain_check_named(const struct chain *c) MUST_CHECK;
/* ERROR_REFUSED: several endpoints tell of different chains. Those on a chain of another id are told on stderr. */
struct error *chain_compare(struct chain *c) MUST_CHECK;
/* Opens the account (vcli/chain/wallet.h) and its outbox. ERROR_REFUSED: which chain it is only an endpoint says, and
 * not the user. */
struct error *chain_open_outbox(struct chain *c) MUST_CHECK;
/* The same to send with it. What an earlier command left in the outbox is carried out first. */
struct error *chain_unlock(struct chain *c) MUST_CHECK;
/* Runs the loop until the intention that is waited for is final (none: all that are left), the time is over, or nothing
 * can be signed since the account's count of transactions has no proof. */
void chain_wait(struct chain *c);
/* The first two, with an answer begun; and all three. */
struct error *chain_open(struct vcli *v, struct chain **ret_chain) MUST_CHECK;
struct error *chain_open_sending(struct vcli *v, struct chain **ret_chain) MUST_CHECK;

/* After the rpc is there. */
void chain_begin_contracts(struct chain *c);
/* What contracts/ is asked for: chain_begin(), then a call of contracts/ with what that gives as its ctx,
 * chain_answered() and the same again as its last two arguments, then chain_await(), which runs the loop until it is
 * answered. What the call gives is the chain's. */
struct chain_awaited {
	bool done;
	struct error *error;
	enum contracts_refusal refusal;
};
struct chain_awaited *chain_begin(struct chain *c);
void chain_answered(const struct contracts_answer *answer, void *awaited);
/* Its error; ERROR_TIMEOUT: the command's time is over, and what becomes of what was sent. What was begun is given up
 * then. */
struct error *chain_await(struct chain *c, struct chain_awaited *w) MUST_CHECK;

/* Runs the loop until *done. False: the command's time is over. */
bool chain_run(struct chain *c, const bool *done);
/* One JSON-RPC call; takes the reference of `params`, gives a new one. */
struct error *chain_call(struct chain *c, const char *method, json_t *params, json_t **ret_result) MUST_CHECK;
struct error *chain_head(struct chain *c, struct rpc_block_head *ret_head) MUST_CHECK;
/* The ether that an account has outside of the contracts. */
struct error *chain_wallet(struct chain *c, const uint8_t address[ETH_ADDRESS_BYTES], struct u256 *ret_wei) MUST_CHECK;

/* Ether from the account's wallet to another's, without a contract; checked, waited for and told in the same way. */
struct error *chain_pay(struct chain *c, const uint8_t to[ETH_ADDRESS_BYTES], struct u256 value) MUST_CHECK;

#endif
