/* What the agent knows, as numbers that can be compared: in its database and in its memory. */
#ifndef DSN_FUZZ_AGENT_LOOK_H
#define DSN_FUZZ_AGENT_LOOK_H

#include "node/agent/agent_impl.h"

/* All tables, or those that hold what is wanted: nodes, jobs, commands on their way. */
uint64_t look_all(struct agent *a);
uint64_t look_wanted(struct agent *a);
/* Nodes and jobs alone: what the next agent has to find. */
uint64_t look_nodes(struct agent *a);
/* What of it is in memory. */
uint64_t look_memory(const struct agent *a);
int64_t look_count(struct agent *a, const char *sql, const char *id);
/* What is in memory is what is stored. */
void look_agrees(struct agent *a);

#endif
