/* Inside node/: the parts of cgroup.h. */
#ifndef DSN_NODE_RUNTIME_CGROUP_IMPL_H
#define DSN_NODE_RUNTIME_CGROUP_IMPL_H

#include "base/loop.h"
#include "node/runtime/cgroup.h"

/* A unit's group that waits for its last process to be gone. */
struct cgroup_ending {
	struct cgroup_ending *next;
	char *name;
	int64_t since_ms; /* monotonic */
};

struct cgroup {
	uv_loop_t *loop;
	char *path;
	int fd;            /* of the folder; locked while an agent runs */
	bool memory, pids; /* controllers that are there */
	bool release;      /* the next agent is started in it as this one was */
	struct cgroup_ending *endings;
	struct timer *timer; /* while there are endings */
};

/* The group that systemd has delegated to this process: its own one, or the one above when it is in `agent` or in
 * systemd's `.control`; ctx's. ERROR_NOT_FOUND: there is none, and why. */
struct error *cgroup_find(const void *ctx, char **ret_path) MUST_CHECK;
/* Open it, be sure that it is a group and ours, let nobody else open it any more, and lock it. */
struct error *cgroup_take(const char *path, int *ret_fd) MUST_CHECK;

/* The folder `g->fd` becomes a group that units' groups can be made in. */
struct error *cgroup_prepare(struct cgroup *g) MUST_CHECK;

#endif
