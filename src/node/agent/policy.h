/* What the owner takes of managers (--most-jobs, --load-ceiling). Whose work it is (--customers) a command does not
 * say, and what it pays (--price) neither: those are kept by dsnd, which is told of them by the heartbeat. */
#ifndef DSN_NODE_AGENT_POLICY_H
#define DSN_NODE_AGENT_POLICY_H

#include "node/agent/command.h"

/* One job more at a node that has so many, on a machine of that load (thousandths; -1: not known)? ERROR_LIMIT says
 * what it is against. */
struct error *policy_room(const struct agent_settings *s, const char *node_id, size_t jobs, int load_pm) MUST_CHECK;
/* Does he take this job at this node? Owners may do what they like, and a job that
 * is wanted already may be changed. */
struct error *policy_check(const struct command *c, const struct node *n) MUST_CHECK;

#endif
