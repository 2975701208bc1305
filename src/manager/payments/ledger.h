/* What the chain's contracts have said, as far as payments need it: jobs with their escrow, who works for them, who is
 * barred, whether we are a manager. Each event is a row, in the transaction that moves the reader of logs on
 * (chain/logs.h), so none is missed and none counts twice; what came of blocks that the chain has no longer is removed.
 *
 * A file of its own in the state folder, whatever database dsnd has: it can be made again from the chain. Addresses
 * are 40 lower-case digits, amounts wei. Threads: as the database.
 */
#ifndef DSN_MANAGER_PAYMENTS_LEDGER_H
#define DSN_MANAGER_PAYMENTS_LEDGER_H

#include <stdbool.h>

#include "base/hex.h"
#include "chain/abi.h"
#include "chain/rpc_read.h"
#include "chain/u256.h"
#include "store/db.h"

extern const struct db_schema ledger_database;

/* A log of one of the contracts; of an event that is of no interest nothing is kept. ERROR_INVALID: not of its form. */
struct error *ledger_take(struct db *db, const struct chain_log *log) MUST_CHECK;
/* What came of this block and later ones never was. */
struct error *ledger_undo(struct db *db, uint64_t from_block) MUST_CHECK;

struct ledger_job {
	int64_t number; /* 0: there is none */
	char customer[ID_DIGITS + 1];
	struct u256 budget; /* with what was added */
	int64_t deadline_s; /* since 1970 */
	bool over;          /* closed, cancelled or expired: nobody is assigned any more */
};
/* The first job of this customer with this document that is not over; else the last that is. */
struct error *ledger_find_job(struct db *db, const uint8_t document[ABI_WORD], const char *customer,
			      struct ledger_job *ret_job) MUST_CHECK;
struct error *ledger_get_job(struct db *db, int64_t number, struct ledger_job *ret_job) MUST_CHECK;
/* Calls fn for each that works for the job, with its price; an error ends it. */
typedef struct error *ledger_node_fn(const char *node, const char *price, void *arg);
struct error *ledger_nodes(struct db *db, int64_t job, ledger_node_fn *fn, void *arg) MUST_CHECK;

enum ledger_role { LEDGER_ROLE_NONE, LEDGER_ROLE_OFFERED, LEDGER_ROLE_HELD };
/* Of the role of managers. */
struct error *ledger_role_of(struct db *db, const char *account, enum ledger_role *ret_role) MUST_CHECK;

#define LEDGER_BARS 4096 /* told at most, those that last longest */
struct ledger_bar {
	const char *subject; /* a node, or an account that has some */
	int64_t until_s;     /* since 1970 */
	const char *why;
};
typedef struct error *ledger_bar_fn(const struct ledger_bar *bar, void *arg);
/* Those that are not over at `now_s`. */
struct error *ledger_bars(struct db *db, int64_t now_s, ledger_bar_fn *fn, void *arg) MUST_CHECK;

#endif
