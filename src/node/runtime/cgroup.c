#include "node/runtime/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/runtime/cgroup_file.h"
#include "node/runtime/cgroup_impl.h"

/* The agent's own group, beside those of units. */
#define AGENT "agent"
/* Processes that start others while they are moved. */
#define MOVE_ROUNDS 100

/* --- the group is made ready --- */

static struct error *move_once(struct cgroup *g, int agent_fd, size_t *ret_count)
{
	void *tmp = talloc_new(NULL);
	char *text = NULL;
	pid_t *pids = NULL;
	size_t count = 0;
	struct error *e = cgroup_file_read(tmp, g->fd, "cgroup.procs", &text);

	if (!e)
		e = cgroup_file_pids(tmp, text, &pids, &count);
	for (size_t i = 0; !e && i < count; i++) {
		g->release = g->release || pids[i] == getpid();
		e = cgroup_file_write(agent_fd, "cgroup.procs", mem_printf(tmp, "%d", (int)pids[i]));
		if (e && e->code == ERROR_NOT_FOUND) {
			error_free(e); /* it has ended meanwhile */
			e = NULL;
		}
	}
	mem_free(tmp);
	if (!e)
		*ret_count = count;
	return e;
}

static struct error *move_all(struct cgroup *g)
{
	size_t left = 1;
	struct error *e = NULL;
	int agent_fd;

	if (mkdirat(g->fd, AGENT, 0755) < 0 && errno != EEXIST)
		return error_sys(errno, AGENT ": cannot make");
	agent_fd = openat(g->fd, AGENT, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (agent_fd < 0)
		return error_sys(errno, AGENT);
	for (int round = 0; !e && left && round < MOVE_ROUNDS; round++)
		e = move_once(g, agent_fd, &left);
	close(agent_fd);
	if (!e && left)
		e = error_new(ERROR_UNAVAILABLE,
			      "processes in it start others faster than they can be moved into " AGENT);
	return e;
}

static struct error *find_controllers(struct cgroup *g)
{
	char *text = NULL;

	TRY(cgroup_file_read(NULL, g->fd, "cgroup.controllers", &text));
	g->memory = cgroup_file_word(text, "memory");
	g->pids = cgroup_file_word(text, "pids");
	mem_free(text);
	if (g->memory || g->pids)
		return NULL;
	return error_new(
		ERROR_NOT_FOUND,
		"has neither the controller memory nor pids; write \"+memory +pids\" into cgroup.subtree_control of the group above it (a controller that is mounted as version 1 is not to be had)");
}

struct error *cgroup_prepare(struct cgroup *g)
{
	TRY(find_controllers(g));
	TRY(move_all(g));
	return cgroup_file_write(g->fd, "cgroup.subtree_control",
				 g->memory && g->pids ? "+memory +pids"
				 : g->memory          ? "+memory"
						      : "+pids");
}

/* One at a time: those that are off already, or not to be had, stop none of the others. */
static struct error *switch_off(int fd)
{
	static const char *const orders[] = {"-memory", "-pids"};
	char *text = NULL;
	struct error *e;

	TRY(cgroup_file_read(NULL, fd, "cgroup.subtree_control", &text));
	e = NULL;
	for (size_t i = 0; !e && i < sizeof(orders) / sizeof(*orders); i++) {
		if (cgroup_file_word(text, orders[i] + 1))
			e = cgroup_file_write(fd, "cgroup.subtree_control", orders[i]);
	}
	mem_free(text);
	return e;
}

/* --- life --- */

static int cgroup_destroy(struct cgroup *g)
{
	struct error *e = g->release ? switch_off(g->fd) : NULL;

	if (e)
		log_warn("agent.cgroup", "group=%s error=%s", g->path, log_q(e->message));
	error_free(e);
	if (g->fd >= 0)
		close(g->fd);
	return 0;
}

static struct error *open_path(struct cgroup *g)
{
	TRY(cgroup_take(g->path, &g->fd));
	struct error *e = cgroup_prepare(g);

	return e ? error_wrap(e, "%s", g->path) : NULL;
}

static bool is_none(const char *setting)
{
	return !setting || !strcmp(setting, "none");
}

static struct error *find_path(const void *ctx, const char *setting, char **ret_path)
{
	if (!strcmp(setting, "auto"))
		return cgroup_find(ctx, ret_path);
	if (*setting != '/')
		return error_new(ERROR_INVALID, "\"%s\" is none of auto, none and the path of a control group",
				 setting);
	*ret_path = mem_strdup(ctx, setting);
	return NULL;
}

struct error *cgroup_open(const void *ctx, uv_loop_t *loop, const char *setting, struct cgroup **ret_group)
{
	struct cgroup *g;
	struct error *e;

	*ret_group = NULL;
	if (is_none(setting))
		return NULL;
	g = mem_new(ctx, struct cgroup);
	g->loop = loop;
	g->fd = -1;
	talloc_set_destructor(g, cgroup_destroy);
	e = find_path(g, setting, &g->path);
	if (!e)
		e = open_path(g);
	if (!e) {
		if (!g->memory || !g->pids)
			log_warn("agent.cgroup", "group=%s why=%s", g->path,
				 g->memory ? "it has no controller pids: processes of units are bounded per node only"
					   : "it has no controller memory: memory of units is not bounded");
		*ret_group = g;
		return NULL;
	}
	mem_free(g);
	if (strcmp(setting, "auto") != 0)
		return error_wrap(e, "--cgroup");
	if (e->code == ERROR_NOT_FOUND)
		log_info("agent.cgroup", "group=none why=%s", log_q(e->message));
	else
		log_warn("agent.cgroup", "group=none why=%s", log_q(e->message));
	error_free(e);
	return NULL;
}

const char *cgroup_path(const struct cgroup *g)
{
	return g ? g->path : "none";
}

struct error *cgroup_release(const char *setting)
{
	char *path = NULL;
	struct error *e;
	int fd = -1;

	if (is_none(setting))
		return NULL;
	e = find_path(NULL, setting, &path);
	if (!e)
		e = cgroup_take(path, &fd);
	if (!e)
		e = switch_off(fd);
	if (fd >= 0)
		close(fd);
	if (e && e->code == ERROR_NOT_FOUND && !strcmp(setting, "auto")) {
		error_free(e); /* there is nothing to release */
		e = NULL;
	}
	mem_free(path);
	return e ? error_wrap(e, "--cgroup") : NULL;
}
