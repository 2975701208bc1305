/* Calls of the contracts, asynchronous: asked, tried, sent, and what events they left. Their typed forms are in the
 * headers that are made of the ABIs (contracts/jobs_abi.h and others): jobs_get_job_ask(), jobs_close_send(),
 * jobs_job_created_find().
 *
 * `fn` comes once, in a later turn of the loop; freeing ctx earlier gives it up (what is in the outbox stays there, and
 * is carried out). What `ret` points to belongs to ctx; it stays untouched with an error. Threads: loop thread.
 */
#ifndef DSN_CONTRACTS_CALL_H
#define DSN_CONTRACTS_CALL_H

#include "chain/deployment.h"
#include "chain/sender.h"
#include "contracts/codec.h"
#include "contracts/refusals_abi.h"

struct contracts;

struct contracts_config {
	uv_loop_t *loop;
	struct rpc *rpc;
	/* A name under which each transaction is sent once, whatever became of it the first time (contracts/once.h);
	 * NULL: none. */
	const char *once;
	struct u256 highest_fee, highest_cost; /* wei: a unit of gas, all fees of a transaction */
	bool patient; /* while the chain asks for more than highest_fee, what is sent waits instead of being refused */
	/* May be NULL: a transaction is in the outbox, and is waited for; it was carried out. */
	void (*on_sent)(const char *what, void *arg);
	void (*on_done)(const char *what, const struct txbox_record *record, void *arg);
	void *arg;
};

struct contracts_answer {
	const struct error *error;      /* NULL: done. ERROR_REFUSED: the contract's reason, for a person, and others */
	enum contracts_refusal refusal; /* what the contract has refused with; CONTRACTS_REFUSAL_NONE: nothing known */
};
typedef void contracts_fn(const struct contracts_answer *answer, void *arg);

/* Sets members of a call's struct to zero that its author took from the chain or the clock. */
typedef void contracts_forget_fn(void *args);
struct contracts_terms {
	struct u256 value;           /* wei that go along */
	contracts_forget_fn *forget; /* NULL: all was said by the user */
	/* KECCAK_BYTES: of what else the user has said, for `once`; NULL: nothing. Looked at within the call. */
	const uint8_t *besides;
};

struct contracts *contracts_new(const void *ctx, const struct contracts_config *config);
/* Where the contracts are. Borrowed. */
void contracts_set_deployment(struct contracts *k, const struct deployment *d);
/* For what is sent; borrowed. The sender must tell contracts_final() of each intention that is final. */
void contracts_set_sender(struct contracts *k, struct sender *s, struct db *db, struct u256 highest_fee,
			  struct u256 highest_cost);
void contracts_final(const struct txbox_record *record, void *contracts); /* a sender_final_fn */
/* ERROR_NOT_FOUND: not deployed. */
struct error *contracts_address(const struct contracts *k, const char *contract,
				uint8_t ret_address[ETH_ADDRESS_BYTES]) MUST_CHECK;
/* The chain of the deployment; 0: not known. */
uint64_t contracts_chain_id(const struct contracts *k);
/* The account that sends; NULL: none. */
const uint8_t *contracts_account(const struct contracts *k);
/* An intention as eth_call and eth_estimateGas take it; `from` may be NULL. A new reference. */
json_t *contracts_call_json(const uint8_t *from, const struct txbox_intent *in);
/* The name of the transaction that is waited for, such as "Jobs.create"; NULL: the chain is asked. */
const char *contracts_waiting(const struct contracts *k);
/* Is there a name under which things are sent once? And was this function sent under it before? */
bool contracts_is_named(const struct contracts *k);
struct error *contracts_said(const struct contracts *k, const struct codec_function *f, bool *ret_said) MUST_CHECK;
/* Why that is not final, and what can be done. */
struct error *contracts_not_yet(const struct contracts *k, const char *what) MUST_CHECK;

/* In a block, "latest" or JSON-RPC's number of one. */
void contracts_ask(const void *ctx, struct contracts *k, const struct codec_function *f, const void *args,
		   const char *block, void *ret, contracts_fn *fn, void *arg);
/* Would it succeed now, without ether? Nothing is sent. */
void contracts_try(const void *ctx, struct contracts *k, const struct codec_function *f, const void *args,
		   contracts_fn *fn, void *arg);
/* Sent, and carried out when `fn` comes. The chain is asked first whether it would succeed and whether the account can
 * pay for it; what would not is not kept. ret may be NULL. ERROR_REFUSED: the contract's reason, or too little ether;
 * ERROR_EXISTS: `once` has named another transaction before. */
void contracts_send(const void *ctx, struct contracts *k, const struct codec_function *f, const void *args,
		    const struct contracts_terms *terms, struct txbox_record **ret, contracts_fn *fn, void *arg);
/* Creates a contract, in the same way; where it is then, eth_address_of_contract() says. The deployment is not changed.
 */
void contracts_create(const void *ctx, struct contracts *k, const struct codec_constructor *c, const void *args,
		      struct txbox_record **ret, contracts_fn *fn, void *arg);
/* Ether from the account's wallet to another's, without a contract. */
void contracts_pay(const void *ctx, struct contracts *k, const uint8_t to[ETH_ADDRESS_BYTES], struct u256 value,
		   struct txbox_record **ret, contracts_fn *fn, void *arg);
/* The first such event that a transaction left. ERROR_NOT_FOUND: none; ERROR_UNAVAILABLE: the endpoint does not tell.
 */
void contracts_find(const void *ctx, struct contracts *k, const struct txbox_record *record,
		    const struct codec_event *event, void *ret, contracts_fn *fn, void *arg);

/* What is sent, by its bytes. */
struct contracts_intention {
	const char *what;                      /* "Jobs.create" */
	const struct codec_function *function; /* NULL: of none, as a payment */
	contracts_forget_fn *forget;
	const uint8_t *besides;     /* as of contracts_terms */
	struct txbox_intent intent; /* its id is given here */
};
void contracts_put(const void *ctx, struct contracts *k, const struct contracts_intention *in,
		   struct txbox_record **ret, contracts_fn *fn, void *arg);

#endif
