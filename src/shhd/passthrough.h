/* eth_* calls handed on to a chain's own JSON-RPC endpoint (http only), so that one port serves both as with geth.
 * Threads: loop thread. */
#ifndef DSN_SHHD_PASSTHROUGH_H
#define DSN_SHHD_PASSTHROUGH_H

#include "shhd/shhd.h"

/* --chain: "http://host[:port][/path]" */
struct error *passthrough_check(const char *url) MUST_CHECK;
/* For jsonrpc_set_fallback(): serves eth_* when there is a chain. */
bool passthrough_call(struct jsonrpc_call *c, const char *method, struct json_slice params, void *arg);

#endif
