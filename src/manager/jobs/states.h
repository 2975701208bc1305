/* The states of an order, from what a customer wants to what has ended: names, and every way from one to another. The
 * table is what may happen; docs/states.md is made from it (tests/unit/manager_states_test.c compares). Threads: any.
 */
#ifndef DSN_MANAGER_JOBS_STATES_H
#define DSN_MANAGER_JOBS_STATES_H

#include "base/states.h"

enum jobs_state {
	JOBS_ORDERED,   /* wanted, and without nodes */
	JOBS_PLACED,    /* its nodes are found, and their capacity is held */
	JOBS_STARTING,  /* capacity is committed; the nodes are told */
	JOBS_SERVING,   /* all of them serve */
	JOBS_MOVING,    /* a part goes to another node; the old one goes on until the new one has delivered */
	JOBS_SET_ASIDE, /* its input has felled several nodes */
	JOBS_STOPPING,
	JOBS_STOPPED, /* has no nodes; may be started again */
	JOBS_ENDING,
	JOBS_ENDED, /* for good */
};

extern const struct state_machine jobs_states;

#endif
