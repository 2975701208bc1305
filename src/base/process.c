#include "base/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define CHILDREN_LIMIT (1 << 20)
#define CHILDREN_TRIES 8
#define TITLE_SIZE 4096
#define KILL_TRIES 100
#define CPU_FIELDS 4 /* in the program, in the kernel, and the same of children that have ended */

/* Fields after the name, as proc(5) counts them less 3. */
enum { FIELD_STATE = 0, FIELD_SESSION = 3, FIELD_CPU = 11, FIELD_START = 19, FIELDS };

/* Only a process that is gone is told so: who could not look (no descriptor left) does not know. */
static struct error *read_of(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
	int err = n < 0 ? errno : ESRCH;
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	if (n > 0)
		return NULL;
	if (err == ENOENT || err == ESRCH)
		return error_new(ERROR_NOT_FOUND, "process %d: is gone", (int)pid);
	return error_sys(err, "%s", path);
}

struct error *process_stat_read(pid_t pid, struct process_stat *ret_stat)
{
	char text[1024];
	TRY(read_of(pid, "stat", text, sizeof text));
	/* The second field is the name in brackets and may hold anything, brackets too: count from the last one. */
	const char *field[FIELDS] = {0};
	size_t count = 0;
	for (const char *at = strrchr(text, ')'); at && count < FIELDS; at = strchr(at + 1, ' '))
		if (*at == ' ')
			field[count++] = at + 1;
	if (count < FIELDS)
		return error_new(ERROR_NOT_FOUND, "process %d: its /proc/%d/stat is unreadable", (int)pid, (int)pid);
	ret_stat->ended = *field[FIELD_STATE] == 'Z' || *field[FIELD_STATE] == 'X';
	ret_stat->session = (pid_t)strtol(field[FIELD_SESSION], NULL, 10);
	ret_stat->cpu_ms = 0;
	for (int i = 0; i < CPU_FIELDS; i++)
		ret_stat->cpu_ms += strtoll(field[FIELD_CPU + i], NULL, 10);
	ret_stat->cpu_ms = ret_stat->cpu_ms * 1000 / sysconf(_SC_CLK_TCK);
	ret_stat->start_time = strtoull(field[FIELD_START], NULL, 10);
	return NULL;
}

struct error *process_user(pid_t pid, uid_t *ret_uid)
{
	char text[1024];
	TRY(read_of(pid, "status", text, sizeof text));
	/* Before it stands the name, in which the kernel escapes line feeds. */
	const char *line = strstr(text, "\nUid:\t");
	if (!line)
		return error_new(ERROR_NOT_FOUND, "process %d: is gone", (int)pid);
	*ret_uid = (uid_t)strtoul(line + 6, NULL, 10);
	return NULL;
}

/* As that user, whom the kernel then lets signal all of his own and nobody else's. */
static _Noreturn void kill_all_of(uid_t uid)
{
	/* Not by the library, which would ask other threads to do the same: here there are none. */
	if (syscall(SYS_setresuid, uid, uid, uid) < 0)
		_exit(2);
	_exit(kill(-1, SIGKILL) < 0 && errno != ESRCH ? 2 : 0);
}

struct error *process_kill_user(uid_t uid)
{
	assert(uid != 0 && uid != geteuid());
	for (int i = 0; i < KILL_TRIES; i++) {
		int status = 0;
		pid_t pid = fork();
		if (pid == 0)
			kill_all_of(uid);
		if (pid < 0)
			return error_sys(errno, "ending the processes of user %u", (unsigned)uid);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return NULL;
		if (WIFEXITED(status))
			return error_new(ERROR_FAILED, "the processes of user %u cannot be ended", (unsigned)uid);
		/* One of them was quicker and has ended ours. */
	}
	return error_new(ERROR_FAILED, "the processes of user %u end whoever would end them", (unsigned)uid);
}

/* proc(5): a list read while a listed child is buried may lack one that lives. Then it also names the buried one, which
 * the next reading cannot: two equal readings lack nobody. */
static struct error *read_children(const void *ctx, pid_t pid, char **ret_text)
{
	char *path = mem_printf(ctx, "/proc/%d/task/%d/children", (int)pid, (int)pid), *last = NULL, *text;

	for (int i = 0; i < CHILDREN_TRIES; i++) {
		TRY(file_read(ctx, path, CHILDREN_LIMIT, &text, NULL));
		if (last && strcmp(last, text) == 0) {
			*ret_text = text;
			return NULL;
		}
		last = text;
	}
	return error_new(ERROR_UNAVAILABLE, "process %d: its children come and go too fast to be listed", (int)pid);
}

struct error *process_children(const void *ctx, pid_t pid, pid_t **ret_pids, size_t *ret_count)
{
	void *tmp = mem_strdup(NULL, "");
	struct process_stat stat;
	char *text = NULL, *end;
	struct error *e = process_stat_read(pid, &stat);

	if (!e)
		e = read_children(tmp, pid, &text);
	if (e && e->code == ERROR_NOT_FOUND) {
		struct error *gone = process_stat_read(pid, &stat);

		if (!gone) {
			error_free(e);
			e = error_new(
				ERROR_FAILED,
				"process %d: the kernel does not tell its children, it was built without CONFIG_PROC_CHILDREN",
				(int)pid);
		}
		error_free(gone);
	}
	if (text) {
		size_t count = 0;
		pid_t *pids = mem_array(ctx, pid_t, strlen(text) / 2 + 1);

		for (char *at = text;; at = end) {
			long child = strtol(at, &end, 10);

			if (end == at)
				break;
			pids[count++] = (pid_t)child;
		}
		*ret_pids = pids;
		*ret_count = count;
	}
	mem_free(tmp);
	return e;
}

char *process_title(const void *ctx, pid_t pid)
{
	char path[64], text[TITLE_SIZE];

	snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	if (n < 0)
		n = 0;
	while (n > 0 && (text[n - 1] == '\0' || text[n - 1] == ' '))
		n--;
	for (ssize_t i = 0; i < n; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	return mem_strndup(ctx, text, (size_t)n);
}
