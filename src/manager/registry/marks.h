/* Nodes that the operator has set aside or barred, and why: a table, and the same in memory. What is marked and
 * unmarked goes into the event log with it. Threads: loop thread. */
#ifndef DSN_MANAGER_REGISTRY_MARKS_H
#define DSN_MANAGER_REGISTRY_MARKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/hex.h"
#include "manager/registry/nodes_state.h"
#include "store/db.h"

#define MARKS_WHY_BYTES 200

struct marks_mark {
	char id[ID_DIGITS + 1];
	enum nodes_state state; /* NODES_SET_ASIDE or NODES_BARRED */
	char *why;
};

extern const char *const marks_tables[];

struct marks;
struct marks *marks_new(const void *ctx);
/* Those of the database instead of what was known. */
struct error *marks_load(struct marks *all, struct db *db) MUST_CHECK;
/* NULL: it has none. */
const struct marks_mark *marks_find(const struct marks *all, const char *id);
struct marks_change {
	const char *id;
	enum nodes_state state; /* NODES_ONLINE: the mark is taken away */
	const char *why, *by;   /* `by`: who says so, an address or "" */
	const char *owner;      /* the node's, who is told of it; "": not known */
};
/* A new mark in place of another, if there is one. ERROR_NOT_FOUND: there is none to be taken away. */
struct error *marks_set(struct marks *all, struct db *db, const struct marks_change *change) MUST_CHECK;

#endif
