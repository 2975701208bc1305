/* Structs of C to the contract ABI's bytes and back, by tables that scripts/contract-bindings makes of
 * contracts/artifacts when dsn is built: nothing reads an ABI at run time.
 *
 * A table says where each value stands in its struct. Whole numbers of up to 64 bits are uint64_t, wider ones struct
 * u256 (signed ones in two's complement), enumerations are enums of their own. Decoding is as strict as
 * chain/abi_input.h. Source: Solidity's "Contract ABI Specification". Ownership: what a decoded struct points to
 * belongs to the ctx. Threads: any.
 */
#ifndef DSN_CONTRACTS_CODEC_H
#define DSN_CONTRACTS_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "chain/abi.h"
#include "chain/rpc_read.h"
#include "chain/u256.h"

struct codec_bytes {
	const uint8_t *data;
	size_t n;
};
struct codec_text {
	const char *data; /* UTF-8; may hold NUL, and has one behind it when it was decoded */
	size_t n;
};
struct codec_addresses {
	const uint8_t (*at)[ETH_ADDRESS_BYTES];
	size_t n;
};
struct codec_words {
	const uint8_t (*at)[ABI_WORD];
	size_t n;
};

enum codec_kind {
	CODEC_UINT,   /* uint64_t; `size` bits */
	CODEC_NUMBER, /* struct u256; `size` bits */
	CODEC_SIGNED, /* struct u256; `size` bits */
	CODEC_ENUM,   /* unsigned; `size` members */
	CODEC_BOOL,
	CODEC_ADDRESS, /* uint8_t[20] */
	CODEC_WORD,    /* uint8_t[32] */
	CODEC_BYTES,
	CODEC_TEXT,
	CODEC_ADDRESSES,
	CODEC_WORDS,
};

struct codec_field {
	const char *name; /* as the ABI has it; "" when it has none */
	enum codec_kind kind;
	unsigned size;
	bool indexed; /* of an event */
	size_t offset;
};

struct codec_layout {
	const struct codec_field *fields;
	size_t count, bytes; /* bytes: of the struct; 0 when there is none, as there are no fields */
};

struct codec_function {
	const char *contract, *name, *signature;
	uint8_t selector[ABI_SELECTOR_BYTES];
	bool view, payable;
	struct codec_layout inputs, outputs;
};

struct codec_constructor {
	const char *contract;
	const uint8_t *code; /* stands before the arguments */
	size_t n;
	struct codec_layout inputs;
};

struct codec_event {
	const char *contract, *name, *signature;
	uint8_t topic[ABI_TOPIC_BYTES];
	struct codec_layout values;
};

struct codec_refusal {
	const char *name;
	uint8_t selector[ABI_SELECTOR_BYTES];
	struct codec_layout values;
};

/* Those of all contracts; NULL behind the last. */
extern const struct codec_function *const codec_functions[];
extern const struct codec_event *const codec_events[];
extern const struct codec_constructor *const codec_constructors[];

/* Selector and arguments. ERROR_INVALID names the argument that does not fit; ERROR_LIMIT from the buffer. */
struct error *codec_call(const struct codec_function *f, const void *args, struct buf *to) MUST_CHECK;
/* Code and arguments, errors as of codec_call(). */
struct error *codec_construct(const struct codec_constructor *c, const void *args, struct buf *to) MUST_CHECK;
/* Back from what codec_call() wrote. ERROR_INVALID: of another function, or not of its form. */
struct error *codec_call_read(const void *ctx, const struct codec_function *f, const uint8_t *bytes, size_t n,
			      void *ret_args) MUST_CHECK;
/* What a call returned. No bytes where some must be: the address holds no such contract, and the message says so. */
struct error *codec_result(const void *ctx, const struct codec_function *f, const uint8_t *bytes, size_t n,
			   void *ret_values) MUST_CHECK;
/* ERROR_NOT_FOUND: the log is of another event. */
struct error *codec_log(const void *ctx, const struct codec_event *event, const struct chain_log *log,
			void *ret_values) MUST_CHECK;
struct error *codec_encode(const struct codec_layout *layout, const void *values, const struct json_place *at,
			   struct buf *to) MUST_CHECK;
struct error *codec_decode(const void *ctx, const struct codec_layout *layout, const uint8_t *bytes, size_t n,
			   const struct json_place *at, void *ret_values) MUST_CHECK;

/* A value for a person: "123", "-5", "0x...", "true". Belongs to ctx. */
char *codec_value_text(const void *ctx, const struct codec_field *field, const void *values);

#endif
