/* JSON answers as text for people: members as "name  value", lists of objects as tables. */
#ifndef DSN_VCLI_RENDER_H
#define DSN_VCLI_RENDER_H

#include <jansson.h>
#include <stdio.h>

/* Values are cleaned of control characters, since they come from other machines. */
void render_value(FILE *out, const json_t *value);
/* The array's objects as a table; `columns` (NULL-terminated) or all members in order of appearance with NULL. */
void render_table(FILE *out, const json_t *array, const char *const *columns);
/* One text on the way to a terminal: control characters become '?'. */
void render_text(FILE *out, const char *text);
/* "50.0 Mb/s" */
char *render_bps(const void *ctx, long long bps);

#endif
