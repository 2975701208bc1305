#include "base/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_CAPACITY 256

struct buf *buf_new(const void *ctx, size_t limit)
{
	struct buf *b = mem_new(ctx, struct buf);

	b->limit = limit;
	b->capacity = limit < FIRST_CAPACITY ? limit : FIRST_CAPACITY;
	b->data = mem_array(b, char, b->capacity + 1);
	return b;
}

static struct error *reserve(struct buf *b, size_t n)
{
	size_t capacity = b->capacity;

	if (n > b->limit - b->len)
		return error_new(ERROR_LIMIT, "%zu more bytes do not fit: %zu of at most %zu are used", n, b->len,
				 b->limit);
	if (b->len + n <= capacity)
		return NULL;
	while (capacity < b->len + n)
		capacity = capacity > b->limit / 2 ? b->limit : capacity * 2;
	b->data = mem_resize(b, b->data, char, capacity + 1);
	b->capacity = capacity;
	return NULL;
}

struct error *buf_append(struct buf *b, const void *bytes, size_t n)
{
	TRY(reserve(b, n));
	if (n)
		memcpy(b->data + b->len, bytes, n);
	b->len += n;
	b->data[b->len] = '\0';
	return NULL;
}

struct error *buf_puts(struct buf *b, const char *s)
{
	return buf_append(b, s, strlen(s));
}

struct error *buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char small[256];
	struct error *e = NULL;
	char *text = NULL;
	int n = 0;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(small))
		return buf_append(b, small, (size_t)n);
	va_start(ap, fmt);
	text = mem_vprintf(b, fmt, ap);
	va_end(ap);
	e = buf_puts(b, text);
	mem_free(text);
	return e;
}

void buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->len);
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
	b->data[b->len] = '\0';
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->data[0] = '\0';
}
