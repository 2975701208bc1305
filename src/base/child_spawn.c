#include "base/child_spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/process.h"

/* nginx-rtmp closes every possible descriptor before it execs: minutes where the limit is 2^30. */
#define OPEN_FILES_MAX 65536

/* All that the new process needs, prepared before fork(): after it, in a program with threads, nothing may allocate. */
struct plan {
	char *path;
	char *const *argv;
	char **env;
	const struct child_spec *spec;
	gid_t *groups;
	int group_count;
	int sources[4]; /* become descriptors 0..3; -1: /dev/null, for 3: none */
	int report_fd;  /* written: what went wrong; closed by exec: nothing did */
	int gate_fd;    /* read: one byte says go, its end says that the parent is gone */
};

enum step {
	STEP_CONTROL_GROUP,
	STEP_DESCRIPTORS,
	STEP_LIMITS,
	STEP_GROUPS,
	STEP_GID,
	STEP_UID,
	STEP_FOLDER,
	STEP_EXEC
};
static const char *const step_names[] = {"control group", "descriptors", "limits",         "supplementary groups",
					 "group id",      "user id",     "working folder", "program"};

struct report {
	int step;
	int err;
};

struct error *child_find_program(const void *ctx, const char *name, char **ret_path)
{
	if (strchr(name, '/')) {
		if (access(name, X_OK) != 0)
			return error_sys(errno, "%s", name);
		*ret_path = mem_strdup(ctx, name);
		return NULL;
	}
	const char *path = getenv("PATH");
	if (!path || !*path)
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	while (*path) {
		size_t len = strcspn(path, ":");
		char *candidate = len ? mem_printf(ctx, "%.*s/%s", (int)len, path, name) : mem_strdup(ctx, name);
		if (access(candidate, X_OK) == 0) {
			*ret_path = candidate;
			return NULL;
		}
		mem_free(candidate);
		path += len;
		if (*path)
			path++;
	}
	return error_new(ERROR_NOT_FOUND, "%s: no such program in PATH", name);
}

static char **default_environment(const void *ctx)
{
	static const char *const names[] = {"PATH", "HOME", "LANG"};
	char **env = mem_array(ctx, char *, sizeof names / sizeof *names + 1);
	size_t n = 0;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = getenv(names[i]);
		if (value)
			env[n++] = mem_printf(env, "%s=%s", names[i], value);
	}
	return env;
}

/* The groups of the user's account (video, render: the way to a GPU); just `gid` for a user without one. */
static void find_groups(const void *ctx, struct plan *p)
{
	struct passwd entry, *found = NULL;
	const char *account = p->spec->account;
	char buffer[4096];
	p->group_count = 64;
	p->groups = mem_array(ctx, gid_t, 64);
	if (!account && getpwuid_r(p->spec->uid, &entry, buffer, sizeof buffer, &found) == 0 && found)
		account = found->pw_name;
	if (account && getgrouplist(account, p->spec->gid, p->groups, &p->group_count) >= 0)
		return;
	p->groups[0] = p->spec->gid;
	p->group_count = 1;
}

static _Noreturn void give_up(const struct plan *p, enum step step)
{
	struct report report = {.step = (int)step, .err = errno};
	ssize_t n = write(p->report_fd, &report, sizeof report);
	(void)n;
	_exit(127);
}

/* 0 stands for the writer: it needs no rights over itself, the descriptor was opened with the parent's. */
static void enter_control_group(const struct plan *p)
{
	if (p->spec->group_fd > 0 && write(p->spec->group_fd, "0", 1) != 1)
		give_up(p, STEP_CONTROL_GROUP);
}

