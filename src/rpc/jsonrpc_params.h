/* Typed parameters of JSON-RPC calls, read as Go's encoding/json reads them into go-ethereum's types, error texts
 * included. Private to http/. Threads: any. */
#ifndef DSN_RPC_JSONRPC_PARAMS_H
#define DSN_RPC_JSONRPC_PARAMS_H

#include "rpc/jsonrpc.h"

/* Reads the array `params` (or none, or null) as `count` values; what they hold belongs to ctx. The error's message is
 * that of code JSONRPC_INVALID_PARAMS. */
struct error *jsonrpc_params_read(const void *ctx, struct json_slice params, const struct jsonrpc_param *types,
				  unsigned count, struct jsonrpc_value *ret_values) MUST_CHECK;

#endif
