#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "node/runtime/runtime_process.h"

/* In classic mode nginx starts all of a node's programs, which know nothing of each other. */
static struct cgroup_limits limits_of(const struct runtime_process *self, bool main)
{
	struct cgroup_limits limits = self->group_limits;

	if (main) {
		limits.tasks *= PROCESS_NODE_UNITS;
		limits.one_by_one = true;
	}
	return limits;
}

struct error *runtime_process_group_make(const struct runtime_process *self, const char *unit, bool main, int *ret_fd)
{
	const struct cgroup_limits limits = limits_of(self, main);

	if (!self->options.cgroup)
		return NULL;
	return cgroup_unit_make(self->options.cgroup, self->node_id, unit, &limits, ret_fd);
}

static struct error *move_member(const struct runtime_process *self, const char *unit, pid_t pid, pid_t session)
{
	struct child_identity id;
	struct error *e = runtime_process_left_over(self, pid, session, &id);

	if (!e)
		e = cgroup_unit_move(self->options.cgroup, self->node_id, unit, id);
	if (!e || e->code != ERROR_NOT_FOUND)
		return e;
	error_free(e);
	return NULL;
}

/* What an earlier agent started without groups. A process that is started meanwhile is of its parent's group, moved
 * or not: what is left out so is bounded less, and ended as before. */
static struct error *move_session(const struct runtime_process *self, const char *unit, pid_t session)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	struct error *e = NULL;

	if (!proc)
		return error_sys(errno, "/proc");
	while (!e && (entry = readdir(proc))) {
		if (isdigit((unsigned char)entry->d_name[0]))
			e = move_member(self, unit, (pid_t)strtol(entry->d_name, NULL, 10), session);
	}
	closedir(proc);
	return e;
}

void runtime_process_group_adopt(const struct runtime_process *self, const char *unit, bool main,
				 struct child_identity id)
{
	const struct cgroup_limits limits = limits_of(self, main);
	struct error *e;

	if (!self->options.cgroup)
		return;
	e = cgroup_unit_adopt(self->options.cgroup, self->node_id, unit, &limits, id);
	if (!e)
		e = move_session(self, unit, id.pid);
	if (e)
		log_warn("unit.cgroup", "node=%s unit=%s error=%s", self->node_id, unit, log_q(e->message));
	error_free(e);
}
