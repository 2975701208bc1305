/* Where clients of a daemon come in: HTTP and WebSocket on the RPC port, WebSocket on a port of its own too when asked
 * for; and who reads its metrics.
 *
 * Who may: see admission.h. Bounds: connections of either kind, bodies, what waits for slow readers. Threads: loop
 * thread.
 */
#ifndef DSN_RPC_ENDPOINT_H
#define DSN_RPC_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "http/server.h"
#include "rpc/admission.h"

struct jsonrpc;
struct metrics;
struct turns;
struct endpoint;
struct endpoint_client; /* over WebSocket; the arg of its jsonrpc_session */

struct endpoint_config {
	struct admission_rules rules; /* their address is listened on */
	int rpc_port, ws_port;        /* 0: a free one, -1: none */
	size_t body_limit;            /* bytes of a request */
	size_t queue_limit;           /* bytes that may wait for a WebSocket client that reads slowly */
	unsigned connections;         /* of each kind */
	/* What is served; outlive the endpoint. */
	struct jsonrpc *rpc;
	struct turns *turns;
	struct metrics *metrics; /* as /metrics; the endpoint's own are added */
};

struct error *endpoint_open(const void *ctx, uv_loop_t *loop, const struct endpoint_config *config,
			    struct endpoint **ret_endpoint) MUST_CHECK;
int endpoint_rpc_port(const struct endpoint *ep); /* -1: none */
int endpoint_ws_port(const struct endpoint *ep);  /* of its own; -1: none */
/* No new connections; those over WebSocket are told to go. */
void endpoint_close(struct endpoint *ep);

/* A notification. False: the client is going. */
bool endpoint_client_send(struct endpoint_client *c, const char *text, size_t n);
/* Its subscriptions; opaque to the endpoint but that they are freed with the client. */
struct subscription;
struct subscription **endpoint_client_subscriptions(struct endpoint_client *c);

struct endpoint_counters {
	uint64_t http_requests, http_refused, ws_opened, ws_refused, ws_slow; /* cut off because they read too slowly */
	uint64_t ws_broken; /* ended for what they sent: malformed, too large, too much together */
	uint64_t notifications;
	uint64_t breaches[HTTP_BREACHES];
	size_t clients; /* over WebSocket, now */
};
void endpoint_count(const struct endpoint *ep, struct endpoint_counters *ret_counters);

#endif