static void set_descriptors(struct plan *p)
{
	/* First out of the way of the targets, then into place. */
	p->report_fd = fcntl(p->report_fd, F_DUPFD_CLOEXEC, 10);
	p->gate_fd = fcntl(p->gate_fd, F_DUPFD_CLOEXEC, 10);
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 4; i++) {
		int source = i < 3 && p->sources[i] < 0 ? null_fd : p->sources[i];
		if (source < 0)
			continue;
		p->sources[i] = fcntl(source, F_DUPFD_CLOEXEC, 10);
		if (p->sources[i] < 0)
			give_up(p, STEP_DESCRIPTORS);
	}
	for (int i = 0; i < 4; i++)
		if (p->sources[i] >= 0 && dup2(p->sources[i], i) < 0)
			give_up(p, STEP_DESCRIPTORS);
	unsigned first = p->sources[3] >= 0 ? 4 : 3;
	if (close_range(first, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		give_up(p, STEP_DESCRIPTORS);
}

static void set_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	for (int signum = 1; signum < NSIG; signum++)
		sigaction(signum, &action, NULL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void lower(int resource, rlim_t bound)
{
	struct rlimit limit;
	if (getrlimit((__rlimit_resource_t)resource, &limit) < 0)
		return;
	if (limit.rlim_max > bound)
		limit.rlim_max = bound;
	if (limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	setrlimit((__rlimit_resource_t)resource, &limit);
}

static void set_limits(const struct plan *p)
{
	const struct child_limits *l = p->spec->limits;
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > OPEN_FILES_MAX) {
		limit.rlim_cur = OPEN_FILES_MAX;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (!l)
		return;
	lower(RLIMIT_NOFILE, OPEN_FILES_MAX);
	lower(RLIMIT_CORE, 0);
	if (l->processes)
		lower(RLIMIT_NPROC, (rlim_t)l->processes);
	if (l->file_bytes)
		lower(RLIMIT_FSIZE, (rlim_t)l->file_bytes);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		give_up(p, STEP_LIMITS);
}

static void wait_for_go(const struct plan *p)
{
	char byte;
	ssize_t n;
	do {
		n = read(p->gate_fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(127);
}

static _Noreturn void become_program(struct plan *p)
{
	setsid();
	enter_control_group(p);
	set_descriptors(p);
	wait_for_go(p);
	set_limits(p);
	if (p->spec->set_user) {
		if (setgroups((size_t)p->group_count, p->groups) < 0)
			give_up(p, STEP_GROUPS);
		if (setresgid(p->spec->gid, p->spec->gid, p->spec->gid) < 0)
			give_up(p, STEP_GID);
		if (setresuid(p->spec->uid, p->spec->uid, p->spec->uid) < 0)
			give_up(p, STEP_UID);
	}
	if (p->spec->folder && chdir(p->spec->folder) < 0)
		give_up(p, STEP_FOLDER);
	/* Last: until here a signal must not run the parent's handlers, which would write into its loop. */
	set_signals();
	execve(p->path, p->argv, p->env);
	give_up(p, STEP_EXEC);
}

struct channels {
	int report[2], gate[2]; /* reader, writer */
};

static void channels_close(struct channels *c)
{
	int *fds[] = {&c->report[0], &c->report[1], &c->gate[0], &c->gate[1]};
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

static struct error *fork_program(struct plan *p, struct channels *c, pid_t *ret_pid)
{
	p->report_fd = c->report[1];
	p->gate_fd = c->gate[0];
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid_t pid = fork();
	if (pid == 0) {
		close(c->gate[1]);
		become_program(p);
	}
	int err = errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	close(c->report[1]);
	close(c->gate[0]);
	c->report[1] = c->gate[0] = -1;
	if (pid < 0)
		return error_sys(err, "%s: cannot fork", p->argv[0]);
	*ret_pid = pid;
	return NULL;
}

/* Let the process go on to exec, and hear whether it got there. */
static struct error *release_program(struct plan *p, struct channels *c)
{
	/* A child that is gone already is told of by its end. */
	(void)send(c->gate[1], "", 1, MSG_NOSIGNAL);
	struct report report;
	ssize_t n;
	do {
		n = read(c->report[0], &report, sizeof report);
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof report)
		return NULL;
	bool folder = report.step == STEP_FOLDER;
	return error_sys(report.err, "%s: cannot start (%s%s%s)", p->argv[0], step_names[report.step],
			 folder ? " " : "", folder ? p->spec->folder : "");
}

static struct error *prepare_program(const struct plan *p, pid_t pid)
{
	if (!p->spec->prepare)
		return NULL;
	struct process_stat stat;
	TRY(process_stat_read(pid, &stat));
	struct child_identity id = {.pid = pid, .start_time = stat.start_time};
	return p->spec->prepare(id, p->spec->prepare_arg);
}

static struct error *start_program(struct plan *p, struct channels *c, pid_t *ret_pid, int *ret_pidfd)
{
	if (pipe2(c->report, O_CLOEXEC) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, c->gate) < 0)
		return error_sys(errno, "%s: cannot make a pipe", p->argv[0]);
	pid_t pid = 0;
	TRY(fork_program(p, c, &pid));
	int pidfd = pidfd_open(pid, 0);
	struct error *e = pidfd < 0 ? error_sys(errno, "%s: cannot watch process %d", p->argv[0], (int)pid) : NULL;
	if (!e)
		e = prepare_program(p, pid);
	if (!e)
		e = release_program(p, c);
	if (e) {
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		if (pidfd >= 0)
			close(pidfd);
		return e;
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	return NULL;
}

struct error *child_spawn(const struct child_spec *spec, pid_t *ret_pid, int *ret_pidfd)
{
	assert(spec->argv && spec->argv[0]);
	struct plan *p = mem_new(NULL, struct plan);
	p->spec = spec;
	p->argv = (char *const *)spec->argv;
	p->env = spec->env ? (char **)spec->env : default_environment(p);
	p->sources[0] = spec->stdin_fd;
	p->sources[1] = spec->stdout_fd;
	p->sources[2] = spec->stderr_fd;
	p->sources[3] = spec->extra_fd;
	if (spec->set_user)
		find_groups(p, p);
	struct channels c = {{-1, -1}, {-1, -1}};
	struct error *e = NULL;

	/* A path may be meant from the folder that the child is to work in. */
	if (strchr(spec->argv[0], '/'))
		p->path = mem_strdup(p, spec->argv[0]);
	else
		e = child_find_program(p, spec->argv[0], &p->path);
	if (!e)
		e = start_program(p, &c, ret_pid, ret_pidfd);
	channels_close(&c);
	mem_free(p);
	return e;
}

bool child_is_ours(int pidfd)
{
	siginfo_t info;
	return waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

bool child_reap(int pidfd, struct child_exit *ex)
{
	siginfo_t info = {0};
	struct rusage usage = {0};
	long r;
	do {
		/* Not by the library: its waitid() leaves out the usage. */
		r = syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | WNOHANG, &usage);
	} while (r < 0 && errno == EINTR);
	if (r < 0 || info.si_pid == 0)
		return false;
	ex->known = true;
	ex->signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
	ex->code = info.si_code == CLD_EXITED ? info.si_status : 0;
	ex->cpu_ms = (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
		     (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
	return true;
}

void child_kill_group(pid_t pid, int signum)
{
	/* A process that leads no group of its own was not started by us: leave its neighbours alone. */
	pid_t group = getpgid(pid);
	if (group == pid || (group < 0 && errno == ESRCH))
		kill(-pid, signum);
	else
		kill(pid, signum);
}
