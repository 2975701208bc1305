/* Runtime: where and how a node's programs run. Two of them: process (this machine) and docker (its engine).
 *
 * A *unit* is one long-running program of a node: its nginx, or one ffmpeg/segmenter of a job. The runtime starts,
 * watches, signals and removes units, and finds them again after the agent was restarted (also after SIGKILL: units
 * outlive the agent). It knows nothing of jobs, roles or media: node/ decides what should run.
 *
 * Paths: a unit's program sees the node's folder at runtime_path(): the folder itself (process) or /opt/dsn (docker,
 * bind mount). Threads: loop thread; callbacks are never called from inside the call that asked.
 * Adding a runtime: implement the vtable, put a row into the table in node/runtime/runtime.c.
 */
#ifndef DSN_NODE_RUNTIME_RUNTIME_H
#define DSN_NODE_RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/child.h"
#include "base/error.h"

struct cgroup;
struct runtime;      /* one per node */
struct runtime_unit; /* one program */

struct runtime_port {
	int container_port; /* as the program sees it (process runtime: equal to host_port) */
	int host_port;
};

struct runtime_node {
	const char *node_id;              /* 40 hex digits */
	const char *role;                 /* "distributor", "transcoder", "storage" */
	const char *folder;               /* the node's on the host, absolute; folders_open() has been there */
	const struct runtime_port *ports; /* published by docker */
	size_t port_count;
	int local_port;              /* docker: the container port that is published for this machine alone; 0: none */
	const char *publish_address; /* docker: host side of the ports; NULL: 0.0.0.0 */
	const char *image;           /* docker image; process: ignored */
	const char *const *mounts; /* docker: extra "host:container[:ro]" binds (seed's volume-mounts), NULL-terminated;
				      may be NULL */
	int64_t memory_bytes;      /* of each unit; 0: runtime_options' */
	double cpus;               /* docker: processors; 0: no bound */
};

struct runtime_options {
	bool set_user; /* run units as uid/gid (the agent is root) */
	bool own_user; /* that user is this node's alone */
	uid_t uid;
	gid_t gid;
	const char *account;       /* whose supplementary groups units get; NULL: those of uid's account */
	int64_t tasks;             /* processes and threads of a unit; 0: no bound */
	int64_t memory_bytes;      /* of a unit whose node names none; 0: no bound */
	const char *docker_socket; /* /var/run/docker.sock */
	struct cgroup *cgroup;     /* process: units get control groups in it; NULL: none, and no bound of memory */
};

struct runtime_unit_spec {
	const char *name;        /* "nginx", or "<job>-<what>", [A-Za-z0-9_-]{1,100}; unique within the node */
	const char *const *argv; /* as seen inside the runtime (paths under runtime_path()) */
	const char *fingerprint; /* changes when the unit must be replaced; 1..64 hex digits */
	bool main; /* the node's nginx: docker runs it as the container role-nodeid; others join its network */
	const char *log_path;      /* host path: stdout and stderr go here, appended, kept under log_limit */
	int64_t log_limit;         /* bytes; when reached the file is cut to its last half */
	const char *progress_path; /* host path opened O_APPEND as descriptor 3 (process) or reached by path (docker);
				      or NULL */
};

typedef void runtime_done_fn(struct error *e, void *arg); /* takes e (NULL: success) */
typedef void runtime_exit_fn(const struct child_exit *ex, void *arg);

/* A process that a unit's program has started. */
struct runtime_child {
	pid_t pid;         /* as the host numbers it */
	const char *title; /* its argument vector as one line, or the title it has written there; "": it has ended */
};
/* Takes e (NULL: success); the list is gone after the call. */
typedef void runtime_list_fn(struct error *e, const struct runtime_child *list, size_t count, void *arg);

struct runtime_ops {
	const char *name; /* "process", "docker" */
	struct error *(*open)(const void *ctx, uv_loop_t *loop, const struct runtime_options *options,
			      const struct runtime_node *node, void **ret_self);
	const char *(*path)(void *self);
	/* Start the unit, or adopt it when it runs already with the same fingerprint (replace it when with another).
	 * `done` once; after a success `exited` once when it ends by itself or was stopped. Stopped before it was
	 * started: `done` with ERROR_REFUSED. The unit object belongs to ctx; freeing it forgets it without ending the
	 * program, and neither is called any more. */
	void (*start)(void *self, const void *ctx, const struct runtime_unit_spec *spec, runtime_done_fn *done,
		      runtime_exit_fn *exited, void *arg, void **ret_unit);
	void (*signal)(void *self, void *unit, int signum);
	/* The processes that the unit's program itself has started and that are not gone: of nginx's master the
	 * workers. `fn` once, unless the unit is freed before. ERROR_NOT_FOUND: the unit does not run; any other error
	 * may pass: ask again. */
	void (*list)(void *self, void *unit, runtime_list_fn *fn, void *arg);
	/* The process number of the unit's program on this machine; 0: it has none here, or does not run. May be NULL.
	 */
	pid_t (*pid)(void *self, void *unit);
	/* Which bound of the runtime's the unit was ended by, and what to do, in words; NULL: by none. To be asked from
	 * within `exited`, before the unit is freed; ctx's. May be NULL. */
	char *(*bound_hit)(void *self, void *unit, const void *ctx);
	/* signum, then SIGKILL after grace_ms; `exited` tells when it is gone. */
	void (*stop)(void *self, void *unit, int signum, int64_t grace_ms);
	/* Names of units of this node that run or are left from an earlier agent: ends those not in `keep`. */
	void (*sweep)(void *self, const char *const *keep, runtime_done_fn *done, void *arg);
	/* Run a program once where units run (nginx -t); `fn` gets exit code and output. */
	void (*run)(void *self, const char *const *argv, int64_t deadline_ms, child_run_fn *fn, void *arg);
	/* Remove everything the runtime keeps for the node (containers, pid files), units are stopped already. */
	void (*purge)(void *self, runtime_done_fn *done, void *arg);
	/* How argv names the progress file: "pipe:3" (process) or "file:<path seen inside>" (docker). ctx owns the
	 * text. */
	char *(*progress_url)(void *self, const void *ctx, const char *progress_path);
};

extern const struct runtime_ops runtime_process;
extern const struct runtime_ops runtime_docker;

/* NULL-terminated table of all runtimes; NULL when the name is unknown. */
const struct runtime_ops *runtime_find(const char *name);

#endif
