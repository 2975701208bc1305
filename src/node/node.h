/* One node: its folder, its nginx, its jobs and the streams published at it.
 *
 * Folder <state>/nodes/<node id>/: see node/folders.h. The agent listens on agent/agent.sock in it for nginx's
 * callbacks: inside the folder, so that a container sees it too.
 * Threads: loop thread.
 */
#ifndef DSN_NODE_NODE_H
#define DSN_NODE_NODE_H

#include "api/command.h"
#include "http/server.h"
#include "media/ffmpeg.h"
#include "node/agent_impl.h"
#include "node/rows.h"
#include "node/stream.h"
#include "node/unit.h"

struct job;
struct ready_wait;
struct classic_reload;
struct mode_ops;

#define NODE_AGENT_SOCKET "agent/agent.sock"
#define NODE_CONTROL_SOCKET "run/control.sock"

struct node {
	struct agent *agent;
	struct node_row row;
	char *folder;                 /* on the host */
	const char *path;             /* as the node's programs see it */
	struct runtime_options units; /* whom its programs run as */
	struct uid_claim *claim;      /* its own user; NULL: none */
	const struct runtime_ops *ops;
	void *runtime;
	const struct mode_ops *mode;
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

/* Make the node of a stored row and start it. */
struct error *node_open(struct agent *a, const struct node_row *row, struct node **ret_node) MUST_CHECK;
/* Start or go on with leaving: jobs end, nginx ends, the runtime forgets the node; then agent_drop_node(). */
void node_leave(struct node *n, bool purge);
/* nginx has started, has ended, or a job's unit has ended. */
void node_nginx_started(struct node *n);
void node_nginx_ended(struct node *n);
void node_step(struct node *n);
/* Once a second. */
void node_tick(struct node *n, int64_t now_ms);

struct job *node_job(struct node *n, const char *name);
/* The stream record, made when missing. */
struct stream *node_stream(struct node *n, const char *application, const char *name);
/* GET on the node's control socket, answer ignored: "/control/drop/publisher?app=live&name=x". */
void node_control(struct node *n, const char *path);
void node_drop_publisher(struct node *n, const char *application, const char *name);
/* Ask nginx which streams are published now. */
void node_ask_streams(struct node *n);
/* Serving, and if not: why. */
struct error *node_trouble(const struct node *n);
/* Its status has changed. */
void node_changed(struct node *n);
/* Every decision leaves a record: what was done at the node and why (store_put_decision()); logged too, and the node
 * has changed. A record that cannot be written is logged and lost. */
void node_decide(struct node *n, const char *what, const char *why, ...) __attribute__((format(printf, 3, 4)));
int64_t node_now(void);

#endif
