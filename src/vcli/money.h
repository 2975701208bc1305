/* What the commands of the contracts take: amounts, addresses, numbers of jobs. Messages name the argument. */
#ifndef DSN_VCLI_MONEY_H
#define DSN_VCLI_MONEY_H

#include <jansson.h>
#include <stdint.h>

#include "chain/u256.h"
#include "crypto/keccak.h"
#include "crypto/secp.h"
#include "vcli/vcli.h"

#define MONEY_PRICE_BITS 80   /* of a segment */
#define MONEY_BUDGET_BITS 112 /* of a job */

/* "1.5 ether", "3gwei", "100 wei". A number without unit is refused: a guess could be wrong by 10^18. */
struct error *money_amount(const char *what, const char *text, struct u256 *ret_wei) MUST_CHECK;
/* ERROR_INVALID: more than an argument of so many bits takes. */
struct error *money_fits(const char *what, struct u256 wei, unsigned bits) MUST_CHECK;
/* The words from v->args[at] on, joined: "1.5 ether" in one or two words. */
struct error *money_amount_args(struct vcli *v, size_t at, struct u256 *ret_wei) MUST_CHECK;
/* An address, or a node id (the same without 0x), as the ABI's text. Belongs to ctx. */
struct error *money_address(const void *ctx, const char *what, const char *text, char **ret_address) MUST_CHECK;
/* The same as bytes. */
struct error *money_address_bytes(const char *what, const char *text,
				  uint8_t ret_address[ETH_ADDRESS_BYTES]) MUST_CHECK;
/* obj[key] = an address, "0x" and the digits, a date of seconds since 1970. */
void money_put_address(json_t *obj, const char *key, const uint8_t address[ETH_ADDRESS_BYTES]);
void money_put_hash(json_t *obj, const char *key, const uint8_t hash[KECCAK_BYTES]);
void money_put_time(json_t *obj, const char *key, uint64_t seconds);
/* A whole number as the ABI takes it. */
struct error *money_number(const char *what, const char *text, uint64_t most, uint64_t *ret) MUST_CHECK;
/* Wei as the ABI takes it. A new reference. */
json_t *money_json(struct u256 wei);
/* obj[key] = "1.5 ether", obj[key_wei] = "1500000000000000000". */
void money_put(json_t *obj, const char *key, struct u256 wei);
/* Without --json: prints the answer, each amount once. */
struct error *money_show(struct vcli *v) MUST_CHECK;
/* The place of `word` in a NULL-terminated list; ERROR_INVALID names what there is. */
struct error *money_choice(const char *what, const char *const *words, const char *word, int *ret) MUST_CHECK;
/* "0x..." of Keccak-256. Belongs to ctx. */
char *money_hash(const void *ctx, const void *bytes, size_t n);
/* The same of a file's bytes (at most 16 MiB), as bytes. */
struct error *money_file_digest(const char *path, uint8_t ret_hash[KECCAK_BYTES]) MUST_CHECK;

#endif
