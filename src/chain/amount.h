/* Amounts of ether: read and printed exactly, in ether (10^18 wei), gwei (10^9 wei) and wei.
 *
 * An amount is a whole number of wei (u256.h). Nothing is rounded: more decimals than the unit has are refused, unless
 * they are zeros. Threads: any.
 */
#ifndef DSN_CHAIN_AMOUNT_H
#define DSN_CHAIN_AMOUNT_H

#include "base/error.h"
#include "chain/u256.h"

enum amount_unit { AMOUNT_WEI, AMOUNT_GWEI, AMOUNT_ETHER };

/* "wei", "gwei", "ether" ("eth") */
struct error *amount_parse_unit(const char *word, enum amount_unit *ret_unit) MUST_CHECK;
const char *amount_unit_word(enum amount_unit unit);

/* A number with its unit, one blank or none between them: "1.5 ether", "20gwei", "7 wei"; a number alone is one of
 * `usual`. ERROR_INVALID: no amount, or a fraction of a wei; ERROR_LIMIT: over 2^256 - 1 wei. */
struct error *amount_parse(const char *text, enum amount_unit usual, struct u256 *ret_wei) MUST_CHECK;
/* "1.5": exact, without trailing zeros and without the unit's word; belongs to ctx. */
char *amount_text(const void *ctx, struct u256 wei, enum amount_unit unit);
/* With the unit in which it reads best: "1.5 ether", "20 gwei", "7 wei". */
char *amount_words(const void *ctx, struct u256 wei);

#endif
