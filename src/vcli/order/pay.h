/* Paying for an order: a job on the chain whose document names the order, with its budget in escrow. */
#ifndef DSN_VCLI_ORDER_PAY_H
#define DSN_VCLI_ORDER_PAY_H

#include <jansson.h>

#include "contracts/escrow.h"
#include "vcli/vcli.h"

/* Before anything is ordered: the flags, and that the network takes money on the chain that is meant. *ret_network is
 * what its dsnd tells of it, a new reference. ERROR_REFUSED: its contracts are not those of --addresses. */
struct error *pay_prepare(struct vcli *v, struct escrow_job *ret_terms, json_t **ret_network) MUST_CHECK;
/* Once for each order, whatever became of it the first time (--once names another time). `order` is what dsnd tells of
 * it. Returns when it is confirmed; puts chain_job, budget and deadline into the answer. */
struct error *pay_order(struct vcli *v, const json_t *network, const json_t *order,
			const struct escrow_job *terms) MUST_CHECK;
/* Does the network take money? */
bool pay_is_due(const json_t *network);

#endif
