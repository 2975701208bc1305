/* What the files of the sender share. Private to sender*.c. */
#ifndef DSN_CHAIN_SENDER_IMPL_H
#define DSN_CHAIN_SENDER_IMPL_H

#include "base/loop.h"
#include "chain/fee.h"
#include "chain/gather.h"
#include "chain/sender.h"
#include "chain/verdict.h"

#define ATTEMPTS 16                        /* of one intention */
#define ATTEMPTS_OWN 12                    /* of them those that the sender makes by itself; the rest is for orders */
#define SENDER_GAS_MOST (UINT64_MAX / 200) /* of an estimate: a margin can be added to it */
#define FILL "fill:"                       /* how the ids of intentions begin that only use a nonce */

/* What the user wants to become of a flight. */
enum sender_order { ORDER_NONE, ORDER_REPLACE, ORDER_CANCEL, ORDER_FILL };

/* What all endpoints say of a transaction that is in a block. */
struct sender_agreement {
	bool asking, reached;
	uint8_t hash[TX_HASH_BYTES], block_hash[HASH_BYTES];
	char *why; /* they disagree, or NULL */
};

/* The transaction with which the account used a nonce, searched for in the chain's blocks. */
enum sender_proof_state { PROOF_NONE, PROOF_SEARCHING, PROOF_FOUND, PROOF_MISSING };
struct sender_proof {
	enum sender_proof_state state;
	uint64_t nonce;
	uint64_t low, high; /* blocks: used behind `low`, or in it, and in `high` or before */
	uint8_t hash[TX_HASH_BYTES];
	bool ours; /* it is one of our own attempts */
	char *why; /* none was found */
	int64_t end_ms;
	struct sender_agreement agreement;
};

/* An intention that has a nonce and is not final. */
struct sender_flight {
	struct sender *sender;
	int64_t seq;
	uint64_t nonce;
	bool mined;
	bool creates;                            /* a contract */
	bool fills;                              /* only uses its nonce */
	struct rpc_receipt receipt;              /* when mined */
	bool cancels[ATTEMPTS];                  /* which of the attempts do so */
	uint8_t hashes[ATTEMPTS][TX_HASH_BYTES]; /* newest last */
	size_t attempts;
	uint8_t *raw; /* the newest */
	size_t n;
	struct fee fee;
	int64_t signed_ms;     /* monotonic clock; of the newest */
	uint64_t signed_head;  /* the latest block then */
	struct rpc_call *call; /* while it is being sent */
	int64_t sent_ms;       /* 0: not yet, or not with success */
	uint64_t generation;   /* of the endpoint it was sent to */
	bool underpriced;
	char *why;          /* its node's words when it did not take it, else NULL */
	unsigned missing;   /* rounds in which its nonce was used and it had no receipt */
	int64_t missing_ms; /* monotonic clock, of the first of them */
	struct sender_agreement agreement;
	enum sender_order order;
	bool ordered; /* what was signed for it has yet to be sent */
	uint64_t gas; /* of ORDER_REPLACE */
};

struct sender_estimate {
	char *id;
	uint64_t gas;
	int64_t end_ms; /* monotonic clock: it is good until then */
};

struct sender {
	uv_loop_t *loop;
	struct sender_config config;
	struct secp_key key;
	uint8_t account[ETH_ADDRESS_BYTES];
	int lock_fd;
	sender_final_fn *fn;
	void *arg;
	struct sender_flight **flights; /* by nonce */
	size_t flight_count;
	size_t sending;
	size_t receipts; /* asked for in one round, at most */
	struct timer *timer, *sign_timer;
	struct gather *round, *estimates;
	struct sender_estimate *known; /* what was said with sender_put_estimated(), until it is signed */
	size_t known_count;
	bool claimed;     /* the chain is the outbox's, as far as the last round told */
	int64_t known_ms; /* monotonic clock, when what follows was asked; 0: never */
	struct rpc_block_head head;
	int64_t head_ms; /* monotonic clock, when `head` was seen for the first time */
	uint64_t count;  /* the account's transactions in the latest block */
	struct fee_market market;
	bool more; /* wanted ones are left */
	struct sender_proof proof;
	bool unproved; /* the account's count is higher than what was signed here, and nothing proves it */
	char *trouble, *logged;
	int64_t logged_ms; /* monotonic clock */
};

/* sender.c */
void sender_set_trouble(struct sender *s, const char *why); /* NULL: none */
/* Logs, and makes the error the trouble. Takes e; true when there was none. */
bool sender_well(struct sender *s, struct error *e);
struct sender_flight *sender_add_flight(struct sender *s, int64_t seq, uint64_t nonce);
void sender_remove_flight(struct sender *s, struct sender_flight *f);
void sender_notify(struct sender *s, const char *id);
/* Signs and sends what there is; the next round follows while something is under way. */
void sender_end_round(struct sender *s);
/* The same after something was signed between rounds. */
void sender_carry_on(struct sender *s);

/* Is this block as deep as it takes to be final? */
bool sender_confirmed(const struct sender *s, uint64_t block);
/* sender_mined.c: looks for receipts, then sender_end_round(). */
void sender_look_for_receipts(struct sender *s);

/* sender_sign.c: gives nonces to what is wanted, as far as it can be sent. */
void sender_sign(struct sender *s);
/* What was estimated for it with sender_put_estimated(), as long as that is kept; NULL: nothing. */
struct sender_estimate *sender_known(struct sender *s, const char *id);
/* A new attempt of what is in `f`: signs `tx` and stores it in the running transaction of the database. */
struct error *sender_store_attempt(struct sender *s, int64_t seq, const struct tx *tx, const struct fee *fee,
				   bool cancels, const void *ctx, struct txbox_attempt *ret_attempt) MUST_CHECK;
/* After it is stored. The raw bytes become the flight's. */
void sender_take_attempt(struct sender_flight *f, const struct txbox_attempt *attempt, const struct fee *fee);
/* ERROR_LIMIT: so much gas at this price is over the ceiling for a transaction. */
struct error *sender_check_cost(const struct sender *s, const struct fee *fee, uint64_t gas) MUST_CHECK;

/* sender_proof.c: is it proved that a transaction of the account has used this nonce? Otherwise it is searched for, and
 * the next round knows more. */
enum sender_proof_state sender_prove(struct sender *s, uint64_t nonce);

/* sender_agreement.c: do all endpoints that answer tell of this receipt? With one endpoint they do. Otherwise they are
 * asked, and the next round knows more. `ctx` has the agreement. */
bool sender_agreed(struct sender *s, const void *ctx, struct sender_agreement *a, const struct rpc_receipt *receipt);

/* sender_order.c: signs what the user has ordered, as far as prices are known. */
void sender_carry_out_orders(struct sender *s);

/* sender_send.c: sends again what a reorganisation deeper than the confirmations took back. */
void sender_resend_reorged(struct sender *s);
/* Raises the fees of what is stuck, sends what is due. */
void sender_send(struct sender *s);

#endif
