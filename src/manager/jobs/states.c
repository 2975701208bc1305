#include "manager/jobs/states.h"

static const char *const order_names[] = {
	[JOBS_ORDERED] = "ordered",   [JOBS_PLACED] = "placed",   [JOBS_STARTING] = "starting",
	[JOBS_SERVING] = "serving",   [JOBS_MOVING] = "moving",   [JOBS_SET_ASIDE] = "set_aside",
	[JOBS_STOPPING] = "stopping", [JOBS_STOPPED] = "stopped", [JOBS_ENDING] = "ending",
	[JOBS_ENDED] = "ended",
};

static const struct state_move order_moves[] = {
	{JOBS_ORDERED, JOBS_PLACED, "each part has a node, and its capacity is held"},
	{JOBS_ORDERED, JOBS_ENDED, "it is cancelled"},
	{JOBS_PLACED, JOBS_STARTING, "its capacity is committed"},
	{JOBS_PLACED, JOBS_ORDERED, "what was held has expired, or a node has gone"},
	{JOBS_PLACED, JOBS_ENDED, "it is cancelled"},
	{JOBS_STARTING, JOBS_SERVING, "all its nodes serve"},
	{JOBS_STARTING, JOBS_MOVING, "a node refuses, or does not come to serve"},
	{JOBS_STARTING, JOBS_STOPPING, "stop is asked for"},
	{JOBS_STARTING, JOBS_ENDING, "it is cancelled"},
	{JOBS_SERVING, JOBS_MOVING, "a node is suspect, fails or drains"},
	{JOBS_SERVING, JOBS_STOPPING, "stop is asked for"},
	{JOBS_SERVING, JOBS_ENDING, "it is cancelled, or its money is used up"},
	{JOBS_MOVING, JOBS_SERVING, "the new node has delivered"},
	{JOBS_MOVING, JOBS_SET_ASIDE, "three nodes have failed on one input with one error"},
	{JOBS_MOVING, JOBS_STOPPING, "stop is asked for"},
	{JOBS_MOVING, JOBS_ENDING, "it is cancelled, or its money is used up"},
	{JOBS_SET_ASIDE, JOBS_ORDERED, "start is asked for again"},
	{JOBS_SET_ASIDE, JOBS_ENDED, "it is cancelled"},
	{JOBS_STOPPING, JOBS_STOPPED, "its nodes have ended it, or will when they are back"},
	{JOBS_STOPPING, JOBS_ENDING, "it is cancelled"},
	{JOBS_STOPPED, JOBS_ORDERED, "start is asked for again"},
	{JOBS_STOPPED, JOBS_ENDED, "it is cancelled"},
	{JOBS_ENDING, JOBS_ENDED, "its nodes have ended it, or will when they are back"},
};

const struct state_machine jobs_states = STATE_MACHINE("Order", order);
