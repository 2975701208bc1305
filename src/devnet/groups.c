#include "devnet/groups.h"

#include <string.h>

#include "base/mem.h"
#include "crypto/secp.h"

/* "enode://" and the digits of the key, which name a node; what follows is where it is. */
#define NAME_CHARS (strlen("enode://") + 2 * (size_t)SECP_PUBLIC_BYTES)

struct devnet_groups *devnet_groups_new(const void *ctx, const char *const *enodes, size_t count)
{
	struct devnet_groups *g = mem_new(ctx, struct devnet_groups);

	*g = (struct devnet_groups){.enodes = enodes, .count = count, .group = mem_array(g, size_t, count)};
	for (size_t i = 0; i < count; i++)
		g->group[i] = i;
	return g;
}

static size_t index_of(const struct devnet_groups *g, const char *enode)
{
	size_t i = 0;

	while (i < g->count && !(enode && strncmp(g->enodes[i], enode, NAME_CHARS) == 0))
		i++;
	return i;
}

static void unite(struct devnet_groups *g, size_t from, size_t to)
{
	for (size_t i = 0; i < g->count; i++) {
		if (g->group[i] == from)
			g->group[i] = to;
	}
}

void devnet_groups_add(struct devnet_groups *g, size_t node, const json_t *peers, const char *protocol)
{
	bool any = false;
	json_t *peer;
	size_t k;

	json_array_foreach (peers, k, peer) {
		size_t i = index_of(g, json_string_value(json_object_get(peer, "enode")));

		if (i == g->count || (protocol && !json_object_get(json_object_get(peer, "protocols"), protocol)))
			continue;
		any = true;
		g->connections++;
		unite(g, g->group[i], g->group[node]);
	}
	g->lonely += !any;
}

bool devnet_groups_are_one(const struct devnet_groups *g)
{
	for (size_t i = 1; i < g->count; i++) {
		if (g->group[i] != g->group[0])
			return false;
	}
	return true;
}
