#include "manager/jobs/states.h"

static const char *const order_names[ORDER_STATES] = {
	[ORDER_STARTING] = "starting",     [ORDER_RUNNING] = "running",     [ORDER_FAILING] = "failing",
	[ORDER_FAILED] = "failed",         [ORDER_STOPPING] = "stopping",   [ORDER_STOPPED] = "stopped",
	[ORDER_CANCELLING] = "cancelling", [ORDER_CANCELLED] = "cancelled",
};

static const struct state_move order_moves[] = {
	{ORDER_STARTING, ORDER_RUNNING, "all its nodes serve"},
	{ORDER_STARTING, ORDER_FAILING, "one does not"},
	{ORDER_FAILING, ORDER_FAILED, "the others have been told"},
	{ORDER_RUNNING, ORDER_STOPPING, "pipelines.stop"},
	{ORDER_STOPPING, ORDER_STOPPED, "the nodes have been told"},
	{ORDER_STOPPED, ORDER_STARTING, "pipelines.start"},
	{ORDER_FAILED, ORDER_STARTING, "pipelines.start"},
	{ORDER_RUNNING, ORDER_CANCELLING, "orders.cancel"},
	{ORDER_STOPPED, ORDER_CANCELLING, "orders.cancel"},
	{ORDER_FAILED, ORDER_CANCELLING, "orders.cancel"},
	{ORDER_CANCELLING, ORDER_CANCELLED, "the nodes have been told"},
};

const struct state_machine order_states = STATE_MACHINE("Order", order);

const char *order_state_name(enum order_state state)
{
	return order_names[state];
}

bool order_state_may(enum order_state from, enum order_state to)
{
	return state_may(&order_states, from, to);
}
