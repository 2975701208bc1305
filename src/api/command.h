/* Commands to a node, in private form: the body of a bus command.
 *
 *   {"apiVersion":"1.00","typeApi":"private","command":"node","subcommand":"create","params":"storage","node_id":"..","spec":{..}}
 *   {"apiVersion":"1.00","typeApi":"private","command":"node","subcommand":"status","node_id":".."}
 *   {"apiVersion":"1.00","typeApi":"private","command":"node","subcommand":"maintenance","params":"on","node_id":".."}
 *   {"apiVersion":"1.00","typeApi":"private","command":"pipeline","subcommand":"stop","job_id":".."}
 *   {"apiVersion":"1.00","typeApi":"private","command":"node","subcommand":"logs","node_id":"..","unit":"film-encode","lines":"50",
 *    "after":{"film-encode":"4711-00c0ffee"}}    [ext] unit, lines and after may be left out
 *   {"command":"config",...}    a task (api/task.h): wanted state of one job at one node
 *
 * The public form of a node command (typeApi "public") is accepted where it says the same.
 */
#ifndef DSN_API_COMMAND_H
#define DSN_API_COMMAND_H

#include "api/task.h"

enum api_verb {
	API_NODE_CREATE,
	API_NODE_LIST, /* all nodes of the agent */
	API_NODE_STATUS,
	API_NODE_REMOVE, /* stop and forget the node, keep its folder */
	API_NODE_PURGE,  /* remove and delete its folder */
	API_NODE_HARDWARE,
	API_NODE_FREE_HARDWARE,
	API_NODE_MAINTENANCE, /* params "on" | "off" */
	API_NODE_PIPELINE,    /* jobs of the node */
	API_NODE_LOGS,        /* the ends of its units' logs */
	API_CONFIG,           /* pipeline start, one node's part */
	API_PIPELINE_STOP,    /* end the job's stream cleanly, keep what was stored */
	API_PIPELINE_LIST,
	API_PIPELINE_STATUS,
	API_PIPELINE_MONITOR, /* one status message at once, then on change */
	API_PIPELINE_CLOSE,   /* stop, and remove what was stored */
	API_VERB_COUNT,
};

struct api_verb_row {
	const char *command, *subcommand; /* "node", "create" */
	const char *params;               /* placeholder of the argument in help, NULL: none */
	const char *help;
	enum api_verb verb;
	bool changes; /* changes wanted state (else a question) */
};
extern const struct api_verb_row api_verbs[API_VERB_COUNT];

#define API_LOG_LINES 1000
#define API_UNIT_LETTERS 200
#define API_CURSORS 1000
#define API_CURSOR_LETTERS 40
#define API_PORTS 16
#define API_MOUNTS 32
#define API_MIN_MEMORY_BYTES (16LL << 20)
#define API_MAX_MEMORY_BYTES (1LL << 44)
#define API_MAX_CPUS 1024

/* spec.containers of node create */
struct api_spec {
	char *image;
	struct api_port {
		int container, host;
	} * ports;
	size_t port_count;
	struct api_mount {
		char *host, *container;
	} * mounts;
	size_t mount_count;
	char *runtime;        /* [ext] "process" | "docker"; NULL: the agent's default */
	char *mode;           /* [ext] "managed" | "classic"; NULL: the agent's default */
	int64_t memory_bytes; /* [ext] 0: none */
	double cpus;          /* [ext] 0: none */
};

struct api_command {
	enum api_verb verb;
	char *node_id;         /* NULL when absent */
	char *job;             /* NULL when absent */
	bool on;               /* maintenance */
	char *unit;            /* node logs; NULL: all */
	int lines;             /* node logs: of each unit, 1 to API_LOG_LINES */
	json_t *after;         /* node logs: {unit: cursor of an earlier answer}; NULL: none */
	enum api_role role;    /* node create */
	struct api_spec *spec; /* node create; NULL when absent */
	char *name;            /* node create [ext]; NULL when absent */
	struct api_task *task; /* config */
};

struct error *api_command_read(const void *ctx, const json_t *body, struct api_command **ret_command) MUST_CHECK;
/* Private document for a verb; job/node_id/params may be NULL. New reference. */
json_t *api_command_document(enum api_verb verb, const char *node_id, const char *job, const char *params);
/* Private `node create` with the default spec of API 1.00 (image, ports, volume-mounts); members of `spec`, when it is
 * not NULL, take the place of the default's. New reference. */
json_t *api_node_create_document(enum api_role role, const char *node_id, const json_t *spec);

#endif
