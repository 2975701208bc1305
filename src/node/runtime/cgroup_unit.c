#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "node/runtime/cgroup_file.h"
#include "node/runtime/cgroup_impl.h"

#define AGAIN_MS 100
/* A process that the kernel cannot end (it waits for a disk) does not stop anything else. */
#define GIVE_UP_MS 30000
#define ID_LEN 40

/* An id is of one length, so that no two pairs make one name; nothing in it is a dot, as in the kernel's files. */
static char *group_name(const void *ctx, const char *node_id, const char *unit)
{
	return mem_printf(ctx, "%s-%s", node_id, unit);
}

static struct error *open_group(const struct cgroup *g, const char *name, int *ret_fd)
{
	int fd = openat(g->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return error_sys(errno, "%s/%s", g->path, name);
	*ret_fd = fd;
	return NULL;
}

/* --- limits --- */

static struct error *write_limit(int fd, const char *file, int64_t limit)
{
	char *text = limit ? mem_printf(NULL, "%lld", (long long)limit) : mem_strdup(NULL, "max");
	struct error *e = cgroup_file_write(fd, file, text);

	mem_free(text);
	return e;
}

static struct error *write_limits(const struct cgroup *g, int fd, const struct cgroup_limits *l)
{
	if (g->pids)
		TRY(write_limit(fd, "pids.max", l->tasks));
	if (!g->memory)
		return NULL;
	/* Files that are there if the kernel was built so: what goes out to a disk is not bounded by memory.max, and a
	 * program that has lost one of its processes is of no use, unless they are independent. */
	TRY(cgroup_file_write_if(fd, "memory.swap.max", l->memory_bytes ? "0" : "max"));
	TRY(cgroup_file_write_if(fd, "memory.oom.group", l->one_by_one ? "0" : "1"));
	return write_limit(fd, "memory.max", l->memory_bytes);
}

/* --- ends --- */

/* cgroup.kill is of Linux 5.14. */
static struct error *kill_each(int fd)
{
	char *text = NULL;
	pid_t *pids = NULL;
	size_t count = 0;
	struct error *e = cgroup_file_read(NULL, fd, "cgroup.procs", &text);

	if (!e)
		e = cgroup_file_pids(text, text, &pids, &count);
	for (size_t i = 0; !e && i < count; i++)
		kill(pids[i], SIGKILL);
	mem_free(text);
	return e;
}

static struct error *kill_all(int fd)
{
	struct error *e = cgroup_file_write(fd, "cgroup.kill", "1");

	if (!e || e->code != ERROR_NOT_FOUND)
		return e;
	error_free(e);
	return kill_each(fd);
}

static struct error *is_populated(int fd, bool *ret_populated)
{
	char *text = NULL;
	uint64_t number = 0;
	struct error *e = cgroup_file_read(NULL, fd, "cgroup.events", &text);

