/* Sends what is in an outbox of transactions (txbox.h) with one account's key, and sees to it that each is carried out
 * once: many in flight, through outages, restarts and reorganisations, again with a higher fee where one is stuck.
 *
 * In a round the sender asks for the latest block and the account's count of transactions; looks for the receipts of
 * those whose nonce was used; signs what is wanted, in order, and stores it; sends what is not known to be in a pool.
 * An intention is final when its receipt has stood for `confirmations` blocks. Where another program used a nonce with
 * the same key, the intention gets a new one, but only when that use is confirmed and none of its own attempts had a
 * receipt for `resend_ms` (what a node refuses to say does not count). One sender for each account at a time: the lock
 * file sees to that.
 * Threads: loop thread.
 */
#ifndef DSN_CHAIN_SENDER_H
#define DSN_CHAIN_SENDER_H

#include <stdint.h>
#include <uv.h>

#include "base/db.h"
#include "base/error.h"
#include "chain/rpc.h"
#include "chain/txbox.h"
#include "crypto/secp.h"

struct sender_config {
	struct rpc *rpc;
	struct db *db;               /* opened with txbox_schema in its schema */
	const char *lock;            /* path of the lock file, or NULL: the caller sees to it */
	uint64_t confirmations;      /* 0: 1, that is: final when mined */
	int64_t poll_ms;             /* between rounds while something is under way; 0: 500 */
	int64_t resend_ms;           /* what is not mined is sent again, a nonce may count as taken; 0: 10 s */
	int64_t stuck_ms;            /* after that (and three blocks) its fee is raised; 0: 30 s */
	size_t window;               /* signed and not in a block, at most; 0: 1024 */
	struct u256 highest_fee;     /* wei a unit of gas; 0: any */
	unsigned gas_margin_percent; /* on top of an estimate; 0: 20 */
};

struct sender;
/* Once when an intention is final. After a crash it may not have been told: txbox_get() knows. It may put
 * intentions, but not free the sender. */
typedef void sender_fate_fn(const struct txbox_record *record, void *arg);

/* Takes up what is in the outbox. The key is copied, and wiped when the sender is freed. ERROR_EXISTS: another process
 * sends with this account. */
struct error *sender_open(const void *ctx, uv_loop_t *loop, const struct sender_config *config,
			  const struct secp_key *key, sender_fate_fn *fn, void *arg,
			  struct sender **ret_sender) MUST_CHECK;
/* txbox_put() for this account; sending follows. */
struct error *sender_put(struct sender *s, const struct intent *intent) MUST_CHECK;
/* Others may have put something into the database. */
void sender_look(struct sender *s);
/* Receipts that are asked for in one round, at most; 2000 unless this was called. A receipt can be the dearest thing
 * that a node is asked for (go-ethereum 1.9 reads the whole block for each): a sender of masses may let them wait. What
 * is in a block meanwhile has no fate yet, and does not count in the window. */
void sender_set_receipts(struct sender *s, size_t at_once);
/* Transactions whose nonce is used in the latest block seen, and which are not final. */
size_t sender_used(const struct sender *s);
/* The sender's address. */
const uint8_t *sender_account(const struct sender *s);
/* Why nothing moves, for a person; NULL: all is well. */
const char *sender_trouble(const struct sender *s);

#endif
