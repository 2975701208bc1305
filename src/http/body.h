/* The body of an HTTP/1.x request, decoded piece by piece as it arrives. Bounded by the buffer it is put into.
 * Threads: those of the caller. */
#ifndef DSN_HTTP_BODY_H
#define DSN_HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/head.h"

enum http_body_state {
	HTTP_BODY_DATA,      /* `left` bytes of body or chunk to come */
	HTTP_BODY_SIZE,      /* inside a chunk's size line */
	HTTP_BODY_CHUNK_END, /* the CRLF after a chunk */
	HTTP_BODY_TRAILER,   /* lines after the last chunk */
	HTTP_BODY_DONE,
};

struct http_body {
	enum http_framing framing;
	enum http_body_state state;
	uint64_t left;
	size_t overhead;  /* bytes of size lines without data and of trailers so far */
	size_t line_len;  /* of the current size or trailer line, without CRLF */
	bool digits_over; /* the size's digits have ended, an extension follows */
	bool seen_cr;
	struct buf *to;
};

/* ERROR_LIMIT when `length` is already more than `to` takes. */
struct error *http_body_begin(struct http_body *b, enum http_framing framing, uint64_t length,
			      struct buf *to) MUST_CHECK;
/* Takes bytes up to the end of the body; `ret_used` tells how many. */
struct error *http_body_feed(struct http_body *b, const char *data, size_t len, size_t *ret_used) MUST_CHECK;
bool http_body_done(const struct http_body *b);

#endif
