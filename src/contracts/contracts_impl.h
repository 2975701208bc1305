/* What the files of calls share. Private to contracts/. */
#ifndef DSN_CONTRACTS_CONTRACTS_IMPL_H
#define DSN_CONTRACTS_CONTRACTS_IMPL_H

#include "contracts/call.h"

struct contracts_sending;

struct contracts {
	struct contracts_config config;
	const struct deployment *deployment;
	struct sender *sender;
	struct db *db;
	struct contracts_sending *waiting; /* each for its end; a list */
	char **sent;                       /* what was sent so far, such as "Jobs.create", for `once` */
	size_t sent_count;
};

/* contracts_reply.c: why a call failed, for a person; NULL: it did not. */
struct error *contracts_reply_error(const struct rpc_reply *reply, enum contracts_refusal *ret_refusal) MUST_CHECK;

/* Tells it in a later turn of the loop. Takes the error. */
void contracts_fail(const void *ctx, struct contracts *k, struct error *e, contracts_fn *fn, void *arg);
/* Tells it now. Takes the error. */
void contracts_tell(struct error *e, enum contracts_refusal refusal, contracts_fn *fn, void *arg);

/* contracts_check.c: may it be sent? Gives the estimate of its gas. `fn` as in call.h. */
void contracts_check(const void *ctx, struct contracts *k, const struct txbox_intent *in, uint64_t *ret_gas,
		     contracts_fn *fn, void *arg);

#endif
