/* Who is barred on the chain: nodes, and owners of nodes, until when and why. In memory: whoever reads the chain says
 * all of them again. It is beside what an operator has marked (marks.h), and takes nothing of that away. Threads: loop
 * thread. */
#ifndef DSN_MANAGER_REGISTRY_CHAIN_BARS_H
#define DSN_MANAGER_REGISTRY_CHAIN_BARS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define CHAIN_BARS_MOST 4096
#define CHAIN_BARS_BYTES (4 * 1024 * 1024) /* of the list as text */

struct chain_bars;
struct chain_bars *chain_bars_new(const void *ctx);
/* {"list": [{"subject", "until_s", "why"}]} instead of what was known. ERROR_INVALID names what is wrong, and all
 * stays. *ret_changed: it is another list. */
struct error *chain_bars_set(struct chain_bars *all, const json_t *bars, bool *ret_changed) MUST_CHECK;
/* Why this node or account is barred at `now_s` (since 1970); NULL: it is not. */
const char *chain_bars_find(const struct chain_bars *all, const char *id, int64_t now_s);
/* Has one of them ended since the last time that this was asked? */
bool chain_bars_ended(struct chain_bars *all, int64_t now_s);

#endif
