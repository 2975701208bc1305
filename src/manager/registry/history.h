/* What the event log tells of a node. */
#ifndef DSN_MANAGER_REGISTRY_HISTORY_H
#define DSN_MANAGER_REGISTRY_HISTORY_H

#include <jansson.h>

#include "store/db.h"

#define HISTORY_MOST 1000

/* How events of one node are found without a look at all of them. */
extern const char *const history_tables[];

/* Its newest events, at most so many, the newest first: [{"at","state","why",...}]. New reference. */
struct error *history_read(struct db *db, const char *id, int64_t most, json_t **ret_list) MUST_CHECK;

#endif
