/* JSON-RPC 2.0 with named parameters, the server's side, over the table of methods: a text comes in, a text goes out,
 * over whatever transport. One call a text; a batch is refused, calls may be made side by side instead.
 *
 * (rpc/jsonrpc.h speaks as go-ethereum does, with positional parameters and its words.) Threads: loop thread.
 */
#ifndef DSN_MANAGER_JSONRPC2_H
#define DSN_MANAGER_JSONRPC2_H

#include "manager/method.h"

#define JSONRPC2_BYTES ((size_t)1 << 20) /* of a call */

/* The number of an error in an answer. */
int jsonrpc2_code(enum error_code code);

/* Valid during the call; n == 0: there is nothing to say (a notification). */
typedef void jsonrpc2_reply_fn(const char *text, size_t n, void *arg);
/* Serves one call. `reply` comes exactly once, maybe before this returns; not when ctx is freed before. */
void jsonrpc2_serve(const void *ctx, struct methods *all, const struct caller *caller, const char *text, size_t n,
		    jsonrpc2_reply_fn *reply, void *arg);

#endif
