/* Sends what is in an outbox of transactions (txbox.h) with one account's key, and sees to it that each is carried out
 * once: many in flight, through outages, restarts and reorganisations, again with a higher fee where one is stuck.
 *
 * In a round the sender asks for the latest block and the account's count of transactions; looks for the receipts of
 * those whose nonce was used; signs what is wanted, in order, and stores it; sends what is not known to be in a pool.
 * An intention is final when its receipt has stood for `confirmations` blocks, and where there are several endpoints
 * when all that answer tell the same of it. One sender for each account at a time: the lock file sees to that.
 *
 * No endpoint is believed in what would be signed (docs/adr/0008): an intention keeps its nonce. It gets a new one only
 * when another program has used that with the same key, on proof: a transaction of this account, chain and nonce whose
 * hash and signature were checked, in a block that is confirmed, while none of its own attempts had a receipt for
 * `resend_ms` (what a node refuses to say does not count). Nonces go on from the highest that was ever signed here; a
 * higher count of an endpoint is taken on the same proof. The address of a contract is computed here.
 * Threads: loop thread.
 */
#ifndef DSN_CHAIN_SENDER_H
#define DSN_CHAIN_SENDER_H

#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "chain/rpc.h"
#include "chain/txbox.h"
#include "crypto/secp.h"
#include "store/db.h"

struct sender_config {
	struct rpc *rpc;
	struct db *db;               /* opened with txbox_schema in its schema */
	const char *lock;            /* path of the lock file, or NULL: the caller sees to it */
	uint64_t confirmations;      /* 0: 1, that is: final when mined */
	int64_t poll_ms;             /* between rounds while something is under way; 0: 500 */
	int64_t resend_ms;           /* what is not mined is sent again, a nonce may count as taken; 0: 10 s */
	int64_t stuck_ms;            /* after that (and three blocks) its fee is raised; 0: 30 s */
	size_t window;               /* signed and not in a block, at most; 0: 1024 */
	struct u256 highest_fee;     /* wei a unit of gas; 0: SENDER_HIGHEST_GWEI */
	struct u256 highest_cost;    /* wei, all fees of one transaction; 0: SENDER_HIGHEST_COST_GWEI */
	uint64_t first_nonce;        /* nonces below it are used, as the user knows; 0: nothing is known */
	bool believe_count;          /* the endpoints are one's own: their count of transactions needs no proof */
	unsigned gas_margin_percent; /* on top of an estimate; 0: 20 */
};

#define SENDER_HIGHEST_GWEI 200            /* gwei a unit of gas: 0.0042 ether for a payment */
#define SENDER_HIGHEST_COST_GWEI 500000000 /* gwei: half an ether, the dearest contract at 80 gwei a unit */

struct sender;
/* Once when an intention is final. After a crash it may not have been told: txbox_get() knows. It may put
 * intentions, but not free the sender. */
typedef void sender_final_fn(const struct txbox_record *record, void *arg);

/* Takes up what is in the outbox. The key is copied, and wiped when the sender is freed. ERROR_EXISTS: another process
 * sends with this account. */
struct error *sender_open(const void *ctx, uv_loop_t *loop, const struct sender_config *config,
			  const struct secp_key *key, sender_final_fn *fn, void *arg,
			  struct sender **ret_sender) MUST_CHECK;
/* txbox_put() for this account; sending follows. */
struct error *sender_put(struct sender *s, const struct txbox_intent *intent) MUST_CHECK;
/* The same when its gas was just estimated (without the margin): it is not asked for again unless the sender goes, or
 * the signature waits for longer than a minute. */
struct error *sender_put_estimated(struct sender *s, const struct txbox_intent *intent, uint64_t gas) MUST_CHECK;
/* Others may have put something into the database. */
void sender_look(struct sender *s);
/* Receipts that are asked for in one round, at most; 2000 unless this was called. A receipt can be the dearest thing
 * that a node is asked for (go-ethereum 1.9 reads the whole block for each): a sender of masses may let them wait. What
 * is in a block meanwhile has no outcome yet, and does not count in the window. */
void sender_set_receipts(struct sender *s, size_t at_once);
/* Transactions whose nonce is used in the latest block seen, and which are not final. */
size_t sender_used(const struct sender *s);
/* The sender's address. */
const uint8_t *sender_account(const struct sender *s);
/* What is to become of a signed intention that is not final: the same again for a higher fee, with so much gas; or
 * nothing, 0 wei to oneself. Signed at its own nonce when the chain has told its prices; until then and when that
 * fails, sender_trouble() says why. ERROR_NOT_FOUND: no such one; ERROR_LIMIT: it has been signed too often. */
struct error *sender_replace(struct sender *s, const char *id, uint64_t gas) MUST_CHECK;
struct error *sender_cancel(struct sender *s, const char *id) MUST_CHECK;
/* Uses the nonces between the chain's count and this intention's that are nobody's, by 0 wei to oneself each: one that
 * has a nonce too high waits for them for ever. ERROR_LIMIT, as a trouble: more than TXBOX_REACH. */
struct error *sender_fill(struct sender *s, const char *id) MUST_CHECK;
/* Is an order of these still to be carried out, or what was signed for it to be sent? */
bool sender_ordered(const struct sender *s);
/* The account's count of transactions is higher than what was signed here, and nothing proves it: nothing is signed
 * until something does, or first_nonce says so. */
bool sender_unproved(const struct sender *s);
/* Why nothing moves, for a person; NULL: all is well. */
const char *sender_trouble(const struct sender *s);

#endif
