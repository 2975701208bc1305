/* The states of a node. Silence says more than all else: what does not answer is suspect, then offline, whatever it
 * may be beside that; then what the operator has said, then its version, then its owner's maintenance. Threads: any. */
#ifndef DSN_MANAGER_REGISTRY_NODES_STATE_H
#define DSN_MANAGER_REGISTRY_NODES_STATE_H

#include "base/states.h"

enum nodes_state {
	NODES_ONLINE, /* the only one that gets work */
	NODES_SUSPECT,
	NODES_OFFLINE,
	NODES_DRAINING, /* in maintenance */
	NODES_TOO_OLD,
	NODES_BARRED,
	NODES_SET_ASIDE,
	NODES_STATES
};

const char *nodes_state_name(enum nodes_state state);
/* The first three alone: is it heard? */
extern const struct state_machine nodes_state_heard;

#endif
