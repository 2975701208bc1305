/* A bound on the memory that large messages take, over all connections of a server: those that come in and are served,
 * or answers that wait to be read. Each is bounded by itself, but there may be a thousand. Small ones (64 KiB) do not
 * count, so that they pass whatever the large ones do. Threads: loop thread. */
#ifndef DSN_HTTP_BUDGET_H
#define DSN_HTTP_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

struct http_budget {
	size_t limit; /* bytes */
	size_t used;
};

/* A message now takes `bytes` (0: it has gone); *held is its share, 0 at first. False: that is too much together; it is
 * to be refused and then let go. A budget of NULL bears everything. */
bool http_budget_hold(struct http_budget *b, size_t *held, size_t bytes);

#endif
