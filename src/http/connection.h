/* One connection of the HTTP server: reads requests one after the other, hands them out, writes the answers.
 * Private to http/. Threads: loop thread. */
#ifndef DSN_HTTP_CONNECTION_H
#define DSN_HTTP_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "http/server.h"
#include "base/wire.h"

struct http_settings {
	uv_loop_t *loop;
	http_handler_fn *fn;
	void *arg;
	size_t body_limit;
	int64_t request_ms;
};

/* Takes the waiting connection; it belongs to `owner` (as do its requests) and frees itself when done; `gone` is called
 * exactly once, unless this fails after calling it. With `full` it is closed at once. */
struct error *http_connection_accept(const void *owner, const struct http_settings *settings, uv_stream_t *listener,
				     bool unix_socket, bool full, void (*gone)(void *arg), void *gone_arg) MUST_CHECK;

#endif
