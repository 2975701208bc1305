/* The service "payments": the only one that sends transactions. It finds the escrow of each order in what the chain's
 * contracts have said, has the order's nodes assigned to the chain's job, and stops what nobody pays for.
 *
 * Nothing that plays waits for it: an order starts at once, its escrow is found when its block is final, and what is to
 * be written waits in the outbox while the chain is away (docs/adr/0023). What to do is not remembered but compared:
 * who works for the order with who is assigned; so a crash, a replacement and a chain that was away are all the same.
 * Without --chain it does nothing.
 */
#ifndef DSN_MANAGER_PAYMENTS_PAYMENTS_H
#define DSN_MANAGER_PAYMENTS_PAYMENTS_H

#include "manager/service.h"

extern const struct service_ops payments_service;

#endif
