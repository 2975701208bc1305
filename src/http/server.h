/* HTTP/1.1 server on our libuv loop, TCP or a unix socket.
 *
 * Bounds: request line and headers 8 KiB, body `body_limit`, `request_ms` per request, `connections` at once.
 * Above `connections` the one gives
 * way that has been waiting longest for a request or the rest of one. Connections are kept alive. What cannot be read
 * in exactly one way is refused (400), as is a path that climbs with
 * "..". Handlers answer now or later. Threads: loop thread. The server belongs to ctx; freeing it drops its connections
 * and requests and removes the unix socket.
 */
#ifndef DSN_HTTP_SERVER_H
#define DSN_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "base/wire.h"
#include "http/budget.h"

struct http_server;
struct http_request; /* valid until answered, also when the client has gone; a talloc context */

/* What becomes of a request once its head has been read, before its body: 0 takes it, a status refuses it with the text
 * (of static life), and its connection is closed. The body is not there yet. */
typedef int http_admit_fn(struct http_request *r, const char **ret_text, void *arg);

struct http_listen {
	const char *unix_path; /* unix socket path, replaced if stale; or NULL for TCP */
	unsigned unix_mode;    /* e.g. 0660 */
	const char *address;   /* TCP: "127.0.0.1" */
	int port;              /* TCP: 0 picks a free one, see http_server_port() */
	size_t body_limit;     /* bytes; 0: 64 KiB */
	int64_t request_ms;    /* to send a request, and again to answer it; 0: 30 s */
	int64_t answer_ms;     /* to answer it, when that may take longer; 0: request_ms */
	unsigned connections;  /* at once; 0: 256. Those that were upgraded do not count any more */
	/* Of all bodies together, and of all answers that are being sent; may be shared with others and outlive the
	 * server; NULL: none. */
	struct http_budget *budget, *answer_budget;
	http_admit_fn *admit; /* NULL: every request is taken; gets the handler's arg */
};

typedef void http_handler_fn(struct http_request *r, void *arg);
struct error *http_server_open(const void *ctx, uv_loop_t *loop, const struct http_listen *listen, http_handler_fn *fn,
			       void *arg, struct http_server **ret_server) MUST_CHECK;
int http_server_port(const struct http_server *s);

/* What clients did wrong, or too much of. What `admit` refuses is not among it. */
enum http_breach {
	HTTP_MALFORMED, /* 400 */
	HTTP_SLOW,      /* 408 */
	HTTP_BODY,      /* 413: larger than body_limit */
	HTTP_HEAD,      /* 431 */
	HTTP_CODING,    /* 501 */
	HTTP_BUSY,      /* 503: beyond a budget */
	HTTP_CROWDED,   /* closed for a newer connection, or at once */
	HTTP_BREACHES
};
const char *http_breach_name(enum http_breach b); /* "malformed", "slow", ... for metrics */
uint64_t http_server_count(const struct http_server *s, enum http_breach b);

const char *http_request_method(const struct http_request *r);
const char *http_request_path(const struct http_request *r); /* decoded, without query */
/* Value of a query or form (application/x-www-form-urlencoded) field, decoded; NULL when absent. Query first. */
const char *http_request_field(const struct http_request *r, const char *name);
const char *http_request_body(const struct http_request *r, size_t *ret_len);
/* Value of the first request header of that name, in any case; NULL when absent. */
const char *http_request_header(const struct http_request *r, const char *name);
/* Is `word` in the comma-separated request header of that name? */
bool http_request_lists(const struct http_request *r, const char *name, const char *word);
/* Adds a header to the answer, also to a refusal by http_admit_fn. The value has no control bytes. */
void http_answer_header(struct http_request *r, const char *name, const char *value);
/* Answers 200 with a body that ends with the connection: its head is sent, and the connection is no longer counted;
 * then the wire is ctx's with these callbacks (`written` comes once for the head), and the request is over.
 * ERROR_UNAVAILABLE: the client has gone; ERROR_INVALID: there is a body or more behind the request. After an error the
 * request still wants its answer. */
struct error *http_request_stream(struct http_request *r, const void *ctx, const char *content_type,
				  const struct wire_events *events, void *arg, struct wire **ret_wire) MUST_CHECK;
/* Exactly one answer per request; ends it. */
void http_respond(struct http_request *r, int status, const char *content_type, const char *body, size_t len);

#endif
