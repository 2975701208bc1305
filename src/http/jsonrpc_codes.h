/* JSON-RPC 2.0's error codes, which servers (rpc/jsonrpc.h) and clients (http/rpc_client.h) share. */
#ifndef DSN_HTTP_JSONRPC_CODES_H
#define DSN_HTTP_JSONRPC_CODES_H

#define JSONRPC_PARSE (-32700)
#define JSONRPC_INVALID_REQUEST (-32600)
#define JSONRPC_NO_METHOD (-32601)
#define JSONRPC_INVALID_PARAMS (-32602)
/* What a method itself refuses; go-ethereum's. */
#define JSONRPC_FAILED (-32000)

#endif
