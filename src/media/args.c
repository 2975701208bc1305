#include "media/args.h"

#include <stdarg.h>

#include "base/mem.h"

struct args *args_new(const void *ctx)
{
	struct args *a = mem_new(ctx, struct args);

	a->capacity = 64;
	a->v = mem_array(a, char *, a->capacity);
	return a;
}

void args_own(struct args *a, char *text)
{
	if (a->count + 1 == a->capacity) {
		a->capacity *= 2;
		a->v = mem_resize(a, a->v, char *, a->capacity);
	}
	a->v[a->count++] = text;
	a->v[a->count] = NULL;
}

void args_add_all(struct args *a, const char *const *strings)
{
	for (; *strings; strings++)
		args_own(a, mem_strdup(a->v, *strings));
}

void args_printf(struct args *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	args_own(a, mem_vprintf(a->v, fmt, ap));
	va_end(ap);
}

char **args_done(struct args *a, const void *ctx)
{
	char **v = talloc_steal(ctx, a->v);

	mem_free(a);
	return v;
}
