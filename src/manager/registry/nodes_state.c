#include "manager/registry/nodes_state.h"

static const char *const names[NODES_STATES] = {
	[NODES_ONLINE] = "online",       [NODES_SUSPECT] = "suspect", [NODES_OFFLINE] = "offline",
	[NODES_DRAINING] = "draining",   [NODES_TOO_OLD] = "too_old", [NODES_BARRED] = "barred",
	[NODES_SET_ASIDE] = "set_aside",
};

static const char *const heard_names[] = {
	[NODES_ONLINE] = "online", [NODES_SUSPECT] = "suspect", [NODES_OFFLINE] = "offline"};

static const struct state_move heard_moves[] = {
	{NODES_ONLINE, NODES_SUSPECT, "silent for 15 s"},
	{NODES_SUSPECT, NODES_OFFLINE, "silent for 60 s"},
	{NODES_SUSPECT, NODES_ONLINE, "a sign of life"},
	{NODES_OFFLINE, NODES_ONLINE, "a sign of life"},
};

const struct state_machine nodes_state_heard = STATE_MACHINE("Registered node", heard);

const char *nodes_state_name(enum nodes_state state)
{
	return names[state];
}
