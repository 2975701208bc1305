/* Whole numbers of 256 bits, as the EVM computes with them; checked: what does not fit is refused, nothing wraps.
 *
 * Amounts of wei, gas prices and Solidity's uintN are such numbers; amount.h reads and prints them in ether and gwei.
 * Signed ones (intN) are kept in two's complement, as in the EVM. Threads: any; these are plain values.
 */
#ifndef DSN_CHAIN_U256_H
#define DSN_CHAIN_U256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define U256_BYTES 32

struct u256 {
	uint64_t limb[4]; /* least significant first */
};

#define U256_ZERO ((struct u256){{0, 0, 0, 0}})

struct u256 u256_of(uint64_t value);
bool u256_is_zero(struct u256 a);
/* < 0, 0, > 0 */
int u256_cmp(struct u256 a, struct u256 b);
/* Number of bits without leading zeros: 0 for 0, 256 at most. */
unsigned u256_bits(struct u256 a);
/* False and *ret untouched when it does not fit. */
bool u256_to_u64(struct u256 a, uint64_t *ret);

/* ERROR_LIMIT when the result is over 2^256 - 1 or below 0. */
struct error *u256_add(struct u256 a, struct u256 b, struct u256 *ret) MUST_CHECK;
struct error *u256_sub(struct u256 a, struct u256 b, struct u256 *ret) MUST_CHECK;
struct error *u256_mul(struct u256 a, struct u256 b, struct u256 *ret) MUST_CHECK;
/* a * up / down, rounded up; down > 0. */
struct error *u256_scale(struct u256 a, uint64_t up, uint64_t down, struct u256 *ret) MUST_CHECK;
/* Quotient and remainder; divisor > 0. ret_rest may be NULL. */
struct u256 u256_div(struct u256 a, uint64_t divisor, uint64_t *ret_rest);

/* Big-endian, n <= 32. */
struct u256 u256_from_bytes(const uint8_t *big_endian, size_t n);
void u256_to_bytes(struct u256 a, uint8_t ret_big_endian[U256_BYTES]);

/* Decimal digits, or 0x and hexadecimal ones; no sign, no blanks. ERROR_INVALID, or ERROR_LIMIT over 256 bits. */
struct error *u256_parse(const char *text, struct u256 *ret) MUST_CHECK;
/* The same with an optional "-"; two's complement of 256 bits. Must fit into a signed number of `bits`. */
struct error *u256_parse_signed(const char *text, unsigned bits, struct u256 *ret) MUST_CHECK;
/* "1234"; belongs to ctx. */
char *u256_decimal(const void *ctx, struct u256 a);
/* Of two's complement: "-5". */
char *u256_signed_decimal(const void *ctx, struct u256 a);
/* JSON-RPC's quantity: "0x4d2", "0x0". */
char *u256_quantity(const void *ctx, struct u256 a);

/* -a in two's complement. */
struct u256 u256_negate(struct u256 a);
/* Does a two's complement number fit into `bits` (8 to 256), that is: are all higher bits copies of its sign? */
bool u256_fits_signed(struct u256 a, unsigned bits);

#endif