	if (!e)
		e = cgroup_file_number(text, "populated", &number);
	mem_free(text);
	if (!e)
		*ret_populated = number != 0;
	return e;
}

/* Kill what is in it; true: it is gone. */
static bool end_group(const struct cgroup *g, const char *name)
{
	int fd = -1;
	bool populated = true;
	struct error *e = open_group(g, name, &fd);

	if (e && e->code == ERROR_NOT_FOUND) {
		error_free(e);
		return true;
	}
	if (!e)
		e = is_populated(fd, &populated);
	if (!e && populated)
		e = kill_all(fd);
	if (fd >= 0)
		close(fd);
	if (e)
		log_warn("unit.cgroup", "group=%s/%s error=%s", g->path, name, log_q(e->message));
	error_free(e);
	return !populated && (unlinkat(g->fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT);
}

static void stop_timer(struct cgroup *g)
{
	if (g->endings)
		return;
	mem_free(g->timer);
	g->timer = NULL;
}

/* It is wanted again, or was given up. */
static void forget_ending(struct cgroup *g, const char *name)
{
	for (struct cgroup_ending **p = &g->endings; *p; p = &(*p)->next) {
		struct cgroup_ending *ending = *p;

		if (strcmp(ending->name, name) != 0)
			continue;
		*p = ending->next;
		mem_free(ending);
		break;
	}
	stop_timer(g);
}

static void on_timer(void *arg)
{
	struct cgroup *g = arg;
	int64_t now_ms = clock_mono_ms();

	for (struct cgroup_ending **p = &g->endings, *ending; (ending = *p);) {
		bool gone = end_group(g, ending->name), late = now_ms - ending->since_ms > GIVE_UP_MS;

		if (!gone && !late) {
			p = &ending->next;
			continue;
		}
		if (!gone)
			log_warn("unit.cgroup", "group=%s/%s why=%s", g->path, ending->name,
				 "it does not become empty; the next agent will try again");
		*p = ending->next;
		mem_free(ending);
	}
	stop_timer(g);
}

static void end_name(struct cgroup *g, const char *name)
{
	forget_ending(g, name);
	if (end_group(g, name))
		return;
	struct cgroup_ending *ending = mem_new(g, struct cgroup_ending);

	ending->name = mem_strdup(ending, name);
	ending->since_ms = clock_mono_ms();
	ending->next = g->endings;
	g->endings = ending;
	if (!g->timer)
		g->timer = timer_start(g, g->loop, AGAIN_MS, AGAIN_MS, on_timer, g);
}

void cgroup_unit_end(struct cgroup *g, const char *node_id, const char *unit)
{
	char *name;

	if (!g)
		return;
	name = group_name(NULL, node_id, unit);
	end_name(g, name);
	mem_free(name);
}

void cgroup_sweep(struct cgroup *g, cgroup_wanted_fn *wanted, void *arg)
{
	int fd = g ? openat(g->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	char id[ID_LEN + 1] = "";

	if (!folder) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(folder))) {
		const char *name = entry->d_name;

		if (strlen(name) <= ID_LEN + 1 || name[ID_LEN] != '-')
			continue;
		memcpy(id, name, ID_LEN);
		if (!hex_id_valid(id) || wanted(id, name + ID_LEN + 1, arg))
			continue;
		log_info("unit.cgroup", "group=%s/%s why=left over", g->path, name);
		end_name(g, name);
	}
	closedir(folder);
}

/* --- beginnings --- */

static struct error *make_group(struct cgroup *g, const char *name, const struct cgroup_limits *l, bool emptied,
				int *ret_fd)
{
	struct error *e = NULL;
	int fd = -1;
	bool populated = false, there;

	forget_ending(g, name);
	there = mkdirat(g->fd, name, 0755) < 0;
	if (there && errno != EEXIST)
		return error_sys(errno, "%s/%s: cannot make the control group", g->path, name);
	TRY(open_group(g, name, &fd));
	if (there && emptied)
		e = is_populated(fd, &populated);
	if (!e && populated)
		e = kill_all(fd);
	if (!e)
		e = write_limits(g, fd, l);
	if (e) {
		close(fd);
		return error_wrap(e, "%s/%s", g->path, name);
	}
	*ret_fd = fd;
	return NULL;
}

struct error *cgroup_unit_make(struct cgroup *g, const char *node_id, const char *unit,
			       const struct cgroup_limits *limits, int *ret_procs_fd)
{
	char *name = group_name(NULL, node_id, unit);
	int fd = -1, procs_fd;
	struct error *e = make_group(g, name, limits, true, &fd);

	if (!e) {
		procs_fd = openat(fd, "cgroup.procs", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
		if (procs_fd < 0)
			e = error_sys(errno, "%s/%s/cgroup.procs", g->path, name);
		else
			*ret_procs_fd = procs_fd;
		close(fd);
	}
	mem_free(name);
	return e;
}

static struct error *is_member(int fd, pid_t pid, bool *ret_member)
{
	char *text = NULL;
	pid_t *pids = NULL;
	size_t count = 0;
	struct error *e = cgroup_file_read(NULL, fd, "cgroup.procs", &text);

	if (!e)
		e = cgroup_file_pids(text, text, &pids, &count);
	for (size_t i = 0; !e && i < count; i++)
		*ret_member = *ret_member || pids[i] == pid;
	mem_free(text);
	return e;
}

static struct error *write_pid(int fd, const char *file, pid_t pid)
{
	char *text = mem_printf(NULL, "%d", (int)pid);
	struct error *e = cgroup_file_write(fd, file, text);

	mem_free(text);
	return e;
}

/* ERROR_NOT_FOUND: it has gone, and its pid may be another's. */
static struct error *is_still(struct child_identity id)
{
	struct process_stat stat;

	TRY(process_stat_read(id.pid, &stat));
	if (stat.start_time != id.start_time)
		return error_new(ERROR_NOT_FOUND, "process %d has ended, another has its number", (int)id.pid);
	return NULL;
}

/* Whoever had the pid when it was written is moved to the agent's own group, where nothing ends it. */
static void let_go(const struct cgroup *g, int fd, pid_t pid)
{
	bool member = false;
	struct error *e = is_member(fd, pid, &member);

	if (!e && member)
		e = write_pid(g->fd, "agent/cgroup.procs", pid);
	if (e)
		log_warn("unit.cgroup", "group=%s pid=%d error=%s", g->path, (int)pid, log_q(e->message));
	error_free(e);
}

/* The kernel takes a number, which may become another's at any time: looked at before, and again when it is written. */
static struct error *enter(const struct cgroup *g, int fd, struct child_identity id)
{
	bool member = false;
	struct error *e;

	TRY(is_still(id));
	TRY(is_member(fd, id.pid, &member));
	if (member)
		return NULL;
	TRY(write_pid(fd, "cgroup.procs", id.pid));
	e = is_still(id);
	if (e)
		let_go(g, fd, id.pid);
	return e;
}

struct error *cgroup_unit_adopt(struct cgroup *g, const char *node_id, const char *unit,
				const struct cgroup_limits *limits, struct child_identity id)
{
	char *name = group_name(NULL, node_id, unit);
	int fd = -1;
	struct error *e = make_group(g, name, limits, false, &fd);

	if (!e) {
		e = enter(g, fd, id);
		close(fd);
	}
	mem_free(name);
	return e;
}

struct error *cgroup_unit_move(struct cgroup *g, const char *node_id, const char *unit, struct child_identity id)
{
	char *name = group_name(NULL, node_id, unit);
	int fd = -1;
	struct error *e = open_group(g, name, &fd);

	if (!e) {
		e = enter(g, fd, id);
		close(fd);
	}
	mem_free(name);
	return e;
}

uint64_t cgroup_unit_oom_kills(struct cgroup *g, const char *node_id, const char *unit)
{
	char *name, *text = NULL;
	uint64_t kills = 0;
	struct error *e;
	int fd = -1;

	if (!g || !g->memory)
		return 0;
	name = group_name(NULL, node_id, unit);
	e = open_group(g, name, &fd);
	if (!e) {
		e = cgroup_file_read(name, fd, "memory.events", &text);
		close(fd);
	}
	if (!e)
		e = cgroup_file_number(text, "oom_kill", &kills);
	error_free(e);
	mem_free(name);
	return kills;
}
