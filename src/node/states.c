#include "node/states.h"

static const char *const node_names[] = {
	[NODE_STARTING] = "starting", [NODE_RUNNING] = "running", [NODE_LEAVING] = "leaving"};

static const struct state_move node_moves[] = {
	{NODE_STARTING, NODE_RUNNING, "its nginx answers for the first time"},
	{NODE_STARTING, NODE_LEAVING, "remove or purge is asked for"},
	{NODE_RUNNING, NODE_LEAVING, "remove or purge is asked for"},
};

static const char *const job_names[] = {
	[JOB_STOPPED] = "stopped", [JOB_STARTING] = "starting", [JOB_RUNNING] = "running", [JOB_DRAINING] = "stopping"};

static const struct state_move job_moves[] = {
	{JOB_STOPPED, JOB_STARTING, "it is wanted and nginx serves"},
	{JOB_STARTING, JOB_RUNNING, "all units run, or classic nginx has taken its file"},
	{JOB_RUNNING, JOB_STARTING, "a new task, or other units"},
	{JOB_STARTING, JOB_DRAINING, "it is wanted no more"},
	{JOB_RUNNING, JOB_DRAINING, "it is wanted no more"},
	{JOB_DRAINING, JOB_STARTING, "it is wanted again"},
	{JOB_DRAINING, JOB_STOPPED, "all units have ended"},
	/* Its programs are nginx's children, which ends next. */
	{JOB_STARTING, JOB_STOPPED, "its classic node leaves"},
	{JOB_RUNNING, JOB_STOPPED, "its classic node leaves"},
};

static const char *const unit_names[] = {[UNIT_ENDED] = "ended",
					 [UNIT_STARTING] = "starting",
					 [UNIT_RUNNING] = "running",
					 [UNIT_PAUSED] = "paused",
					 [UNIT_STOPPING] = "stopping"};

static const struct state_move unit_moves[] = {
	{UNIT_ENDED, UNIT_STARTING, "it is wanted"},
	{UNIT_STARTING, UNIT_RUNNING, "its program runs"},
	{UNIT_STARTING, UNIT_PAUSED, "its program does not start"},
	{UNIT_STARTING, UNIT_STOPPING, "it is stopped"},
	{UNIT_STARTING, UNIT_ENDED, "its program does not start, and it is wanted no more"},
	{UNIT_RUNNING, UNIT_PAUSED, "its program ended, or its stream did"},
	{UNIT_RUNNING, UNIT_STOPPING, "it is stopped, or its arguments change"},
	{UNIT_RUNNING, UNIT_ENDED, "its program ended, and it is wanted no more"},
	{UNIT_PAUSED, UNIT_STARTING, "the pause is over"},
	{UNIT_PAUSED, UNIT_ENDED, "it is wanted no more"},
	{UNIT_STOPPING, UNIT_ENDED, "its program ended"},
	{UNIT_STOPPING, UNIT_PAUSED, "its program ended, and it is wanted"},
};

const struct state_machine state_of_node = STATE_MACHINE("Node", node), state_of_job = STATE_MACHINE("Job", job),
			   state_of_unit = STATE_MACHINE("Unit", unit);
