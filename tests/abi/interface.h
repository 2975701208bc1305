/* A contract's interface, from the ABI JSON that the Solidity compiler writes: calls, results, logs, refusals. All by
 * names and JSON: what the typed codec (contracts/codec.h) is held against, and what test programs speak.
 *
 * Source: Solidity's "Contract ABI Specification"; Error(string) and Panic(uint256) as Solidity 0.8 reverts with them.
 * Values are JSON as abi/value.h says. Ownership: a struct abi belongs to its ctx. Threads: any; it does not change.
 */
#ifndef DSN_TESTS_ABI_INTERFACE_H
#define DSN_TESTS_ABI_INTERFACE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/type.h"
#include "abi/value.h"
#include "base/buf.h"
#include "base/error.h"
#include "chain/abi.h"

/* A function, an event, an error or the constructor. */
struct abi_entry {
	const char *name;      /* "" for the constructor */
	const char *signature; /* "transfer(address,uint256)" */
	uint8_t hash[32];      /* of the signature: an event's topic; its first four bytes select a function or error */
	const struct abi_member *inputs;
	size_t input_count;
	const struct abi_member *outputs; /* of a function */
	size_t output_count;
	bool view;      /* a function that changes nothing */
	bool payable;   /* takes ether */
	bool anonymous; /* an event without its hash among the topics */
};

struct abi;

/* `list` is the ABI array; entries of other kinds (fallback, receive) are passed over. */
struct error *abi_read(const void *ctx, const json_t *list, const struct json_place *at,
		       struct abi **ret_abi) MUST_CHECK;

/* By name, or by signature where a name is used several times. ERROR_NOT_FOUND names what there is. */
struct error *abi_function(const struct abi *a, const char *name, const struct abi_entry **ret_entry) MUST_CHECK;
struct error *abi_event(const struct abi *a, const char *name, const struct abi_entry **ret_entry) MUST_CHECK;
/* NULL: the contract has no constructor, so it takes no arguments. */
const struct abi_entry *abi_constructor(const struct abi *a);
/* Rows of a table of functions; NULL after the last. */
const struct abi_entry *abi_function_at(const struct abi *a, size_t i);

/* Appends selector and arguments; `args` is an array, or an object by the inputs' names. Places begin with the
 * function's signature. */
struct error *abi_call(const struct abi_entry *function, const json_t *args, struct buf *to) MUST_CHECK;
/* What a call returned: a new reference to an object or array as for a tuple. No bytes where some must be: the address
 * holds no such contract, and the message says so. */
struct error *abi_result(const struct abi_entry *function, const uint8_t *bytes, size_t n,
			 json_t **ret_values) MUST_CHECK;

/* A log's event, by its first topic, and its values by name (indexed strings, bytes, arrays and tuples: the hash that
 * the log has instead of them). ERROR_NOT_FOUND: none of this contract's events. */
struct error *abi_log(const struct abi *a, const uint8_t (*topics)[ABI_TOPIC_BYTES], size_t topic_count,
		      const uint8_t *data, size_t n, const struct abi_entry **ret_event,
		      json_t **ret_values) MUST_CHECK;

/* The custom error that a call reverted with, and its values by name. ERROR_NOT_FOUND: none of this contract's. */
struct error *abi_refusal(const struct abi *a, const uint8_t *bytes, size_t n, const struct abi_entry **ret_refusal,
			  json_t **ret_values) MUST_CHECK;
/* Why a call was refused, from the bytes it reverted with, for a person: `"too late"`, `NotOwner(caller: 0x...)`,
 * `arithmetic overflow (panic 0x11)`, or the bytes. Never fails. `a` may be NULL. Belongs to ctx. */
char *abi_revert_text(const void *ctx, const struct abi *a, const uint8_t *bytes, size_t n);

#endif
