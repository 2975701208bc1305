/* The agent of one machine: hosts any number of nodes, takes commands for them from the bus, keeps their wanted state
 * on disk and makes it so.
 *
 * Files below settings.state_dir: agent.key and keys/ (see node/agent/keys.h), agent.id, agent.lock, agent.db (0600)
 * and nodes/<node id>/ (see node/node.h). Threads: everything on the loop's thread.
 */
#ifndef DSN_NODE_AGENT_AGENT_H
#define DSN_NODE_AGENT_AGENT_H

#include <uv.h>

#include "base/error.h"
#include "node/settings.h"

#define AGENT_EXIT_CLAIMED 4 /* another agent serves a node id of ours */

struct agent;
/* Called once when the agent has ended; `code` is for exit(). */
typedef void agent_end_fn(int code, void *arg);

/* Open everything and take up the stored nodes. Fails for what a person must mend: the folder, the lock, a setting. */
struct error *agent_open(const void *ctx, uv_loop_t *loop, const struct agent_settings *settings, agent_end_fn *end,
			 void *arg, struct agent **ret_agent) MUST_CHECK;
/* End: units go on running for the next agent, or are stopped too with settings.stop_units. */
void agent_stop(struct agent *a);
const char *agent_id(const struct agent *a);

#endif
