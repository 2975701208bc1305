/* The place of a key in a sorted array of pointers. Threads: any. */
#ifndef DSN_BASE_BISECT_H
#define DSN_BASE_BISECT_H

#include <stddef.h>

/* The text that a row is sorted by. */
typedef const char *bisect_key_fn(const void *row);

/* Where the first row stands whose key is not below `key`, by strcmp(), or would stand: `count` at most. */
size_t bisect_text(void *const *rows, size_t count, bisect_key_fn *key_of, const char *key);

#endif
