/* JSON (RFC 8259) written piece by piece into a buffer. What does not fit into the buffer is left out and remembered:
 * whoever writes asks once, at the end. Threads: any. */
#ifndef DSN_BASE_JSON_WRITE_H
#define DSN_BASE_JSON_WRITE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* How strings and numbers that are no integers look; both say the same. */
enum json_form {
	/* As Go's encoder writes: '<', '>', '&', U+2028 and U+2029 are escaped too, digits of escapes are small, a
	 * number has the fewest digits that read back as it. Broken UTF-8 becomes U+FFFD. */
	JSON_FORM_GO,
	/* As json_dumps() of jansson writes without flags. Strings must be UTF-8: those of a json_t are. */
	JSON_FORM_JANSSON
};

struct json_writer {
	struct buf *to;
	bool full; /* something was left out */
	enum json_form form;
};

/* As they stand: punctuation and values made elsewhere. */
void json_write_bytes(struct json_writer *w, const char *bytes, size_t n);
void json_write_raw(struct json_writer *w, const char *text);
void json_write_string(struct json_writer *w, const char *text, size_t n);
void json_write_text(struct json_writer *w, const char *text);
/* "0x" and lower-case digits, in quotes. */
void json_write_hex(struct json_writer *w, const uint8_t *bytes, size_t n);
void json_write_integer(struct json_writer *w, int64_t n);
/* null for what JSON cannot say. */
void json_write_double(struct json_writer *w, double n);
void json_write_bool(struct json_writer *w, bool b);
/* Any value, compact, members in their order; NULL is null. */
void json_write_value(struct json_writer *w, const json_t *value);

#endif
