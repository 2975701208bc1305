/* A command on its way: accepted once, carried out, answered with exactly one result.
 *
 * on_message -> command_take(): one transaction keeps the command, its dedupe record and what the verb's `keep` writes;
 * then the delivery is accepted on the bus and the verb's `act` runs. A command that waits (a job that starts) is
 * looked at again after every change until `ready` says so or its deadline passes. Threads: loop thread.
 */
#ifndef DSN_NODE_AGENT_COMMAND_H
#define DSN_NODE_AGENT_COMMAND_H

#include "api/command.h"
#include "bus/bus.h"
#include "node/agent/agent_impl.h"
#include "node/job/job.h"
#include "node/store.h"

struct command;

/* Is it done? *ret_e (why it failed; when c->late: why it is not done yet) or *ret_data; false: wait on. */
typedef bool command_ready_fn(struct command *c, struct error **ret_e, json_t **ret_data);

struct command {
	struct agent *agent;
	struct message *message;
	struct api_command *api;
	char *node_id;        /* whom it is for; NULL: the agent */
	struct node_row *row; /* node create: prepared by keep; NULL: the node is there */
	struct job_row *job;  /* config: prepared by keep */
	char *config_hash;    /* config: what it waits for */
	command_ready_fn *ready;
	struct timer *deadline;
	json_t *answer;        /* of somebody asked; owned reference */
	struct error *failure; /* node create: told once nothing of the node is stored any more; owned */
	bool again;            /* taken up after a restart */
	bool late;             /* its deadline has passed: `ready` must end it */
	bool done;
};

/* A verb of api_verbs at the agent. */
struct command_verb {
	enum api_verb verb;
	/* Check and write wanted state, inside the transaction. NULL: nothing to keep (a question). Not called when a
	 * command is taken up after a restart (c->again): what it wants was stored with it, and what came later has
	 * changed that since. */
	struct error *(*keep)(struct command *c);
	/* Carry out; either ends the command (command_end) or makes it wait (command_wait). With c->again it goes by
	 * what is stored now, and may find that it came to nothing. */
	void (*act)(struct command *c);
};
/* One row for each verb, in the order of enum api_verb. */
extern const struct command_verb command_verbs[API_VERB_COUNT];

void command_take(struct agent *a, struct bus_delivery *d, const struct message *m);
/* Commands stored without a result, after a restart. */
struct error *command_resume(struct agent *a) MUST_CHECK;
/* The one result. Takes e and the reference to data. */
void command_end(struct command *c, struct error *e, json_t *data);
void command_wait(struct command *c, int64_t deadline_ms, command_ready_fn *ready);
/* Something has changed: look at all that wait. */
void command_check(struct agent *a);
/* The node the command is for; ERROR_NOT_FOUND, or ERROR_UNAVAILABLE when it is stored but cannot be opened. */
struct error *command_node(struct command *c, struct node **ret_node) MUST_CHECK;

/* Rows of the verb table. */
struct error *command_keep_node_create(struct command *c);
struct error *command_keep_maintenance(struct command *c);
struct error *command_keep_config(struct command *c);
struct error *command_keep_stop(struct command *c);
void command_act_node_create(struct command *c);
void command_act_node_list(struct command *c);
void command_act_node_status(struct command *c);
void command_act_node_logs(struct command *c);
void command_act_node_leave(struct command *c);
void command_act_hardware(struct command *c);
void command_act_maintenance(struct command *c);
void command_act_config(struct command *c);
void command_act_stop(struct command *c);
void command_act_jobs(struct command *c);
void command_act_job_status(struct command *c);
void command_act_monitor(struct command *c);

#endif
