/* JSON-RPC 2.0 client over one WebSocket (RFC 6455), as go-ethereum and shhd serve it: calls, their answers, and the
 * notifications of subscriptions.
 *
 * Life: rpc_client_open() dials; `opened` or `closed` follows. `closed` comes once, whenever the connection ends, and
 * then the client is good for nothing but being freed: connecting again (and subscribing again, since a server's
 * subscriptions end with their connection) is the caller's business; base/backoff.h tells how long to wait.
 *
 * Errors a call may get, always through its callback:
 *   ERROR_FAILED, ERROR_INVALID (codes -32600, -32602) or ERROR_NOT_FOUND (-32601): the server refuses, in its words;
 *   ERROR_TIMEOUT: no answer within `answer_ms`; an answer that comes later is dropped;
 *   ERROR_UNAVAILABLE: not connected, or the connection ended before the answer came;
 *   ERROR_LIMIT: `call_limit` calls are under way, or more waits to be sent than `queue_limit` (this ends the
 *   connection).
 * A server that sends what is no answer and no notification is cut off (ERROR_FAILED).
 *
 * Ownership: the client belongs to ctx; freeing it closes the connection and forgets its calls, no callback comes any
 * more. Callbacks may call anything here and may free the client. Threads: loop thread.
 */
#ifndef DSN_HTTP_RPC_CLIENT_H
#define DSN_HTTP_RPC_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

struct rpc_client;

/* Where a server is. */
struct rpc_client_address {
	char *host; /* name or address, IPv6 without brackets */
	int port;
	char *path; /* with query; "/" at least */
};
/* Reads ws://host[:port][/path]; without a port 8545. Texts belong to ctx. ERROR_INVALID: another scheme (there is no
 * TLS; put a proxy or a tunnel before a server far away), a user or password in it (a token goes into
 * `authorization`), a malformed host or port. The error does not repeat the URL, it may hold a secret. */
struct error *rpc_client_address_read(const void *ctx, const char *url,
				      struct rpc_client_address *ret_address) MUST_CHECK;
/* Only the check, for config_row.check. */
struct error *rpc_client_address_check(const char *url) MUST_CHECK;
/* Is the host an address of the loopback interface, or "localhost"? */
bool rpc_client_address_is_loopback(const struct rpc_client_address *a);

struct rpc_client_options {
	const char *host;
	int port;
	const char *path;          /* NULL: "/" */
	const char *authorization; /* header value such as "Bearer ..."; NULL: none; never logged */
	int64_t open_ms;           /* for connecting and the handshake; 0: 10 s */
	int64_t answer_ms;         /* for each call; 0: 120 s (a post may mine long) */
	int64_t ping_ms;           /* a quiet server is pinged, see http/websocket.h; 0: 60 s, < 0: never */
	size_t message_limit;      /* bytes of a document that comes; 0: 64 MiB */
	size_t queue_limit;        /* bytes that wait to be sent; 0: 32 MiB */
	size_t call_limit;         /* calls under way; 0: 4096 */
	/* Asked some times a second while rpc_client_wait...() runs, with the arg of the events; true ends it with
	 * ERROR_FAILED. NULL: never. */
	bool (*interrupted)(void *arg);
};

struct rpc_client_events {
	void (*opened)(struct rpc_client *c, void *arg); /* may be NULL */
	/* A notification: `method` is any that ends with "_subscription" ("shh_subscription", "eth_subscription"),
	 * `subscription` what the call subscribe answered. Never before that answer. All borrowed. May be NULL. */
	void (*notified)(struct rpc_client *c, const char *method, const char *subscription, const json_t *result,
			 void *arg);
	/* `e` (borrowed): ERROR_UNAVAILABLE: nobody there, the connection ended, or the server went; ERROR_REFUSED: it
	 * answered the handshake 401 or 403; ERROR_TIMEOUT: not connected within open_ms; ERROR_LIMIT: see above;
	 * ERROR_FAILED: it talks something else. The calls under way have been answered before. May be NULL. */
	void (*closed)(struct rpc_client *c, const struct error *e, void *arg);
};

/* All of `options` and `events` is copied. */
struct rpc_client *rpc_client_open(const void *ctx, uv_loop_t *loop, const struct rpc_client_options *options,
				   const struct rpc_client_events *events, void *arg);
bool rpc_client_is_open(const struct rpc_client *c);

/* Exactly one of the two is there; both borrowed. A result may be JSON null. */
typedef void rpc_answer_fn(const json_t *result, const struct error *e, void *arg);
/* Takes the reference to `params` (an array). `fn` comes exactly once, maybe before this returns (when nothing could be
 * sent), not when the client is freed before. NULL: nobody cares. */
void rpc_client_call(struct rpc_client *c, const char *method, json_t *params, rpc_answer_fn *fn, void *arg);
/* Calls under way; bytes that wait to be sent. */
size_t rpc_client_pending(const struct rpc_client *c);
size_t rpc_client_backlog(const struct rpc_client *c);

/* For programs that do one thing after the other; not in callbacks of the loop. They run the loop meanwhile.
 *
 * Until it is open or closed: then the error of `closed`. */
struct error *rpc_client_wait_open(struct rpc_client *c) MUST_CHECK;
/* A call and its answer, a new reference; `ret_result` may be NULL. The error names the method. The client must not be
 * freed by a callback meanwhile. */
struct error *rpc_client_wait(struct rpc_client *c, const char *method, json_t *params, json_t **ret_result) MUST_CHECK;

#endif
