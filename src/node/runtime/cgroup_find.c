#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "node/runtime/cgroup_file.h"
#include "node/runtime/cgroup_impl.h"

#define PROC_LIMIT (1 << 20)
#define GROUP_MODE 0711

/* systemd marks the group of a unit with Delegate= by both (user.delegate since its release 251); the first can be read
 * by holders of CAP_SYS_ADMIN only. */
static bool is_delegated(const char *path)
{
	static const char *const names[] = {"user.delegate", "trusted.delegate"};
	char value[8];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (getxattr(path, names[i], value, sizeof(value)) == 1 && *value == '1')
			return true;
	}
	return false;
}

/* The group above; false: the last part of the path is none of the names that a process of ours is found in. */
static bool step_up(char *group)
{
	char *slash = strrchr(group, '/');

	if (!slash || slash == group || (strcmp(slash, "/agent") != 0 && strcmp(slash, "/.control") != 0))
		return false;
	*slash = '\0';
	return true;
}

struct error *cgroup_find(const void *ctx, char **ret_path)
{
	void *tmp = talloc_new(NULL);
	char *own, *mounts, *group, *path = NULL;
	struct error *e = file_read(tmp, "/proc/self/cgroup", PROC_LIMIT, &own, NULL);

	if (!e)
		e = file_read(tmp, "/proc/self/mountinfo", PROC_LIMIT, &mounts, NULL);
	if (!e)
		e = cgroup_file_own(tmp, own, &group);
	if (!e)
		e = cgroup_file_place(tmp, mounts, group, &path);
	if (!e && !is_delegated(path)) {
		if (step_up(group))
			e = cgroup_file_place(tmp, mounts, group, &path);
		if (!e && !is_delegated(path))
			e = error_new(ERROR_NOT_FOUND,
				      "control group %s: is not delegated to the agent (systemd: Delegate=memory pids)",
				      path);
	}
	if (!e)
		*ret_path = mem_strdup(ctx, path);
	mem_free(tmp);
	return e;
}

static struct error *check_folder(int fd, const char *path)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return error_sys(errno, "%s", path);
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return error_new(
			ERROR_INVALID,
			"%s: is no control group of version 2; make one (mkdir) below where cgroup2 is mounted, usually /sys/fs/cgroup",
			path);
	if (st.st_uid != geteuid())
		return error_new(ERROR_REFUSED, "%s: belongs to user %u, who could move units out of it; chown it",
				 path, (unsigned)st.st_uid);
	if (faccessat(fd, "cgroup.events", F_OK, 0) < 0)
		return error_new(ERROR_INVALID, "%s: is the root of the hierarchy; make a group below it (mkdir)",
				 path);
	return NULL;
}

/* Whoever can open a folder can lock it, and a unit that waited for the lock would have it before the next agent: the
 * folder is for us alone to open. Where nothing can be written it cannot be used either, which is said by who tries. */
static struct error *shut_others_out(int fd, const char *path)
{
	return fchmod(fd, GROUP_MODE) < 0 && errno != EROFS ? error_sys(errno, "%s: cannot set its mode", path) : NULL;
}

struct error *cgroup_take(const char *path, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct error *e;

	if (fd < 0)
		return error_sys(errno, "%s", path);
	e = check_folder(fd, path);
	if (!e)
		e = shut_others_out(fd, path);
	if (!e && flock(fd, LOCK_EX | LOCK_NB) < 0)
		e = errno == EWOULDBLOCK ? error_new(ERROR_EXISTS, "%s: another agent has this control group", path)
					 : error_sys(errno, "%s: cannot lock", path);
	if (e) {
		close(fd);
		return e;
	}
	*ret_fd = fd;
	return NULL;
}
