/* Solidity's types as the contract ABI names them, read from the JSON that the compiler writes.
 *
 * Known: uintN, intN, address, bool, bytesN, bytes, string, T[], T[k], tuple. Refused: function, fixed-point numbers,
 * empty tuples and arrays of length 0 (they take no bytes, so that a number of them could be claimed for nothing).
 * Source: Solidity's "Contract ABI Specification". Ownership: a type belongs to the ctx it was read into.
 * Threads: any; types do not change.
 */
#ifndef DSN_TESTS_ABI_TYPE_H
#define DSN_TESTS_ABI_TYPE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "chain/abi.h"

#define ABI_DEPTH 16           /* arrays and tuples within one another */
#define ABI_HEAD_BYTES 1048576 /* of one static type, at most */

/* Beside the kinds of chain/abi.h. */
enum { ABI_ARRAY = ABI_STRING + 1, ABI_TUPLE };

struct abi_member;

struct abi_type {
	unsigned kind;
	unsigned size;                    /* bits of uintN and intN, bytes of bytesN */
	bool dynamic;                     /* stands behind an offset */
	size_t head_bytes;                /* in the heads of what holds it: ABI_WORD for a dynamic one */
	const struct abi_type *element;   /* of an array */
	bool counted;                     /* T[]: its length stands before its elements */
	size_t length;                    /* of T[k] */
	const struct abi_member *members; /* of a tuple */
	size_t count;
};

struct abi_member {
	const char *name; /* "" when it has none */
	struct abi_type type;
	bool indexed; /* of an event */
};

/* A list such as "inputs" or "components"; NULL (missing) is an empty one. ERROR_INVALID names the place. */
struct error *abi_members_read(const void *ctx, const json_t *list, const struct json_place *at,
			       const struct abi_member **ret_members, size_t *ret_count) MUST_CHECK;
/* A type by its text alone, no tuples: "uint256[3][]". */
struct error *abi_type_parse(const void *ctx, const char *text, struct abi_type *ret_type) MUST_CHECK;
/* The canonical text: "(uint256,bytes)[]". ERROR_LIMIT from the buffer. */
struct error *abi_type_text(const struct abi_type *type, struct buf *to) MUST_CHECK;
/* "(uint256,bytes)" of the members. */
struct error *abi_members_text(const struct abi_member *members, size_t count, struct buf *to) MUST_CHECK;

#endif
