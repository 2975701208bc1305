/* What the files of the service share: nobody else includes it. */
#ifndef DSN_MANAGER_PAYMENTS_PAYMENTS_IMPL_H
#define DSN_MANAGER_PAYMENTS_PAYMENTS_IMPL_H

#include "manager/payments/payment_rows.h"
#include "manager/payments/payments_link.h"

#define PAYMENTS_METHODS 1

struct payments {
	const struct service_host *host;
	struct payments_link *link; /* NULL: there is no chain */
	json_t *dirty;              /* jobs whose nodes may not be those that are assigned: job -> true */
	json_t *asking;             /* those of them whose nodes are being asked for */
	bool leads, cursor, sending, bars_asked;
	uint64_t bars_block; /* the ledger's block when the registry was told who is barred */
	unsigned rounds;
	char *trouble; /* the last error of a round, or NULL */
};

/* payments_assign.c: one round of what is to be done for one order. */
struct error *payments_settle(struct payments *p, const struct payment_row *row) MUST_CHECK;
/* Of the role that dsnd needs to assign nodes: accepts it where it is offered. */
struct error *payments_settle_role(struct payments *p, enum ledger_role *ret_role) MUST_CHECK;
/* Meant once, put into the outbox, and settled when that has its outcome; said in each round until it is so.
 * *ret_left: a later round has to look again. `undoes` is what it takes back (NULL: nothing). */
struct payments_wish {
	const char *what, *undoes;
	const struct codec_function *function;
	const void *args;
};
struct error *payments_want(struct payments *p, const struct payments_wish *wish, bool *ret_left) MUST_CHECK;

/* payments_assign.c: looks at it again in the next round. */
void payments_mark(struct payments *p, const char *job);

extern const struct method payments_methods[PAYMENTS_METHODS];

#endif
