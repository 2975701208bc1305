/* The states of an order, from what a customer wants to what is over for good, and of its parts (a part is one node's
 * work in a job that runs): names, and every way from one to another. The tables are what may happen; docs/states.md is
 * made from them (tests/unit/manager_states_test.c compares). Threads: any.
 */
#ifndef DSN_MANAGER_JOBS_STATES_H
#define DSN_MANAGER_JOBS_STATES_H

#include <stdbool.h>

#include "base/states.h"

enum order_state {
	ORDER_SCHEDULED, /* its nodes are chosen when its time comes */
	ORDER_STARTING,  /* its nodes are told, or are to be */
	ORDER_RUNNING,
	ORDER_FAILING, /* a node refused: the others are told to end it */
	ORDER_FAILED,
	ORDER_STOPPING,
	ORDER_STOPPED, /* may be started again */
	ORDER_CANCELLING,
	ORDER_CANCELLED, /* for good */
	ORDER_STATES
};
extern const struct state_machine order_states;

enum part_state {
	PART_SERVING,
	PART_SUSPECT,   /* a neighbour complains, or it is silent: it is asked */
	PART_DRAINING,  /* its owner wants it empty: it serves, and another node is looked for */
	PART_LOST,      /* and another node is looked for */
	PART_REPLACING, /* another node was found: those whom it concerns are told */
	PART_REPLACED,
	PART_STATES
};
extern const struct state_machine part_states;

const char *part_state_name(enum part_state state);

const char *order_state_name(enum order_state state);
bool order_state_may(enum order_state from, enum order_state to);

#endif
