/* The event log as callers may see it: an event is its owner's, whom its body names (`owner`), and an operator's. */
#ifndef DSN_MANAGER_TOLD_H
#define DSN_MANAGER_TOLD_H

#include "manager/method.h"
#include "store/events.h"

/* The event, where this caller may see it: a new reference; NULL: he may not. */
json_t *told_json(const struct event *event, const struct caller *caller);
/* Adds the method events.list; `db` outlives the methods (NULL in it: it is not open), and may be
 * NULL where none is called. */
void told_add(struct methods *all, struct db *const *db);

#endif
