/* HTTP/1.1 client for small exchanges over TCP or a unix socket (Docker's engine, nginx control, RabbitMQ management).
 *
 * Bounds: answer headers 8 KiB, body `limit` bytes, `deadline_ms` for the whole exchange. Chunked answers are decoded.
 * No redirects, no cookies, no proxies. Threads: loop thread.
 */
#ifndef DSN_HTTP_CLIENT_H
#define DSN_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "http/reach.h"

struct http_head; /* http/head.h */
struct transfers; /* transfer/transfer.h */

struct http_exchange {
	/* Whose connections serve one exchange after the other; outlives it. NULL: one of its own, closed behind it. */
	struct transfers *kept;
	const char *unix_path; /* unix socket, or NULL */
	const char *host;      /* TCP host, or NULL with unix_path */
	int port;
	bool tls;                 /* https: the server's certificate is checked */
	const char *ca_file;      /* tls: trust anchors instead of the system's; or NULL */
	const char *method;       /* "GET" */
	const char *path;         /* with query, already encoded */
	const char *content_type; /* of body, or NULL */
	const char *body;         /* may be NULL */
	size_t body_len;
	const char *authorization; /* header value, e.g. "Basic ..."; or NULL; never logged */
	int64_t deadline_ms;       /* 0: 30 s */
	size_t limit;              /* answer body; 0: 1 MiB */
	/* Which addresses of the host may be connected to (ERROR_REFUSED), outlives the exchange; NULL: any. */
	const struct http_reach *reach;
};

struct http_answer {
	struct error *error; /* no answer: refused, deadline, malformed, too large; NULL otherwise. Borrowed */
	bool sent;           /* the request has gone out, or a part of it: with an error, what became of it is open */
	int status;          /* 200 ... */
	const struct http_head *head; /* of the answer; NULL with an error, and from http_fetch_sync() */
	const char *body;             /* NUL-terminated */
	size_t len;
};
typedef void http_answer_fn(const struct http_answer *a, void *arg);

/* Starts at once; `fn` is called exactly once on the loop, unless ctx is freed before. All inputs but reach are copied.
 */
void http_fetch(const void *ctx, uv_loop_t *loop, const struct http_exchange *x, http_answer_fn *fn, void *arg);
/* Blocking form for command line programs (runs a private loop). Answer belongs to ctx. */
struct http_answer *http_fetch_sync(const void *ctx, const struct http_exchange *x);

#endif
