/* Building an argument vector; of use inside the media room only. */
#ifndef DSN_MEDIA_ARGS_H
#define DSN_MEDIA_ARGS_H

#include <stddef.h>

struct args {
	char **v; /* strings made on the way belong to it */
	size_t count, capacity;
};

struct args *args_new(const void *ctx);
/* Append copies of strings. */
#define args_add(a, ...) args_add_all((a), (const char *const[]){__VA_ARGS__, NULL})
void args_add_all(struct args *a, const char *const *strings);
void args_printf(struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Append a string that belongs to a->v already, or is constant. */
void args_own(struct args *a, char *text);
/* The finished, NULL-terminated vector, now ctx's. */
char **args_done(struct args *a, const void *ctx);

#endif
