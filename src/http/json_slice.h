/* JSON read in place: a value is a slice of the text, checked once, taken apart on demand; no tree, no copies.
 *
 * For requests that carry megabytes of hexadecimal text, where ids must come back exactly as they were written and
 * refusals name what a value was. Grammar: RFC 8259, at most JSON_SLICE_LEVELS levels; repeated keys are all seen;
 * strings may hold broken UTF-8 (it reads as U+FFFD). Documents are read with base/json.h. Threads: any.
 */
#ifndef DSN_HTTP_JSON_SLICE_H
#define DSN_HTTP_JSON_SLICE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define JSON_SLICE_LEVELS 64

/* One value, without blanks around it. n == 0: none. Points into the text it was read from. */
struct json_slice {
	const char *at;
	size_t n;
};

enum json_slice_kind { SLICE_NONE, SLICE_NULL, SLICE_BOOL, SLICE_NUMBER, SLICE_STRING, SLICE_ARRAY, SLICE_OBJECT };

/* The first value of the text; what follows it is not looked at. ERROR_NOT_FOUND: there are only blanks; ERROR_INVALID:
 * no JSON, or cut short; ERROR_LIMIT: too many levels. */
struct error *json_slice_read(const char *text, size_t n, struct json_slice *ret_value) MUST_CHECK;
/* The same of at most so many values, those within others counted: what a stranger's text costs to take apart grows
 * with them more than with its bytes. ERROR_REFUSED: there are more, or it is malformed where the next would be. */
struct error *json_slice_read_some(const char *text, size_t n, size_t most, struct json_slice *ret_value) MUST_CHECK;

/* All that follows wants slices that json_slice_read() has checked, or parts of them. */

enum json_slice_kind json_slice_kind(struct json_slice s);
/* "null", "bool", "number", "string", "array", "object" */
const char *json_slice_word(struct json_slice s);
/* The next element of an array or member of an object; *offset is 0 before the first. False: no more. `ret_key` (may be
 * NULL) gets the key as a string slice; of an array's elements none. */
bool json_slice_next(struct json_slice container, size_t *offset, struct json_slice *ret_key,
		     struct json_slice *ret_value);
/* A string's text with its escapes undone, NUL-terminated (but it may hold NULs); belongs to ctx. */
char *json_slice_string(const void *ctx, struct json_slice s, size_t *ret_n);
/* Is the string `word`? Letters of ASCII in any case when `fold`. */
bool json_slice_is(struct json_slice s, const char *word, bool fold);

#endif
