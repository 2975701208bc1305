#include "manager/jobs/states.h"

static const char *const order_names[ORDER_STATES] = {
	[ORDER_STARTING] = "starting",     [ORDER_RUNNING] = "running",     [ORDER_FAILING] = "failing",
	[ORDER_FAILED] = "failed",         [ORDER_STOPPING] = "stopping",   [ORDER_STOPPED] = "stopped",
	[ORDER_CANCELLING] = "cancelling", [ORDER_CANCELLED] = "cancelled", [ORDER_SCHEDULED] = "scheduled",
};

static const struct state_move order_moves[] = {
	{ORDER_SCHEDULED, ORDER_STARTING, "its time has come, and nodes were found"},
	{ORDER_SCHEDULED, ORDER_FAILED, "none were found until its end"},
	{ORDER_SCHEDULED, ORDER_CANCELLED, "orders.cancel"},
	{ORDER_STARTING, ORDER_RUNNING, "all its nodes serve"},
	{ORDER_STARTING, ORDER_FAILING, "one does not"},
	{ORDER_RUNNING, ORDER_FAILING, "one place of it has failed on three nodes with one error: it is set aside"},
	{ORDER_FAILING, ORDER_FAILED, "the others have been told"},
	{ORDER_RUNNING, ORDER_STOPPING, "pipelines.stop, or its end has come"},
	{ORDER_STOPPING, ORDER_STOPPED, "the nodes have been told"},
	{ORDER_STOPPED, ORDER_STARTING, "pipelines.start"},
	{ORDER_FAILED, ORDER_STARTING, "pipelines.start"},
	{ORDER_RUNNING, ORDER_CANCELLING, "orders.cancel"},
	{ORDER_STARTING, ORDER_STOPPING, "pipelines.stop, or its end has come"},
	{ORDER_STARTING, ORDER_CANCELLING, "orders.cancel"},
	{ORDER_FAILING, ORDER_CANCELLING, "orders.cancel"},
	{ORDER_STOPPING, ORDER_CANCELLING, "orders.cancel"},
	{ORDER_STOPPED, ORDER_CANCELLING, "orders.cancel"},
	{ORDER_FAILED, ORDER_CANCELLING, "orders.cancel"},
	{ORDER_CANCELLING, ORDER_CANCELLED, "the nodes have been told"},
};

const struct state_machine order_states = STATE_MACHINE("Order", order);

static const char *const part_names[PART_STATES] = {
	[PART_SERVING] = "serving", [PART_SUSPECT] = "suspect",     [PART_DRAINING] = "draining",
	[PART_LOST] = "lost",       [PART_REPLACING] = "replacing", [PART_REPLACED] = "replaced",
};

static const struct state_move part_moves[] = {
	{PART_SERVING, PART_SUSPECT, "a neighbour complains, or it is silent"},
	{PART_SUSPECT, PART_SERVING, "it is heard"},
	{PART_SUSPECT, PART_LOST, "it does not answer"},
	{PART_SERVING, PART_LOST, "it does not start"},
	{PART_LOST, PART_SERVING, "it is heard before another node was found"},
	{PART_SERVING, PART_DRAINING, "its owner has set it to maintenance"},
	{PART_DRAINING, PART_SERVING, "maintenance is over before another node was found"},
	{PART_DRAINING, PART_SUSPECT, "a neighbour complains, or it is silent"},
	{PART_DRAINING, PART_LOST, "it does not start"},
	{PART_DRAINING, PART_REPLACING, "another node was found, and written down"},
	{PART_LOST, PART_REPLACING, "another node was found, and written down"},
	{PART_REPLACING, PART_REPLACED, "all whom it concerns have been told"},
};

const struct state_machine part_states = STATE_MACHINE("Part", part);

const char *part_state_name(enum part_state state)
{
	return part_names[state];
}

const char *order_state_name(enum order_state state)
{
	return order_names[state];
}

bool order_state_may(enum order_state from, enum order_state to)
{
	return state_may(&order_states, from, to);
}
