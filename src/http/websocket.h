/* WebSocket connections (RFC 6455), both sides, over TCP. No extensions.
 *
 * Bounds: `message_limit` for what comes, `queue_limit` for what waits to be sent: a peer that reads too slowly is cut
 * off. A quiet peer is pinged every `ping_ms`; one that is silent for as long again is taken for gone. Threads: loop
 * thread.
 */
#ifndef DSN_HTTP_WEBSOCKET_H
#define DSN_HTTP_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "http/server.h"
#include "http/websocket_frame.h"

struct websocket;

/* Callbacks may call anything here and may free the websocket. */
struct websocket_events {
	void (*opened)(struct websocket *ws, void *arg); /* dialed ones only */
	/* `bytes` is NUL-terminated and valid during the call. Text is UTF-8. */
	void (*message)(struct websocket *ws, const char *bytes, size_t n, bool text, void *arg);
	/* It is over: `code` as received (enum websocket_code), 1006 when the connection broke or was never made, with
	 * a reason in words. Comes once; the websocket is good for nothing but being freed. */
	void (*closed)(struct websocket *ws, unsigned code, const char *reason, void *arg);
};

struct websocket_options {
	size_t message_limit; /* bytes; 0: 1 MiB */
	size_t queue_limit;   /* bytes; 0: 16 MiB */
	int64_t ping_ms;      /* 0: 60 s; < 0: no pings, silence is borne */
	/* Of all large messages that come in, and of all that wait to be sent; NULL: none; outlive the websocket. */
	struct http_budget *budget, *queue_budget;
	/* Who sends without end waits for his turn; outlive the websocket. NULL: what has come is looked at at once. */
	struct turns *turns;
	bool text_only; /* binary messages are refused with 1003 */
};

/* Does the request ask for an upgrade to WebSocket? Malformed ones too; websocket_accept() tells. */
bool websocket_wanted(const struct http_request *r);
/* Answers the handshake and takes the connection over from the HTTP server; the websocket belongs to ctx and its
 * callbacks come from the next turn of the loop on. ERROR_INVALID: the handshake is wrong, the request still wants its
 * answer (400). */
struct error *websocket_accept(const void *ctx, uv_loop_t *loop, struct http_request *r,
			       const struct websocket_options *options, const struct websocket_events *events,
			       void *arg, struct websocket **ret_ws) MUST_CHECK;

struct websocket_dial {
	const char *host; /* name or address */
	int port;
	const char *path;          /* "/" */
	const char *origin;        /* Origin header, or NULL */
	const char *authorization; /* header value, or NULL; never logged */
	int64_t deadline_ms;       /* for connecting and the handshake; 0: 10 s */
};
/* Connects; `opened` or `closed` follows. */
struct websocket *websocket_open(const void *ctx, uv_loop_t *loop, const struct websocket_dial *dial,
				 const struct websocket_options *options, const struct websocket_events *events,
				 void *arg);

/* ERROR_UNAVAILABLE: not open, or closing. ERROR_LIMIT: the queue is full; the connection ends, `closed` follows. */
struct error *websocket_send(struct websocket *ws, bool text, const char *bytes, size_t n) MUST_CHECK;
/* No more messages (in `message`, of a websocket with turns) until websocket_go_on(); they follow in a later turn of
 * the loop. What has come stays counted in `budget`. */
void websocket_hold(struct websocket *ws);
void websocket_go_on(struct websocket *ws);
size_t websocket_backlog(const struct websocket *ws); /* bytes */
/* What a dialed server answered instead of opening a WebSocket (401, ...); 0: it did not answer, or it opened. */
int websocket_refusal(const struct websocket *ws);
/* Sends a close frame and waits for the peer's, at most 2 s; `closed` follows, no more messages. */
void websocket_close(struct websocket *ws, enum websocket_code code, const char *reason);

#endif
