/* What the system tells of any process (proc(5)). Threads: any. */
#ifndef DSN_BASE_PROCESS_H
#define DSN_BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct process_stat {
	bool ended; /* a zombie: only its remains are there */
	pid_t session;
	uint64_t start_time; /* clock ticks since boot: with the pid, who it is */
	int64_t cpu_ms;      /* processor time of it and of its children that have ended */
};

/* ERROR_NOT_FOUND when there is no such process; another when that cannot be seen. */
struct error *process_stat_read(pid_t pid, struct process_stat *ret_stat) MUST_CHECK;

/* Whose it is (real user id), also of a process that hides itself (prctl(2), PR_SET_DUMPABLE). ERROR_NOT_FOUND when
 * there is no such process. */
struct error *process_user(pid_t pid, uid_t *ret_uid) MUST_CHECK;

/* End (SIGKILL) all processes of a user that is not our own, at once, so that none gets away by starting others.
 * Whether they are gone when it returns is not said. */
struct error *process_kill_user(uid_t uid) MUST_CHECK;

/* Pids of the processes that `pid` has started and not yet waited for (its first thread alone is looked at); ctx's.
 * ERROR_NOT_FOUND: there is no such process; ERROR_UNAVAILABLE: they come and go too fast to be listed, try again;
 * ERROR_FAILED: the kernel was built without CONFIG_PROC_CHILDREN. */
struct error *process_children(const void *ctx, pid_t pid, pid_t **ret_pids, size_t *ret_count) MUST_CHECK;
/* Its argument vector as one line, at most 4095 bytes; a program may have written another title there. "" when it is
 * gone or has ended. ctx's. */
char *process_title(const void *ctx, pid_t pid);

#endif
