/* The head of an HTTP/1.x message: request or status line and header fields, read strictly.
 *
 * Refused on sight, since two readers could see two messages: bare line feeds, folded lines, blanks before a colon,
 * control bytes, several or malformed Content-Length, Content-Length together with Transfer-Encoding, any coding but
 * chunked. The text is cut up in place; what is returned points into it. Threads: safe.
 */
#ifndef DSN_HTTP_HEAD_H
#define DSN_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define HTTP_HEAD_BYTES 8192
#define HTTP_HEADERS 64

struct http_header {
	const char *name;
	const char *value;
};

struct http_head {
	const char *method; /* requests */
	const char *target; /* requests: starts with '/' */
	int status;         /* answers: 100..599 */
	int minor;          /* HTTP/1.<minor>, 0 or 1 */
	struct http_header headers[HTTP_HEADERS];
	size_t count;
};

enum http_framing {
	HTTP_FRAMING_LENGTH, /* so many bytes, maybe none */
	HTTP_FRAMING_CHUNKED,
};

/* Length of the head including the empty line; 0 when that has not come yet. */
size_t http_head_length(const char *data, size_t len);
/* `text` holds exactly `len` bytes of head, as http_head_length() counted them. */
struct error *http_head_request(char *text, size_t len, struct http_head *ret_head) MUST_CHECK;
struct error *http_head_answer(char *text, size_t len, struct http_head *ret_head) MUST_CHECK;
/* First header of that name in any case; NULL when absent. */
const char *http_head_find(const struct http_head *h, const char *name);
/* Is `word` an element of the comma-separated header of that name, in any case? Repeated headers count as one list. */
bool http_head_lists(const struct http_head *h, const char *name, const char *word);
/* Does the connection stay open after this message? */
bool http_head_keep_alive(const struct http_head *h);
/* How a request's body is framed. ERROR_INVALID: it can be read in two ways, also where it is an answer's.
 * ERROR_REFUSED: unknown coding. */
struct error *http_head_framing(const struct http_head *h, enum http_framing *ret_framing,
				uint64_t *ret_length) MUST_CHECK;
/* Decimal digits only, at most 18 of them. */
struct error *http_parse_length(const char *text, uint64_t *ret_length) MUST_CHECK;

#endif
