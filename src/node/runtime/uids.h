/* Users of nodes' own: a number for each node out of a range (--unit-uids), so that one taken-over node reaches neither
 * another's files nor its processes.
 *
 * No accounts are needed: the kernel knows numbers only. Which node has which is in agent.db, until the node has been
 * purged. Several agents on one machine keep out of each other's way: each holds a lock in /run/dsn/uids/ for every
 * number that it uses, and none takes a number that some process runs with. Only for an agent that is root.
 * Threads: loop thread.
 */
#ifndef DSN_NODE_RUNTIME_UIDS_H
#define DSN_NODE_RUNTIME_UIDS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "store/db.h"

struct uid_range {
	uid_t first, last; /* both 0: none */
};

/* "70000-70999", or "none" (NULL too). ERROR_INVALID also when this user namespace does not know the numbers. */
struct error *uids_parse(const char *text, struct uid_range *ret_range) MUST_CHECK;

struct uid_claim {
	uid_t uid;
	int lock_fd; /* -1: none */
};

/* The node's number: the one it has, or a free one, which it has from now on. The claim lasts as long as ctx.
 * ERROR_UNAVAILABLE: all of the range are taken. */
struct error *uids_claim(const void *ctx, struct db *db, const struct uid_range *range, const char *node_id,
			 struct uid_claim **ret_claim) MUST_CHECK;
/* Nothing is left of the node: another may have its number. */
struct error *uids_give_back(struct db *db, const char *node_id) MUST_CHECK;

#endif
