/* A job's document and tasks with another node in one of its places. Nothing is written or sent. Threads: any. */
#ifndef DSN_MANAGER_JOBS_REPLACE_H
#define DSN_MANAGER_JOBS_REPLACE_H

#include "manager/jobs/move_rows.h"

/* Where the node stands in the document; false: it is not in it. */
bool replace_find(const struct order_row *row, const char *node_id, size_t *ret_place);
/* `node` (borrowed, an entry of the document's `nodes`) takes the place of `from`, whose renditions it takes over.
 * `row` gets the new document and tasks: keys of those that stay are kept, and where a new distributor or storage is
 * reached is not known until it has been told; `set` gets the move and who is to be told what. Called several times for
 * one set, it adds up. Nothing is changed by an error. Memory: row's and set's ctx. */
struct error *replace_node(const void *ctx, struct order_row *row, const char *from, const json_t *node,
			   const char *cause, const char *why, struct move_set *set) MUST_CHECK;

#endif
