/* The contracts of a network, created one after the other: each takes the addresses of those it needs, which stand
 * before it. Asynchronous as contracts/call.h says. */
#ifndef DSN_CONTRACTS_DEPLOY_H
#define DSN_CONTRACTS_DEPLOY_H

#include "contracts/call.h"

#define DEPLOY_WINDOW_S (30 * 86400) /* the longest time for anything */

/* How long there is for each step of a batch, for ever: seconds, 1 to DEPLOY_WINDOW_S. */
struct deploy_windows {
	uint64_t report, verify, dispute, resolve;
};

/* Name of a contract, in the order in which they are created; NULL behind the last. */
const char *deploy_name(size_t i);
/* Creates it, as contracts_create() does. The deployment that `k` was given has to name those before it, and does not
 * name this one by itself. ERROR_NOT_FOUND: one that it needs is missing. */
void deploy_one(const void *ctx, struct contracts *k, size_t i, const struct deploy_windows *windows,
		struct txbox_record **ret, contracts_fn *fn, void *arg);

#endif
