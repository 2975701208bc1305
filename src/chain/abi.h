/* What calls of contracts are made of: sizes, Solidity's elementary types by name, and one word's value from JSON.
 *
 *   type                                JSON
 *   uintN, intN                         "123", "-5", "0x7b", or a whole number
 *   address                             "0x..." (address.h)
 *   bool                                true, false
 *   bytesN, bytes                       "0x..."
 *   string                              text
 *
 * Calls, results and events of our own contracts are typed: contracts/codec.h. Source: Solidity's "Contract ABI
 * Specification". Threads: any.
 */
#ifndef DSN_CHAIN_ABI_H
#define DSN_CHAIN_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

#define ABI_WORD 32 /* everything is a multiple of it */
#define ABI_SELECTOR_BYTES 4
#define ABI_TOPIC_BYTES 32
#define ABI_TOPICS 4
#define ABI_CALL_BYTES 131072 /* of call data, as much as a transaction that nodes pass on */

enum abi_kind { ABI_UINT, ABI_INT, ABI_ADDRESS, ABI_BOOL, ABI_BYTES_N, ABI_BYTES, ABI_STRING };

struct abi_elementary {
	enum abi_kind kind;
	unsigned size; /* bits of uintN and intN, bytes of bytesN */
};

/* Takes a type from the text's beginning; false: it begins with none. */
bool abi_elementary_take(const char **text, struct abi_elementary *ret_type);
/* Does a value stand behind an offset, as bytes and string do? */
bool abi_elementary_dynamic(const struct abi_elementary *type);
/* One value that is not dynamic: as topics and EIP-712 use it. */
struct error *abi_encode_word(const struct abi_elementary *type, const json_t *value, const struct json_place *at,
			      uint8_t ret_word[ABI_WORD]) MUST_CHECK;
/* "0x..." of any even number of digits, at most `max` bytes; belongs to ctx. */
struct error *abi_read_hex(const void *ctx, const json_t *value, const struct json_place *at, size_t max,
			   uint8_t **ret_bytes, size_t *ret_n) MUST_CHECK;

#endif
