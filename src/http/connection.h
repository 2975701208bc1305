/* One connection of the HTTP server: reads requests one after the other, hands them out, writes the answers.
 * Private to http/. Threads: loop thread. */
#ifndef DSN_HTTP_CONNECTION_H
#define DSN_HTTP_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wire.h"
#include "http/server.h"

struct connection;

/* All connections of a server; those that wait for a request stand in the order in which they began to. */
struct http_crowd {
	struct connection *first, *last;
	uint64_t breaches[HTTP_BREACHES];
};

struct http_settings {
	uv_loop_t *loop;
	http_handler_fn *fn;
	void *arg;
	size_t body_limit;
	int64_t request_ms;
	int64_t answer_ms;
	http_admit_fn *admit;
	struct http_budget *budget, *answer_budget;
	struct http_crowd *crowd;
};

/* Takes the waiting connection; it belongs to `owner` (as do its requests) and frees itself when done; `gone` is called
 * exactly once, unless this fails after calling it. With `full` it is closed at once, unless
 * another one gives way. */
struct error *http_connection_accept(const void *owner, const struct http_settings *settings, uv_stream_t *listener,
				     bool unix_socket, bool full, void (*gone)(void *arg), void *gone_arg) MUST_CHECK;

/* Takes the connection away from a request: answers 101 with `headers` (each line with its CRLF), then the wire is
 * ctx's with these callbacks (`written` comes once for that answer), and the request is over. ERROR_UNAVAILABLE: the
 * client has gone; ERROR_INVALID: there is a body or more behind the request. After an error the request still wants
 * its answer. */
struct error *http_request_upgrade(struct http_request *r, const void *ctx, const char *headers,
				   const struct wire_events *events, void *arg, struct wire **ret_wire) MUST_CHECK;

#endif
