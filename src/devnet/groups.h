/* Who can reach whom in a network: nodes that are connected, directly or over others, are one group.
 * Threads: any, one at a time. */
#ifndef DSN_DEVNET_GROUPS_H
#define DSN_DEVNET_GROUPS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct devnet_groups {
	const char *const *enodes; /* the nodes' URLs, borrowed */
	size_t count;
	size_t *group;      /* of each node */
	size_t connections; /* so far, each seen from both sides */
	size_t lonely;      /* nodes whose peers were told and that have none */
};

/* Nobody knows anybody. Belongs to ctx. */
struct devnet_groups *devnet_groups_new(const void *ctx, const char *const *enodes, size_t count);
/* What a node answers to admin_peers; peers that are none of the nodes, or (`protocol` not NULL) do not speak it with
 * it, do not count. */
void devnet_groups_add(struct devnet_groups *g, size_t node, const json_t *peers, const char *protocol);
/* Each can be reached from each other. */
bool devnet_groups_are_one(const struct devnet_groups *g);

#endif
