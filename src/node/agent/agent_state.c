/* What the parts of an agent tell it: that something has changed, or that it has ended. */
#include "node/agent/agent_impl.h"

#define CHANGE_MS 1

const char *agent_id(const struct agent *a)
{
	return a->host.id;
}

void agent_changed(struct agent *a)
{
	if (!a->change_timer)
		a->change_timer = timer_start(a, a->host.loop, CHANGE_MS, 0, a->on_change, a);
}

void agent_finish(struct agent *a, int code)
{
	agent_end_fn *end = a->end;

	a->end = NULL;
	if (end)
		end(code, a->end_arg);
}
