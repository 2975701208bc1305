/* Ways out for a transaction that does not move: found in the outbox, signed again for a higher fee, given up. What was
 * ordered here is carried out by the sender, which tells when the transaction is final.
 *
 * A `record` is one of mend_find()'s. Threads: loop thread.
 */
#ifndef DSN_CONTRACTS_MEND_H
#define DSN_CONTRACTS_MEND_H

#include "contracts/call.h"

/* The sending account's transaction whose id begins so and that is not final. ERROR_NOT_FOUND: there is none;
 * ERROR_INVALID: several, or it is of another account. Belongs to ctx. */
struct error *mend_find(const void *ctx, const struct contracts *k, const char *begins,
			struct txbox_record **ret_record) MUST_CHECK;
/* ERROR_REFUSED: it is not signed yet, so that there is nothing to send again. */
struct error *mend_check_signed(const struct txbox_record *record) MUST_CHECK;
/* The same again for a higher fee, with as much gas as it takes now: what was said before may have been false.
 * Asynchronous as contracts/call.h says; `record` is borrowed until the end. ERROR_REFUSED: not signed yet, or it would
 * fail now. */
void mend_replace(const void *ctx, struct contracts *k, const struct txbox_record *record, contracts_fn *fn, void *arg);
/* Uses the nonces before it that are nobody's. ERROR_REFUSED: not signed yet. */
struct error *mend_fill(struct contracts *k, const struct txbox_record *record) MUST_CHECK;
/* Gives it up. What was never signed has ended then (*ret_ended); else what takes its nonce has to be carried out. */
struct error *mend_abandon(struct contracts *k, const struct txbox_record *record, bool *ret_ended) MUST_CHECK;
/* As if it were not, though it may still be carried out. */
struct error *mend_forget(struct contracts *k, const struct txbox_record *record) MUST_CHECK;

#endif
