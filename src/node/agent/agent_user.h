/* Whom units run as when the agent is root. */
#ifndef DSN_NODE_AGENT_AGENT_USER_H
#define DSN_NODE_AGENT_AGENT_USER_H

#include "node/agent/agent_impl.h"

/* Fill a->runtime_options from --run-as; ERROR_REFUSED, with the mend, when that user cannot reach what it needs. */
struct error *agent_user(struct agent *a) MUST_CHECK;

#endif
