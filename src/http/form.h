/* Fields of a query or an application/x-www-form-urlencoded body, and percent-decoding of paths.
 * Threads: safe. */
#ifndef DSN_HTTP_FORM_H
#define DSN_HTTP_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define HTTP_FIELDS 128

struct http_field {
	const char *name;
	const char *value;
};

/* Decoded text, owned by ctx; with `plus`, '+' is a blank. A broken escape or an encoded NUL is ERROR_INVALID. */
struct error *http_decode(const void *ctx, const char *text, size_t len, bool plus, char **ret_text) MUST_CHECK;
/* "a=1&b=2" as an array ending with a NULL name; belongs to ctx. At most HTTP_FIELDS fields. */
struct error *http_form_parse(const void *ctx, const char *text, size_t len, struct http_field **ret_fields) MUST_CHECK;
/* Value of the first field of that name; NULL when absent. `fields` may be NULL. */
const char *http_form_find(const struct http_field *fields, const char *name);
/* Percent-encoded for use in a path segment or a query; belongs to ctx. */
char *http_encode(const void *ctx, const char *text);

#endif
