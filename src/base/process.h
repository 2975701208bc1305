/* What the system tells of any process (proc(5)). Threads: any. */
#ifndef DSN_BASE_PROCESS_H
#define DSN_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct process_stat {
	bool ended; /* a zombie: only its remains are there */
	pid_t session;
	uint64_t start_time; /* clock ticks since boot: with the pid, who it is */
};

/* ERROR_NOT_FOUND when there is no such process. */
struct error *process_stat_read(pid_t pid, struct process_stat *ret_stat) MUST_CHECK;

#endif
