/* Values in the contract ABI's encoding, from JSON and back.
 *
 *   type            JSON, read                                   JSON, made
 *   uintN, intN     "123", "-5", "0x7b", or a whole number       "123"
 *   address         "0x..." (address.h)                          "0x..." with EIP-55's case
 *   bool            true, false                                  the same
 *   bytesN, bytes   "0x..."                                      "0x..." lower case
 *   string          text                                         the same; what is no UTF-8 is refused
 *   T[], T[k]       array                                        array
 *   tuple           array, or object by its members' names       object when all members have different names,
 *                                                                else array
 *
 * Decoding is bounded by what was given: each byte is used once at most, so a small input cannot unfold into a large
 * value; unclean padding, numbers out of range and offsets out of bounds are refused. Every refusal names the place.
 * Threads: any.
 */
#ifndef DSN_TESTS_ABI_VALUE_H
#define DSN_TESTS_ABI_VALUE_H

#include <stdint.h>

#include "abi/type.h"
#include "base/buf.h"

/* Appends the members' encoding; `values` is an array or an object as for a tuple. ERROR_INVALID, or ERROR_LIMIT when
 * the buffer's ceiling is reached; the buffer then holds a part. */
struct error *abi_encode(const struct abi_member *members, size_t count, const json_t *values,
			 const struct json_place *at, struct buf *to) MUST_CHECK;
/* One value that is not dynamic and takes one word (no array, no tuple). */
struct error *abi_encode_type_word(const struct abi_type *type, const json_t *value, const struct json_place *at,
				   uint8_t ret_word[ABI_WORD]) MUST_CHECK;

/* An object or array as for a tuple, a new reference. */
struct error *abi_decode(const struct abi_member *members, size_t count, const uint8_t *bytes, size_t n,
			 const struct json_place *at, json_t **ret_values) MUST_CHECK;
/* One word's value. */
struct error *abi_decode_word(const struct abi_type *type, const uint8_t word[ABI_WORD], const struct json_place *at,
			      json_t **ret_value) MUST_CHECK;

#endif
