/* The states of nodes, jobs and units: names, and every way from one to another. What a state means to its owner is in
 * node.h, job.h and unit.h; the tables here are what may happen, and docs/states.md is made from them
 * (tests/unit/node_states_test.c compares). Threads: any. */
#ifndef DSN_NODE_STATES_H
#define DSN_NODE_STATES_H

#include "base/states.h"

enum node_state { NODE_STARTING, NODE_RUNNING, NODE_LEAVING };

enum job_state { JOB_STOPPED, JOB_STARTING, JOB_RUNNING, JOB_DRAINING };

enum unit_state {
	UNIT_ENDED, /* not running, not wanted (also before its first start) */
	UNIT_STARTING,
	UNIT_RUNNING,
	UNIT_PAUSED, /* waits for its next start */
	UNIT_STOPPING,
};

extern const struct state_machine state_of_node, state_of_job, state_of_unit;

#endif
