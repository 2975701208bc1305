/* What a chain's job is for: the value that its `document` has when it pays for an order of dsnd. Whoever pays and
 * whoever is paid make it of the same two texts, so neither needs the other's word. Threads: any.
 */
#ifndef DSN_CONTRACTS_ORDER_DOCUMENT_H
#define DSN_CONTRACTS_ORDER_DOCUMENT_H

#include "chain/abi.h"

/* Keccak-256 of "dsn order JOB at MANAGER": the job's id as dsnd tells it, and dsnd's address, 40 digits of either
 * case. */
void order_document(const char *job, const char *manager, uint8_t ret_document[ABI_WORD]);

#endif
