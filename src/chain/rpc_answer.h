/* One HTTP answer of a JSON-RPC 2.0 endpoint, taken apart into the outcomes of the calls it answers.
 *
 * Bounds: `limit` bytes, 32 levels. An endpoint is not trusted: each call must be answered exactly once, by its id,
 * with either a result of the method's form (rpc_check_result()) or an error. Threads: any.
 */
#ifndef DSN_CHAIN_RPC_ANSWER_H
#define DSN_CHAIN_RPC_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define RPC_MESSAGE_BYTES 400 /* of an endpoint's own words that are passed on */
#define RPC_REVERT_BYTES 65536

struct rpc_outcome {
	const json_t *result;  /* NULL: the endpoint refused */
	int64_t code;          /* of the refusal */
	const char *message;   /* its words, printable ones only */
	const uint8_t *revert; /* the bytes that a call reverted with, or NULL */
	size_t revert_n;
};

struct rpc_answer {
	json_t *document; /* what the outcomes point into; released with the answer */
	struct rpc_outcome *outcomes;
	/* The endpoint refused the batch as a whole (too large, or it knows none): outcomes[0] says why, and the calls
	 * are to be sent one by one. */
	bool whole_refused;
};

/* The calls had the ids first_id, first_id + 1, ... and the methods named; a single call was sent without an array.
 * The answer belongs to ctx. ERROR_INVALID names what is no answer, and where; ERROR_LIMIT: too long. */
struct error *rpc_answer_read(const void *ctx, const char *text, size_t n, size_t limit, int64_t first_id,
			      const char *const *methods, size_t count, struct rpc_answer **ret_answer) MUST_CHECK;

#endif
