/* Child processes: argument vectors (never a shell), own session, optional other user, adoption after a restart.
 *
 * A child runs in its own session (setsid) and outlives this process unless stopped: an agent that was killed finds
 * its children again with child_adopt(). When a child has ended by itself, what is left of its process group is killed,
 * so that a crashed master's workers do not keep its ports. It inherits no descriptors but 0 to 3, default signal
 * handling, and at most 65536 open files. Identity of a process is its pid and its start time (proc(5), field 22).
 * Threads: loop thread only.
 */
#ifndef DSN_BASE_CHILD_H
#define DSN_BASE_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/buf.h"
#include "base/error.h"

struct child;

/* A process that can be found again after a restart. */
struct child_identity {
	pid_t pid;
	uint64_t start_time; /* clock ticks since boot */
};

/* What keeps a program that strangers' bytes have taken over from more than its job. */
struct child_limits {
	int64_t processes;  /* of its user together, threads too (RLIMIT_NPROC); 0: no bound of ours */
	int64_t file_bytes; /* the largest file it may write (RLIMIT_FSIZE); 0: no bound of ours */
};

struct child_spec {
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH when it has no slash */
	const char *const *env;  /* NULL-terminated NAME=value; NULL: PATH, HOME, LANG of this process only */
	const char *folder;      /* working folder or NULL */
	bool set_user;           /* run as uid/gid (needs root) */
	uid_t uid;
	gid_t gid;
	const char *account; /* whose supplementary groups (video, render) it gets; NULL: those of uid's account */
	/* Not NULL: these bounds, no core file, and nothing that it executes gets more rights (no_new_privs). */
	const struct child_limits *limits;
	int stdin_fd;  /* -1: /dev/null */
	int stdout_fd; /* -1: /dev/null */
	int stderr_fd; /* -1: /dev/null */
	int extra_fd;  /* becomes descriptor 3 of the child; -1: none. Descriptors stay the caller's to close. */
	/* cgroup.procs of a control group, open for writing, which the process enters before anything else; 0: none. */
	int group_fd;
	/* Called when the process exists but before it runs the program, so that a note of it can be made first: should
	 * this process die in between, the child ends by itself. An error ends it and is returned. NULL: none. */
	struct error *(*prepare)(struct child_identity id, void *arg);
	void *prepare_arg;
};

struct child_exit {
	bool known; /* false for an adopted process: its status cannot be read */
	int code;   /* exit code when signal == 0 */
	int signal; /* signal that ended it or 0 */
	int64_t ran_ms;
	int64_t cpu_ms; /* processor time of it and of its children that have ended; 0 when !known */
};

typedef void child_exit_fn(const struct child_exit *ex, void *arg);

/* Start; `fn` is called once when it has ended. Freeing the child object forgets it WITHOUT ending it. */
struct error *child_start(const void *ctx, uv_loop_t *loop, const struct child_spec *spec, child_exit_fn *fn, void *arg,
			  struct child **ret_child) MUST_CHECK;
/* Watch a process started by an earlier self; ERROR_NOT_FOUND when it is gone or the pid is somebody else now. */
struct error *child_adopt(const void *ctx, uv_loop_t *loop, struct child_identity id, child_exit_fn *fn, void *arg,
			  struct child **ret_child) MUST_CHECK;
struct child_identity child_identity(const struct child *c);
/* Where a program is: itself when it has a slash, else looked up in PATH; ctx's. An error names it: ERROR_NOT_FOUND, or
 * why it cannot be run. */
struct error *child_find_program(const void *ctx, const char *name, char **ret_path) MUST_CHECK;
/* Send a signal to the child alone; no effect when it has ended. */
void child_signal(struct child *c, int signum);
/* `signum` now (to its session's group), SIGKILL after grace_ms if it is still there. */
void child_stop(struct child *c, int signum, int64_t grace_ms);
bool child_alive(const struct child *c);

/* Run a program to its end and collect its output. All of the result is borrowed: `error` too (error_copy() keeps it).
 * Freeing ctx ends the program and drops the callback. */
struct child_result {
	struct error *error; /* could not start, deadline passed, or output over the limit; else NULL */
	int code;            /* exit code, 128+signal when killed */
	int64_t cpu_ms;      /* processor time */
	const char *out;     /* stdout */
	size_t out_len;
	const char *err; /* last 4 KiB of stderr */
};
typedef void child_run_fn(const struct child_result *r, void *arg);
struct error *child_run(const void *ctx, uv_loop_t *loop, const struct child_spec *spec, int64_t deadline_ms,
			size_t out_limit, child_run_fn *fn, void *arg) MUST_CHECK;
/* The same without a loop, blocking (command line tools, worker threads). Result strings belong to ctx. */
struct child_result *child_run_sync(const void *ctx, const struct child_spec *spec, int64_t deadline_ms,
				    size_t out_limit);

#endif
