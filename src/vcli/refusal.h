/* A contract's refusal in a person's words: what is in the way, and what to do about it.
 *
 * A refusal may come from a contract that was called by the one that was asked, so all contracts' errors are tried.
 */
#ifndef DSN_VCLI_REFUSAL_H
#define DSN_VCLI_REFUSAL_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/* From the bytes that a call reverted with. Never fails: what is unknown is shown as it is. Belongs to ctx. */
char *refusal_text(const void *ctx, const uint8_t *revert, size_t n);
/* The words for an error by name with its values by name; NULL: there are none. Belongs to ctx. */
char *refusal_words(const void *ctx, const char *name, const json_t *values);

/* The contracts' enumerations, 0 first, in words. */
extern const char *const refusal_kinds[], *const refusal_roles[], *const refusal_works[];
extern const char *const refusal_job_states[], *const refusal_batch_states[];
/* A value of an enumeration as the ABI gives it; "?" when it is none. */
const char *refusal_word(const char *const *words, const json_t *value);
/* Seconds since 1970, as the ABI gives them, as a date. Belongs to ctx. */
char *refusal_time(const void *ctx, const json_t *value);
/* Wei, as the ABI gives them, in ether, gwei or wei. Belongs to ctx. */
char *refusal_wei(const void *ctx, const json_t *value);

#endif
