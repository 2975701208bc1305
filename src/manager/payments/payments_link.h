/* The chain that a network's orders are paid on: its endpoints, what its contracts have said (ledger.h), and the outbox
 * of what dsnd writes there, with its own key.
 *
 * Nothing waits for it: it is opened without an endpoint, and is up when one answers that is on the chain of the file
 * of addresses, by id and first block (all that answer must say so). The ledger is read at a standby too; the outbox is
 * only sent by the leader. Its file is that of vcli with the same state folder (vcli/chain/chain_outbox.c), so that
 * "vcli outbox" works on it while no dsnd runs. Threads: loop thread.
 */
#ifndef DSN_MANAGER_PAYMENTS_PAYMENTS_LINK_H
#define DSN_MANAGER_PAYMENTS_PAYMENTS_LINK_H

#include "chain/txbox.h"
#include "contracts/codec.h"
#include "manager/payments/ledger.h"
#include "manager/service.h"

struct payments_link;

/* `moved` is called when the ledger has read further. ERROR_NOT_FOUND: the file of addresses lacks a contract. */
typedef void payments_link_fn(void *arg);
struct error *payments_link_open(const void *ctx, const struct service_host *host, payments_link_fn *moved, void *arg,
				 struct payments_link **ret_link) MUST_CHECK;
/* Sends what is in the outbox, and what is put there, until the second is called. */
struct error *payments_link_lead(struct payments_link *l) MUST_CHECK;
void payments_link_rest(struct payments_link *l);

/* Of the ledger. */
struct db *payments_link_ledger(const struct payments_link *l);
/* dsnd's own account, 40 digits. */
const char *payments_link_account(const struct payments_link *l);
/* For how long the chain has been read without a gap, up to its last final block; 0: it is not. */
int64_t payments_link_up_ms(const struct payments_link *l);
/* The last block of the ledger. */
uint64_t payments_link_block(const struct payments_link *l);
/* Why nothing moves, for a person; NULL: all is well. */
const char *payments_link_trouble(const struct payments_link *l);

/* A call of a contract, put into the outbox under this id; again: nothing. ERROR_UNAVAILABLE: it does not lead. */
struct error *payments_link_put(struct payments_link *l, const char *id, const struct codec_function *f,
				const void *args) MUST_CHECK;
/* What became of it. ERROR_NOT_FOUND: it was never put. *ret_why: for a person, ctx's; NULL: nothing to say. */
struct error *payments_link_find(const void *ctx, struct payments_link *l, const char *id, enum txbox_state *ret_state,
				 char **ret_why) MUST_CHECK;
/* Transactions that are not final. */
struct error *payments_link_pending(struct payments_link *l, int64_t *ret_count) MUST_CHECK;

#endif
