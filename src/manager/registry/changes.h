/* Which nodes have changed since somebody asked: each change gives its node the next version of the epoch, and the
 * nodes stand in a list by version, so that a question costs what has changed.
 *
 * An epoch is of one start of dsnd, and shorter where more nodes were forgotten than are kept in mind: who has asked in
 * another one gets all and forgets what he knew. Threads: loop thread.
 */
#ifndef DSN_MANAGER_REGISTRY_CHANGES_H
#define DSN_MANAGER_REGISTRY_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hex.h"

#define CHANGES_GONE_MOST 32768

/* Part of whatever changes. Zeroed before its first change. */
struct changes_link {
	struct changes_link *older, *newer;
	int64_t version; /* of its latest change; 0: none */
	int64_t born;    /* of its first one */
};

struct changes_lost {
	char id[ID_DIGITS + 1];
	int64_t born, version;
};

struct changes;
struct changes *changes_new(const void *ctx);
const char *changes_epoch(const struct changes *all);
/* The latest; 0: there was no change yet. */
int64_t changes_version(const struct changes *all);
void changes_touch(struct changes *all, struct changes_link *c);
/* What never changed was never told of, and goes without a trace. */
void changes_forget(struct changes *all, struct changes_link *c, const char *id);
/* The latest of what is there; NULL: nothing is. From it over `older` as far as versions are above the one asked. */
const struct changes_link *changes_newest(const struct changes *all);
/* The nth latest that was forgotten; NULL: no more are kept in mind in this epoch. */
const struct changes_lost *changes_gone(const struct changes *all, size_t n);

#endif
