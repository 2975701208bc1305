/* JSON written piece by piece into a buffer. What does not fit into the buffer is left out and remembered: whoever
 * writes asks once, at the end. Threads: any. */
#ifndef DSN_BASE_JSON_WRITE_H
#define DSN_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct json_writer {
	struct buf *to;
	bool full; /* something was left out */
};

/* As they stand: punctuation and values made elsewhere. */
void json_write_bytes(struct json_writer *w, const char *bytes, size_t n);
void json_write_raw(struct json_writer *w, const char *text);
/* A string; broken UTF-8 becomes U+FFFD; '<', '>' and '&' are escaped as well, as Go's encoder does. */
void json_write_string(struct json_writer *w, const char *text, size_t n);
void json_write_text(struct json_writer *w, const char *text);
/* "0x" and lower-case digits, in quotes. */
void json_write_hex(struct json_writer *w, const uint8_t *bytes, size_t n);
void json_write_integer(struct json_writer *w, int64_t n);
/* The shortest digits that read back as the same number, in the form Go's encoder gives them; null for what JSON cannot
 * say. */
void json_write_double(struct json_writer *w, double n);
void json_write_bool(struct json_writer *w, bool b);

#endif
