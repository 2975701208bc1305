/* A contract's refusal in a person's words: what is in the way, and what to do about it.
 *
 * A refusal may come from a contract that was called by the one that was asked, so those of all contracts are known.
 * Threads: any.
 */
#ifndef DSN_CONTRACTS_REFUSAL_H
#define DSN_CONTRACTS_REFUSAL_H

#include <stddef.h>
#include <stdint.h>

#include "contracts/refusals_abi.h"

/* From the bytes that a call reverted with. Never fails: what is unknown is shown as it is. Belongs to ctx. */
char *refusal_text(const void *ctx, const uint8_t *revert, size_t n);
/* The same as the contract has it: `NotYours(caller: 0x...)`. */
char *refusal_plain_text(const void *ctx, const uint8_t *revert, size_t n);
/* Which one it is; CONTRACTS_REFUSAL_NONE: of no contract. */
enum contracts_refusal refusal_of(const uint8_t *revert, size_t n);
/* The words for one (not for CONTRACTS_REFUSAL_NONE) with its values, such as a struct contracts_not_yours_refusal;
 * NULL when it has none. Never fails. Belongs to ctx. */
char *refusal_words(const void *ctx, enum contracts_refusal refusal, const void *values);

/* The contracts' enumerations in words. */
extern const char *const refusal_kinds[], *const refusal_roles[], *const refusal_works[];
extern const char *const refusal_job_states[], *const refusal_batch_states[], *const refusal_appeals[];
/* A value of an enumeration; "?" when it is none. */
const char *refusal_word(const char *const *words, unsigned value);
/* Seconds since 1970 as a date. Belongs to ctx. */
char *refusal_time(const void *ctx, uint64_t seconds);

#endif
