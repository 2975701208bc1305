/* Who owns nodes: from the registry's nodes.changes, asked for again and again. A node counts while its agent obeys
 * this dsnd, since anybody may report a node. Bounds: the registry's. Threads: loop thread. */
#ifndef DSN_MANAGER_SESSIONS_OWNERS_H
#define DSN_MANAGER_SESSIONS_OWNERS_H

#include <stdbool.h>

#include "manager/method.h"

struct owners;
/* `methods` outlives it. */
struct owners *owners_new(const void *ctx, struct methods *methods);
/* Ask what has changed, unless a question is under way. */
void owners_ask(struct owners *o);
/* Takes an answer of nodes.changes (borrowed). */
void owners_take(struct owners *o, const json_t *answer);
/* Does `address`, lower-case, own a node? */
bool owners_has(const struct owners *o, const char *address);

#endif
