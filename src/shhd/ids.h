/* A table of things by a random id of 64 hex digits, as go-ethereum names keys and filters. Threads: one at a time. */
#ifndef DSN_SHHD_IDS_H
#define DSN_SHHD_IDS_H

#include <stddef.h>

#include "base/error.h"

#define ID_BYTES 32
#define ID_TEXT (2 * ID_BYTES) /* digits */

struct ids;

/* `what` is for the error of a full table: "keys". */
struct ids *ids_new(const void *ctx, const char *what, size_t limit);
/* `thing` becomes the table's. ERROR_LIMIT: full; then it stays the caller's. ret_id has a NUL. */
struct error *ids_add(struct ids *t, void *thing, char ret_id[ID_TEXT + 1]) MUST_CHECK;
/* NULL: none of that id. */
void *ids_find(const struct ids *t, const char *id);
/* Frees the thing; 0 when there was none. */
int ids_remove(struct ids *t, const char *id);
size_t ids_count(const struct ids *t);

#endif
