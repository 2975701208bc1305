/* The outbox of transactions: what is to be written to a chain, kept in SQLite until it is written for good.
 *
 * An intention is put in under an id that its author chooses, once: putting it again changes nothing. The sender
 * (sender.h) gives it a nonce, signs it, stores the signed bytes before they are sent for the first time, and looks for
 * its receipt. All attempts of an intention have one nonce, so one of them at most can be mined. What a crash leaves is
 * taken up by the next sender.
 *
 *   wanted --signed and stored--> signed --receipt--> mined --confirmations--> done | reverted | abandoned
 *      |                            ^                   |
 *      +--> refused | abandoned     +--a reorganisation-+
 *
 * It is abandoned when its author says so: before it was signed at once, later by a transaction of nothing to oneself
 * at the same nonce (an attempt that `cancels`), when that one is in the chain.
 *
 * Calls are durable when they return. Threads: those of the struct db.
 */
#ifndef DSN_CHAIN_TXBOX_H
#define DSN_CHAIN_TXBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "chain/rpc_read.h"
#include "chain/tx.h"
#include "store/db.h"

/* SQL of the tables, for a first migration (store/schema.h): it was released and stays as it is. */
extern const char txbox_schema[];
/* For a second one: what an intention's author has said. */
extern const char txbox_schema_said[];
/* A file that holds an outbox alone, for db_open(). */
extern const struct db_schema txbox_database;

#define TXBOX_ID_BYTES 200
#define TXBOX_HASH_BYTES 32
#define TXBOX_REACH 64 /* nonces that can be filled one by one (sender_fill()) */

enum txbox_state {
	TXBOX_WANTED,    /* has no nonce yet */
	TXBOX_SIGNED,    /* may be in nodes' pools */
	TXBOX_MINED,     /* in a block that may yet be replaced */
	TXBOX_DONE,      /* carried out, confirmed */
	TXBOX_REVERTED,  /* in the chain, confirmed, but the contract refused it when it ran */
	TXBOX_REFUSED,   /* never sent: the contract would refuse it, or no node could take it */
	TXBOX_ABANDONED, /* by its author: never signed, or its nonce was used for nothing */
};

struct txbox_intent {
	const char *id;
	bool creates; /* a contract; `to` is not used */
	uint8_t to[ETH_ADDRESS_BYTES];
	struct u256 value; /* wei */
	const uint8_t *data;
	size_t n;
	uint64_t gas;        /* 0: estimated before it is signed */
	const uint8_t *said; /* a hash by which its author knows it again, TXBOX_HASH_BYTES; NULL: none */
};

struct txbox_record {
	int64_t seq; /* the order in which intentions were put */
	uint8_t account[ETH_ADDRESS_BYTES];
	struct txbox_intent intent; /* its texts and bytes belong to the record's ctx */
	enum txbox_state state;
	uint64_t nonce;             /* from TXBOX_SIGNED on */
	struct rpc_receipt receipt; /* from TXBOX_MINED on */
	const char *why;            /* of TXBOX_REFUSED and TXBOX_ABANDONED, else NULL */
	const uint8_t *revert;      /* the bytes that the contract refused it with (revert.h), or NULL */
	size_t revert_n;
};

/* A signed form of an intention. */
struct txbox_attempt {
	uint8_t hash[TX_HASH_BYTES];
	const uint8_t *raw;
	size_t n;
	struct u256 price, tip; /* wei a unit of gas: gas price or highest fee, and priority fee */
	int64_t signed_ms;      /* wall clock */
	bool cancels;           /* it carries out nothing, in place of the intention */
};

/* "wanted", "signed", ... */
const char *txbox_state_word(enum txbox_state state);
bool txbox_state_final(enum txbox_state state);

/* ERROR_EXISTS: another intention, or the same of another account, has this id; ERROR_INVALID: an id or data too long;
 * ERROR_LIMIT: the disk is full. */
struct error *txbox_put(struct db *db, const uint8_t account[ETH_ADDRESS_BYTES],
			const struct txbox_intent *intent) MUST_CHECK;
