/* Nodes whose owners want them empty. */
#include "manager/jobs/watch_impl.h"

static bool look_at(struct watch_part *p)
{
	const bool drains = placing_drains(p->job->watch->placing, p->witness.node_id);

	if (drains == (p->state == PART_DRAINING) || !watch_is_here(p))
		return false;
	watch_put(p, drains ? PART_DRAINING : PART_SERVING);
	return true;
}

void watch_drain(struct watch_jobs *w)
{
	for (size_t i = 0; i < w->part_count; i++) {
		struct watch_part *p = w->by_node[i];

		if (!look_at(p))
			continue;
		if (p->state == PART_DRAINING)
			watch_soon(p->job);
		else
			watch_well_again(p->job);
	}
}

bool watch_drains(const struct watch_job *j)
{
	for (size_t i = 0; i < j->part_count; i++) {
		if (j->parts[i].state == PART_DRAINING)
			return !runs_has(j->watch->runs, j->name);
	}
	return false;
}
