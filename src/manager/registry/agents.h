/* The agents of the nodes that are heard, and what each has said of its machine last. An agent is kept as long as a
 * node names it; what others say of themselves is not. Threads: loop thread. */
#ifndef DSN_MANAGER_REGISTRY_AGENTS_H
#define DSN_MANAGER_REGISTRY_AGENTS_H

#include "api/beat.h"

struct agents_agent {
	char id[ID_DIGITS + 1];
	const struct api_beat *beat; /* api_beat_unknown: it has said nothing yet */
	uint64_t version;            /* rises with each beat that says something else */
	size_t nodes;
};

struct agents;
struct agents *agents_new(const void *ctx);
/* One more node names it; given back with agents_leave(). */
struct agents_agent *agents_join(struct agents *all, const char *id);
void agents_leave(struct agents *all, struct agents_agent *agent);
/* NULL: no node names it. */
struct agents_agent *agents_find(const struct agents *all, const char *id);
/* Has it sent a heartbeat? */
bool agents_speaks(const struct agents_agent *agent);
/* Does its last heartbeat name this node? */
bool agents_names(const struct agents_agent *agent, const char *node);
/* Takes the beat. */
void agents_hear(struct agents_agent *agent, struct api_beat *beat);

#endif
