/* JSON-RPC to Ethereum nodes: several endpoints of one chain, used as if they were one that does not fail.
 *
 * Calls made in one turn of the loop travel together in a batch; several batches are under way at once over kept
 * connections. An endpoint is used after it has named the right chain (eth_chainId), and must name it again after each
 * failure. What it answers is checked (rpc_answer.h); one that cannot be reached, is slow, answers garbage or too much
 * is left alone for a while (twice as long each time), and its calls go to the next one. They are sent again until
 * their deadline, unless the method could do something twice (only reads and eth_sendRawTransaction, whose bytes can
 * take effect once, are repeated). An endpoint that names another chain is refused.
 * Messages show an endpoint's scheme, host and port only; paths and passwords may be credentials.
 * Threads: loop thread.
 */
#ifndef DSN_CHAIN_RPC_H
#define DSN_CHAIN_RPC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

#define RPC_ENDPOINTS 16

struct rpc_config {
	const char *const *urls; /* the first is preferred at the beginning; then the one that works */
	size_t url_count;        /* 1 to RPC_ENDPOINTS */
	uint64_t chain_id;       /* 0: that which the first endpoint names */
	int64_t answer_ms;       /* an endpoint has this long for a batch; 0: 10 s, where there are others half of
				    give_up_ms at most, so that a call sees another one */
	int64_t give_up_ms;      /* a call fails after this long; 0: 30 s */
	size_t limit;            /* bytes of one answer; 0: 16 MiB */
};

/* What came of a call; all borrowed. */
struct rpc_reply {
	const struct error
		*error;        /* NULL: there is a result. ERROR_FAILED: the endpoint refused the call; its words are
				  in the message. ERROR_TIMEOUT, ERROR_UNAVAILABLE: nobody answered. ERROR_REFUSED:
				  all endpoints are of another chain. ERROR_LIMIT: the answer is too long everywhere */
	const json_t *result;  /* of the method's form (rpc_check_result()) */
	int64_t code;          /* the endpoint's code of its refusal, else 0 */
	const char *words;     /* the endpoint's own words of its refusal, else NULL */
	const uint8_t *revert; /* the bytes that the contract reverted with, or NULL */
	size_t revert_n;
};
typedef void rpc_fn(const struct rpc_reply *reply, void *arg);

struct rpc;
struct rpc_call;

/* ERROR_INVALID: a URL that is none. Connects when the first call is made. */
struct error *rpc_open(const void *ctx, uv_loop_t *loop, const struct rpc_config *config,
		       struct rpc **ret_rpc) MUST_CHECK;
/* `params` is an array whose reference is taken. `fn` comes once, in a later turn of the loop; freeing the call or ctx
 * earlier gives it up (what was sent may still take effect). The call is gone after `fn`.
 * `fn` must not free the rpc. */
struct rpc_call *rpc_call(struct rpc *r, const void *ctx, const char *method, json_t *params, rpc_fn *fn, void *arg);

/* What one endpoint says to a question that was put to all; borrowed. */
struct rpc_endpoint_reply {
	const char *label;         /* of the endpoint, as messages show it */
	const struct error *error; /* NULL: there is a result. ERROR_REFUSED: it is of another chain; ERROR_FAILED: it
				      refused; others: it did not answer within 3 s */
	const json_t *result;
};
typedef void rpc_each_fn(const struct rpc_endpoint_reply *replies, size_t count, void *arg);
/* A read, asked once of every endpoint by itself, after the chain's id is known. `params` is an array whose reference
 * is taken. `fn` comes once, in a later turn of the loop, in the order of the URLs; freeing ctx earlier gives it up.
 * `fn` must not free the rpc. */
void rpc_ask_each(struct rpc *r, const void *ctx, const char *method, json_t *params, rpc_each_fn *fn, void *arg);
size_t rpc_endpoint_count(const struct rpc *r);

/* The chain's id; 0 before the first endpoint has named it. */
uint64_t rpc_chain_id(const struct rpc *r);
/* Rises when another endpoint is used or the same one after a failure: what nodes keep in memory only (their pools) may
 * have been lost. */
uint64_t rpc_generation(const struct rpc *r);
uv_loop_t *rpc_loop(const struct rpc *r);
/* HTTP exchanges so far. */
uint64_t rpc_posts(const struct rpc *r);

#endif
