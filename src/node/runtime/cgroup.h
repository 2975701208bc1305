/* Control groups (cgroups(7), version 2) of the agent's units, so that memory and processes of each are bounded by the
 * kernel, and all that a unit leaves behind can be ended.
 *
 * The agent has a group, which is its alone: DIR. It moves itself, and what else is in DIR, into DIR/agent (a group
 * with controllers on has no processes of its own), switches memory and pids on and makes DIR/<node id>-<unit> for each
 * unit. Whoever starts the next agent in DIR itself, as systemd does, is refused by the kernel while the controllers
 * are on: an agent that was started there switches them off when it ends, and cgroup_release() does it after one that
 * crashed. Units go on in their groups then, without limits, until the next agent writes these again.
 *
 * Where the machine has no such group for the agent there is no struct cgroup (NULL), and units run as they always did.
 * Threads: the loop's.
 */
#ifndef DSN_NODE_RUNTIME_CGROUP_H
#define DSN_NODE_RUNTIME_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/child.h"

struct cgroup;

struct cgroup_limits {
	int64_t memory_bytes; /* 0: no bound */
	int64_t tasks;        /* processes and threads; 0: no bound */
	bool one_by_one;      /* out of memory, one process is ended, not all of the unit */
};

/* Take the agent's group. `setting`: "auto", the group this process is in, if systemd has delegated it
 * (`Delegate=memory pids`); "none" or NULL; or the path of one that the operator has made for the agent. *ret_group is
 * NULL for none; why "auto" found none is said in the log. Errors name what a path lacks, and the mend. */
struct error *cgroup_open(const void *ctx, uv_loop_t *loop, const char *setting, struct cgroup **ret_group) MUST_CHECK;
/* For people; "none" of NULL. */
const char *cgroup_path(const struct cgroup *g);
/* Switch the controllers off in the group of that setting, so that a process can be started in it again. Refused while
 * an agent runs. */
struct error *cgroup_release(const char *setting) MUST_CHECK;

/* A unit's group with these limits, empty: what an earlier run has left in it is killed. *ret_procs_fd, the caller's to
 * close, is what a new process enters it by (child_spec.group_fd). */
struct error *cgroup_unit_make(struct cgroup *g, const char *node_id, const char *unit,
			       const struct cgroup_limits *limits, int *ret_procs_fd) MUST_CHECK;
/* The group of a unit that runs: its limits are written, and the process is moved into it if it is of another.
 * ERROR_NOT_FOUND: it has gone; whoever has its pid now is in no unit's group by that. */
struct error *cgroup_unit_adopt(struct cgroup *g, const char *node_id, const char *unit,
				const struct cgroup_limits *limits, struct child_identity id) MUST_CHECK;
/* Move another process of it, too. */
struct error *cgroup_unit_move(struct cgroup *g, const char *node_id, const char *unit,
			       struct child_identity id) MUST_CHECK;
/* How often the kernel has killed a process of the unit for its memory limit. 0: never, or it is not known. */
uint64_t cgroup_unit_oom_kills(struct cgroup *g, const char *node_id, const char *unit);
/* Kill all that is in the unit's group, and remove it as soon as it is empty. */
void cgroup_unit_end(struct cgroup *g, const char *node_id, const char *unit);

/* End the groups that are not wanted. */
typedef bool cgroup_wanted_fn(const char *node_id, const char *unit, void *arg);
void cgroup_sweep(struct cgroup *g, cgroup_wanted_fn *wanted, void *arg);

#endif
