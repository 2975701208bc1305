/* Several calls whose answers are looked at together. Threads: loop thread. */
#ifndef DSN_CHAIN_GATHER_H
#define DSN_CHAIN_GATHER_H

#include <stddef.h>

#include "chain/rpc.h"

struct gather;
/* Called once when all are answered, in a later turn of the loop; the gathering is freed after it. */
typedef void gather_fn(struct gather *g, void *arg);

/* Freeing it (or ctx) gives it up. */
struct gather *gather_new(const void *ctx, struct rpc *rpc, gather_fn *fn, void *arg);
/* Takes the reference of `params`. The index of its answer. */
size_t gather_add(struct gather *g, const char *method, json_t *params);
/* After the last gather_add(). */
void gather_run(struct gather *g);

/* Borrowed until the gathering is freed; `error` is NULL when there is a result. */
const struct rpc_reply *gather_at(const struct gather *g, size_t i);
/* Of the first call that nobody answered (what an endpoint refused counts as answered); NULL: none. Borrowed. */
const struct error *gather_failure(const struct gather *g);

#endif
