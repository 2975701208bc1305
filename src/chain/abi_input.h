/* Bytes in the contract ABI's encoding (Solidity's "Contract ABI Specification", strict: no byte used twice, clean
 * padding), as whoever decodes them reads them. Errors name the place. Threads: any. */
#ifndef DSN_CHAIN_ABI_INPUT_H
#define DSN_CHAIN_ABI_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "chain/abi.h"

/* `budget` falls with each byte that is used, from `n` on: bytes that several offsets point to cannot be used several
 * times, so what comes out is never more than what came in. */
struct abi_input {
	const uint8_t *bytes;
	size_t n, budget;
};

/* So many bytes from at_byte on are used. */
struct error *abi_input_use(struct abi_input *in, size_t at_byte, size_t n, const struct json_place *at) MUST_CHECK;
/* A word that counts bytes or elements; `what`: "length", "offset". */
struct error *abi_input_size(struct abi_input *in, size_t at_byte, const char *what, const struct json_place *at,
			     size_t *ret_size) MUST_CHECK;
/* A length, so many bytes, and zeroes up to the next word. Borrowed from the input. */
struct error *abi_input_bytes(struct abi_input *in, size_t at_byte, const struct json_place *at,
			      const uint8_t **ret_bytes, size_t *ret_n) MUST_CHECK;
bool abi_input_zero(const uint8_t *bytes, size_t n);

#endif