/* ERROR_NOT_FOUND */
struct error *txbox_get(const void *ctx, struct db *db, const char *id, struct txbox_record **ret_record) MUST_CHECK;
struct error *txbox_get_seq(const void *ctx, struct db *db, int64_t seq, struct txbox_record **ret_record) MUST_CHECK;
/* Intentions that are in no final state. */
struct error *txbox_pending(struct db *db, const uint8_t account[ETH_ADDRESS_BYTES], int64_t *ret_count) MUST_CHECK;
/* Forget those that ended before `before_ms` (wall clock); their ids could be used again then. */
struct error *txbox_forget(struct db *db, int64_t before_ms) MUST_CHECK;

/* --- for the sender --- */

/* Takes the record. */
typedef struct error *txbox_fn(struct txbox_record *record, void *arg);
/* Intentions in a state, in order, from behind `after_seq`, `limit` at most. */
struct error *txbox_each(struct db *db, const uint8_t account[ETH_ADDRESS_BYTES], enum txbox_state state,
			 int64_t after_seq, int64_t limit, txbox_fn *fn, void *arg) MUST_CHECK;
typedef struct error *txbox_attempt_fn(const struct txbox_attempt *attempt, void *arg);
/* Oldest first. */
struct error *txbox_attempts(struct db *db, int64_t seq, txbox_attempt_fn *fn, void *arg) MUST_CHECK;
/* Of the intention that has this nonce, final or not; of one that was abandoned only those that cancel it. */
struct error *txbox_attempts_of_nonce(struct db *db, const uint8_t account[ETH_ADDRESS_BYTES], uint64_t nonce,
				      txbox_attempt_fn *fn, void *arg) MUST_CHECK;
/* The nonce behind the highest that was ever given; 0 when none was. */
struct error *txbox_next_nonce(struct db *db, const uint8_t account[ETH_ADDRESS_BYTES], uint64_t *ret_nonce) MUST_CHECK;
struct error *txbox_set_signed(struct db *db, int64_t seq, uint64_t nonce) MUST_CHECK;
struct error *txbox_add_attempt(struct db *db, int64_t seq, const struct txbox_attempt *attempt) MUST_CHECK;
/* state: mined, done, reverted or abandoned */
struct error *txbox_set_mined(struct db *db, int64_t seq, enum txbox_state state,
			      const struct rpc_receipt *receipt) MUST_CHECK;
/* Back from mined: the block was replaced. */
struct error *txbox_set_unmined(struct db *db, int64_t seq) MUST_CHECK;
/* Back to wanted: another transaction of the account used its nonce, as was proved by that one's signature. Its
 * attempts are set aside (tx_retired). */
struct error *txbox_set_wanted(struct db *db, int64_t seq) MUST_CHECK;
struct error *txbox_set_refused(struct db *db, int64_t seq, const char *why, const uint8_t *revert,
				size_t n) MUST_CHECK;
/* Is this the hash of an attempt, also of one that was set aside? */
struct error *txbox_is_own(struct db *db, const uint8_t hash[TX_HASH_BYTES], bool *ret_own) MUST_CHECK;
/* Has an intention of the account, final or not, this nonce? */
struct error *txbox_has_nonce(struct db *db, const uint8_t account[ETH_ADDRESS_BYTES], uint64_t nonce,
			      bool *ret_has) MUST_CHECK;
/* Given up by its author, in whatever state it is; what was signed of it stays known. Where its nonce is so far behind
 * all others that the account will not get there (TXBOX_REACH), nonces go on from before it. */
struct error *txbox_abandon(struct db *db, const struct txbox_record *record, const char *why) MUST_CHECK;
/* All of all accounts that are not final, in the order of their accounts and nonces. */
struct error *txbox_each_pending(struct db *db, txbox_fn *fn, void *arg) MUST_CHECK;
/* The chain that the outbox belongs to, by its id and first block; kept when it is called for the first time.
 * ERROR_REFUSED: it belongs to another one, and the message says what to do. */
struct error *txbox_claim_chain(struct db *db, uint64_t chain_id, const uint8_t genesis[HASH_BYTES]) MUST_CHECK;

#endif
