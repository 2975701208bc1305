/* A node's mode: what its nginx reads and how that is seen to serve, and how a job comes to run there. Two of them:
 * managed (node/mode/managed.h), where the agent supervises each program, and classic (node/mode/classic.h), where
 * nginx does.
 *
 * Adding a mode: fill both tables, put a row into mode_find()'s table in node/mode/modes.c.
 * Threads: loop thread.
 */
#ifndef DSN_NODE_MODE_H
#define DSN_NODE_MODE_H

#include <jansson.h>

#include "node/node.h"

struct job;
struct media_stream;

/* What of the seed's container lies below a node's folder. */
struct mode_mount {
	const char *container, *folder;
};

/* A job at a node of the mode. */
struct mode_job_ops {
	/* Name the units its task wants, of those its role knows (job_unit(), job_input()). NULL: it has none. */
	void (*units)(struct job *j);
	/* It is wanted and nginx serves: see to it that it runs; called again after each change. job_serves() or
	 * job_in_trouble() tell what came of it. */
	void (*run)(struct job *j);
	/* It is wanted no more: let publishers leave, then job_has_stopped(). */
	void (*stop)(struct job *j);
	/* The same at once: the node leaves, or the agent ends. */
	void (*stop_now)(struct job *j);
	/* Nothing of it runs any more, also when that was not seen. May be NULL. */
	void (*stopped)(struct job *j);
	/* On each tick of the agent. May be NULL. */
	void (*tick)(struct job *j, int64_t now_ms);
	/* Remove what was stored. */
	struct error *(*remove)(struct job *j);
	/* Something under way holds it: it cannot be forgotten yet. May be NULL. */
	bool (*busy)(const struct job *j);
	/* Members of its status. May be NULL. */
	void (*status)(struct job *j, json_t *status);
	/* Where its stream arrives, and the folder of its master playlist in HLS addresses; the latter belongs to ctx.
	 */
	const char *(*application)(const struct job *j);
	char *(*hls_folder)(const void *ctx, const struct job *j);
};

struct mode_ops {
	const char *name; /* "managed", "classic" */
	/* What a document's mounts name on the host. */
	const struct mode_mount *mounts;
	size_t mount_count;
	/* ERROR_INVALID: with these settings there can be no node of the mode, in a container or not. May be NULL. */
	struct error *(*check)(const struct agent_settings *s, bool container);
	/* Of a node in a container: the port that is published for this machine alone; 0: none. May be NULL. */
	int (*local_port)(const struct node *n);
	/* ERROR_INVALID: a job of this task cannot be here. May be NULL. */
	struct error *(*takes)(const struct node *n, const struct api_task *t);
	/* Write nginx's files; n->nginx is there. */
	struct error *(*open)(struct node *n);
	/* The jobs are known: put right what an earlier agent left. May be NULL. */
	struct error *(*tidy)(struct node *n);
	/* Without side effects; belongs to ctx. */
	char **(*nginx_argv)(const void *ctx, const struct node *n);
	/* nginx runs: does it serve? n->up becomes true, at once or later. */
	void (*look)(struct node *n);
	/* What nginx has told of its streams (nginx_ask_streams()). May be NULL. */
	void (*streams)(struct node *n, const struct media_stream *found, size_t count);
	/* nginx serves, and something has changed. May be NULL. */
	void (*up)(struct node *n);
	/* nginx has ended. May be NULL. */
	void (*ended)(struct node *n);
	/* On each tick of the agent. May be NULL. */
	void (*tick)(struct node *n, int64_t now_ms);
	const struct mode_job_ops *job;
};

#endif
