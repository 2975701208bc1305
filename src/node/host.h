/* What a node knows of the agent that hosts it. */
#ifndef DSN_NODE_HOST_H
#define DSN_NODE_HOST_H

#include <uv.h>

#include "node/runtime/runtime.h"
#include "node/runtime/uids.h"
#include "node/settings.h"
#include "store/db.h"

struct agent;

struct host {
	uv_loop_t *loop;
	struct agent_settings settings;
	struct runtime_options runtime_options;
	struct uid_range uids; /* users of nodes' own; none unless we are root */
	const char *id;        /* the agent's */
	struct db *db;
	bool stopping; /* nothing is started any more */
	/* Something a command may wait for, or a status tells, has changed. */
	void (*changed)(struct agent *a);
	struct agent *agent;
};

#endif
