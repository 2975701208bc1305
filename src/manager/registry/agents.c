#include "manager/registry/agents.h"

#include <stdio.h>
#include <string.h>

#include "base/bisect.h"
#include "base/mem.h"

struct agents {
	struct agents_agent **list; /* by id */
	size_t count;
};

struct agents *agents_new(const void *ctx)
{
	struct agents *all = mem_new(ctx, struct agents);

	all->list = mem_array(all, struct agents_agent *, 0);
	return all;
}

static const char *agent_id_of(const void *row)
{
	return ((const struct agents_agent *)row)->id;
}

/* Where it stands, or would. */
static size_t place_of(const struct agents *all, const char *id)
{
	return bisect_text((void *const *)all->list, all->count, agent_id_of, id);
}

struct agents_agent *agents_find(const struct agents *all, const char *id)
{
	size_t at = place_of(all, id);

	return at < all->count && strcmp(all->list[at]->id, id) == 0 ? all->list[at] : NULL;
}

struct agents_agent *agents_join(struct agents *all, const char *id)
{
	struct agents_agent *a = agents_find(all, id);
	size_t at = place_of(all, id);

	if (!a) {
		a = mem_new(all, struct agents_agent);
		snprintf(a->id, sizeof(a->id), "%s", id);
		a->beat = &api_beat_unknown;
		all->list = mem_resize(all, all->list, struct agents_agent *, all->count + 1);
		memmove(&all->list[at + 1], &all->list[at], (all->count++ - at) * sizeof(struct agents_agent *));
		all->list[at] = a;
	}
	a->nodes++;
	return a;
}

void agents_leave(struct agents *all, struct agents_agent *agent)
{
	size_t at = place_of(all, agent->id);

	if (--agent->nodes > 0)
		return;
	memmove(&all->list[at], &all->list[at + 1], (--all->count - at) * sizeof(struct agents_agent *));
	mem_free(agent);
}

bool agents_speaks(const struct agents_agent *agent)
{
	return agent->beat != &api_beat_unknown;
}

bool agents_names(const struct agents_agent *agent, const char *node)
{
	for (size_t i = 0; i < agent->beat->node_count; i++) {
		if (strcmp(agent->beat->nodes[i].id, node) == 0)
			return true;
	}
	return false;
}

void agents_hear(struct agents_agent *agent, struct api_beat *beat)
{
	const struct api_beat *before = agent->beat;

	if (!api_beat_same(before, beat))
		agent->version++;
	agent->beat = talloc_steal(agent, beat);
	if (before != &api_beat_unknown)
		mem_free((struct api_beat *)before);
}
