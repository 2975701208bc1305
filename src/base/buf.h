/* A growable byte buffer with a mandatory ceiling.
 *
 * Ownership: a child of the ctx given to buf_new(). `data` always has a NUL after `len` bytes, so that text can be
 * read as a C string. Errors: an append that would pass the ceiling fails with ERROR_LIMIT and appends nothing.
 */
#ifndef DSN_BASE_BUF_H
#define DSN_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

#include "base/error.h"

struct buf {
	char *data;
	size_t len;
	size_t capacity;
	size_t limit; /* bytes */
};

struct buf *buf_new(const void *ctx, size_t limit);
struct error *buf_append(struct buf *b, const void *bytes, size_t n) MUST_CHECK;
struct error *buf_puts(struct buf *b, const char *s) MUST_CHECK;
struct error *buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3))) MUST_CHECK;
/* Drop the first n bytes (n <= len). */
void buf_consume(struct buf *b, size_t n);
void buf_clear(struct buf *b);

#endif
