/* The transactions in the outboxes of all chains, as vcli outbox list shows them. Threads: loop thread; blocks. */
#ifndef DSN_VCLI_BUS_OUTBOX_ROWS_H
#define DSN_VCLI_BUS_OUTBOX_ROWS_H

#include <jansson.h>

#include "vcli/vcli.h"

/* Appends an object for each that is not final: id, state, chain, account, to, value; of signed ones also nonce, how
 * often signed, given_up (the newest form cancels it), hash, and gap: how many nonces before it this outbox lacks. */
struct error *outbox_rows(struct vcli *v, json_t *list) MUST_CHECK;

#endif
