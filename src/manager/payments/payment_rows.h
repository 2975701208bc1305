/* Orders as payments know them, and what dsnd means to write on the chain for them, in dsnd's database.
 *
 * A row of an order is made when the event log tells of it, in the transaction that moves the log's reader on. An
 * intention is written down, with the term of the leader who means it, before it goes into the outbox of transactions;
 * its id is the transaction's there, so that it is carried out once. Threads: as the database.
 */
#ifndef DSN_MANAGER_PAYMENTS_PAYMENT_ROWS_H
#define DSN_MANAGER_PAYMENTS_PAYMENT_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hex.h"
#include "base/states.h"
#include "store/db.h"

extern const char *const payment_tables[];

enum payment_state {
	PAYMENT_OWED,    /* no escrow was found yet */
	PAYMENT_BOUND,   /* its job on the chain is known */
	PAYMENT_OVERDUE, /* stopped, since none came in time */
	PAYMENT_OVER,    /* the order is over for good */
	PAYMENT_STATES
};
extern const struct state_machine payment_states;
const char *payment_state_name(enum payment_state state);

struct payment_row {
	char *job, *owner; /* of the order */
	enum payment_state state;
	int64_t chain_job;  /* 0: none yet */
	int64_t created_ms; /* wall clock */
	bool works;         /* its nodes are to be assigned: it is starting or running */
	bool ended;         /* for good: it is cancelled */
};

/* Of an event of the log; of others than orders' nothing is kept. */
struct event;
struct error *payment_rows_take(struct db *db, const struct event *event) MUST_CHECK;

/* ERROR_NOT_FOUND: another's (`owner` NULL: whoever's), or there is none. */
struct error *payment_rows_find(const void *ctx, struct db *db, const char *job, const char *owner,
				struct payment_row **ret_row) MUST_CHECK;
/* Those that are owed, or (`all`) those that are not over; the oldest first. The array belongs to ctx. */
struct error *payment_rows_open(const void *ctx, struct db *db, bool all, struct payment_row **ret_rows,
				size_t *ret_count) MUST_CHECK;
/* How many of this owner are owed, or overdue since `since_ms`. */
struct error *payment_rows_owed(struct db *db, const char *owner, int64_t since_ms, int64_t *ret_count) MUST_CHECK;
/* With the event order.paid. ERROR_EXISTS: that job of the chain is another order's. */
struct error *payment_rows_bind(struct db *db, const struct payment_row *row, int64_t chain_job) MUST_CHECK;
struct error *payment_rows_overdue(struct db *db, const struct payment_row *row) MUST_CHECK;
/* All that was to be done for it is done. */
struct error *payment_rows_end(struct db *db, const struct payment_row *row) MUST_CHECK;
struct error *payment_rows_count(struct db *db, int64_t ret_counts[PAYMENT_STATES]) MUST_CHECK;

/* --- what is to be written --- */

#define PAYMENT_WHAT_BYTES 128

enum payment_intent_state {
	PAYMENT_INTENT_NONE,  /* never meant, or to be meant anew */
	PAYMENT_INTENT_OPEN,  /* in the outbox */
	PAYMENT_INTENT_DONE,  /* so it is on the chain */
	PAYMENT_INTENT_FAILED /* its last attempt will not be carried out */
};
struct payment_intent {
	char what[PAYMENT_WHAT_BYTES]; /* "assign 12 NODE" */
	enum payment_intent_state state;
	int64_t attempt; /* 0: there was none */
	int64_t next_ms; /* of one that has failed, wall clock: not again before */
	char *why;       /* of one that has failed */
};
struct error *payment_intent_find(const void *ctx, struct db *db, const char *what,
				  struct payment_intent *ret_intent) MUST_CHECK;
/* The next attempt is open, by the leader of this term. */
struct error *payment_intent_begin(struct db *db, struct payment_intent *intent, int64_t term) MUST_CHECK;
/* NONE, DONE or FAILED, with next_ms and why as it has them. */
struct error *payment_intent_settle(struct db *db, struct payment_intent *intent,
				    enum payment_intent_state state) MUST_CHECK;
/* The id in the outbox: what, and which attempt. Belongs to ctx. */
char *payment_intent_id(const void *ctx, const struct payment_intent *intent);

#endif
