/* Hierarchical memory (libtalloc) that never returns NULL.
 *
 * Purpose: every long-lived object is a child of its owner and is freed with it.
 * Ownership: the `ctx` argument becomes the parent (owner) of what is returned;
 *   NULL makes a top-level object that the caller frees with mem_free().
 * Errors: out of memory prints a line and ends the process (abort).
 * Threads: a context tree belongs to one thread at a time.
 */
#ifndef DSN_BASE_MEM_H
#define DSN_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <talloc.h>

/* A zeroed object of `type`, named after its type for talloc reports. */
#define mem_new(ctx, type) ((type *)mem_zalloc_((ctx), sizeof(type), #type))
/* A zeroed array of `n` objects of `type`. */
#define mem_array(ctx, type, n) ((type *)mem_zarray_((ctx), sizeof(type), (n), #type))
/* Grow or shrink an array made by mem_array(); new elements are NOT zeroed. */
#define mem_resize(ctx, ptr, type, n) ((type *)mem_resize_((ctx), (ptr), sizeof(type), (n), #type))

void *mem_zalloc_(const void *ctx, size_t size, const char *name);
void *mem_zarray_(const void *ctx, size_t size, size_t n, const char *name);
void *mem_resize_(const void *ctx, void *ptr, size_t size, size_t n, const char *name);

char *mem_strdup(const void *ctx, const char *s);
char *mem_strndup(const void *ctx, const char *s, size_t n);
void *mem_memdup(const void *ctx, const void *p, size_t n);
char *mem_printf(const void *ctx, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *mem_vprintf(const void *ctx, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Free an object and its children; NULL is allowed. */
void mem_free(void *ptr);

/* Call once at program start: makes talloc and jansson end the process when memory runs out. */
void mem_init(void);

#endif
