#include "base/mem.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One place where memory that is not there ends the process, so that no caller needs a path for it. */
static void *must(void *p)
{
	if (!p) {
		static const char text[] = "out of memory\n";
		fwrite(text, 1, sizeof(text) - 1, stderr);
		abort();
	}
	return p;
}

static size_t total_size(size_t size, size_t n)
{
	size_t total = 0;

	if (__builtin_mul_overflow(size, n, &total))
		must(NULL);
	return total;
}

void *mem_zalloc_(const void *ctx, size_t size, const char *name)
{
	void *p = must(talloc_named_const(ctx, size, name));

	memset(p, 0, size);
	return p;
}

void *mem_zarray_(const void *ctx, size_t size, size_t n, const char *name)
{
	return mem_zalloc_(ctx, total_size(size, n), name);
}

void *mem_resize_(const void *ctx, void *ptr, size_t size, size_t n, const char *name)
{
	size_t total = total_size(size, n);

	/* talloc frees on size 0; an empty array must stay a valid pointer. */
	return must(_talloc_realloc(ctx, ptr, total ? total : 1, name));
}

char *mem_strdup(const void *ctx, const char *s)
{
	return s ? must(talloc_strdup(ctx, s)) : NULL;
}

char *mem_strndup(const void *ctx, const char *s, size_t n)
{
	return s ? must(talloc_strndup(ctx, s, n)) : NULL;
}

void *mem_memdup(const void *ctx, const void *p, size_t n)
{
	void *copy = must(talloc_size(ctx, n));

	if (n)
		memcpy(copy, p, n);
	return copy;
}

char *mem_vprintf(const void *ctx, const char *fmt, va_list ap)
{
	return must(talloc_vasprintf(ctx, fmt, ap));
}

char *mem_printf(const void *ctx, const char *fmt, ...)
{
	va_list ap;
	char *text = NULL;

	va_start(ap, fmt);
	text = mem_vprintf(ctx, fmt, ap);
	va_end(ap);
	return text;
}

void mem_free(void *ptr)
{
	if (ptr)
		talloc_free(ptr);
}

static void *json_malloc(size_t size)
{
	return must(malloc(size ? size : 1));
}

static void on_talloc_abort(const char *reason)
{
	fprintf(stderr, "memory tree damaged: %s\n", reason);
	abort();
}

void mem_init(void)
{
	talloc_set_abort_fn(on_talloc_abort);
	json_set_alloc_funcs(json_malloc, free);
}
