/* The states of nodes, jobs and units: names, and every way from one to another. What a state means to its owner is in
 * node.h, job.h and unit.h; the tables here are what may happen, and docs/states.md is made from them
 * (tests/unit/node_states_test.c compares). Threads: any. */
#ifndef DSN_NODE_STATES_H
#define DSN_NODE_STATES_H

#include <stddef.h>

enum node_state { NODE_STARTING, NODE_RUNNING, NODE_LEAVING };

enum job_state { JOB_STOPPED, JOB_STARTING, JOB_RUNNING, JOB_DRAINING };

enum unit_state {
	UNIT_ENDED, /* not running, not wanted (also before its first start) */
	UNIT_STARTING,
	UNIT_RUNNING,
	UNIT_PAUSED, /* waits for its next start */
	UNIT_STOPPING,
};

struct state_move {
	int from, to;
	const char *when;
};

/* The first of `names` is where everything begins. */
struct state_machine {
	const char *title;
	const char *const *names;
	size_t name_count;
	const struct state_move *moves;
	size_t move_count;
};

extern const struct state_machine state_of_node, state_of_job, state_of_unit;

/* Returns `to`, which is `from` or where a row of the table leads: x->state = state_next(&state_of_job, x->state, to).
 * Another way is a fault of the caller's and ends the program. */
int state_next(const struct state_machine *m, int from, int to);

/* As Mermaid's stateDiagram-v2. Belongs to ctx. */
char *state_diagram(const void *ctx, const struct state_machine *m);

#endif
