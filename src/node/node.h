/* One node: its folder, its nginx, its jobs and the streams published at it.
 *
 * Folder <state>/nodes/<node id>/: see node/runtime/folders.h. The agent listens on agent/agent.sock in it for nginx's
 * callbacks: inside the folder, so that a container sees it too.
 * Threads: loop thread.
 */
#ifndef DSN_NODE_NODE_H
#define DSN_NODE_NODE_H

#include "media/ffmpeg.h"
#include "node/host.h"
#include "node/rows.h"
#include "node/states.h"

struct job;
struct unit;
struct stream;
struct mode_ops;
struct ready_wait;
struct classic_reload;
struct http_server;
struct timer;

#define NODE_AGENT_SOCKET "agent/agent.sock"
#define NODE_CONTROL_SOCKET "run/control.sock"

struct node {
	struct host *host;
	struct node_row row;
	char *folder;                 /* on the host */
	const char *path;             /* as the node's programs see it */
	struct runtime_options units; /* whom its programs run as */
	struct uid_claim *claim;      /* its own user; NULL: none */
	const struct runtime_ops *ops;
	void *runtime;
	const struct mode_ops *mode;
	void (*step)(struct node *n); /* node_life.c */
	enum node_state state;
	struct media_programs programs;
	struct http_server *callbacks;
	struct unit *nginx;
	bool up;    /* nginx answers */
	bool asked; /* a /stat request is under way */
	int64_t stat_at_ms;
	struct timer *up_timer;
	bool swept;
	struct stream **streams;
	size_t stream_count;
	struct ready_wait *waits; /* publishers that wait for their readers (ready.c) */
	struct job **jobs;
	size_t job_count;
	bool status_changed;
	bool purge;          /* leaving: remove the folder too */
	bool classic_busy;   /* a configuration is being tested, or nginx reloads */
	bool classic_tidied; /* files were tidied that nginx may still have read */
	struct classic_reload *reload;
	bool gone;                 /* the runtime forgets the node */
	struct timer *again_timer; /* until its removal is tried again; NULL: none failed */
};

int64_t node_now(void); /* monotonic, ms */
/* Its status has changed. */
void node_changed(struct node *n);
/* Every decision leaves a record: what was done at the node and why (store_put_decision()); logged too, and the node
 * has changed. A record that cannot be written is logged and lost. */
void node_decide(struct node *n, const char *what, const char *why, ...) __attribute__((format(printf, 3, 4)));
/* A job has stopped, or something it waited for is over: what was held up by that goes on. */
void node_step(struct node *n);

#endif
