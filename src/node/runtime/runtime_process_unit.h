/* A unit of the process runtime, and the end of those that nobody wants. Private to runtime_process*.c. Threads: loop
 * thread. */
#ifndef DSN_NODE_RUNTIME_RUNTIME_PROCESS_UNIT_H
#define DSN_NODE_RUNTIME_RUNTIME_PROCESS_UNIT_H

#include "base/child.h"
#include "node/runtime/runtime_process.h"

struct runtime_process_sweep;

/* How far the start of a unit has come. */
enum runtime_process_phase {
	RUNTIME_PROCESS_REPLACING, /* waits for the end of what an earlier agent started */
	RUNTIME_PROCESS_TELLING,   /* runs, or failed to; `done` is to be called */
	RUNTIME_PROCESS_RUNNING,
	RUNTIME_PROCESS_OVER, /* has ended, or never ran */
};

struct runtime_process_unit {
	struct runtime_process *self; /* NULL: the runtime was freed first */
	struct runtime_process_unit *next;
	enum runtime_process_phase phase;
	char *name, *fingerprint, *log_path, *progress_path;
	char **argv;
	int64_t log_limit;
	bool main;
	struct child *child;
	struct error *failure; /* to be told by `done` */
	bool cancelled;
	struct runtime_process_sweep *sweep; /* waits for this unit's end */
	uint64_t oom_kills;                  /* in its control group, before it was watched */
	bool out_of_memory;
	runtime_done_fn *done;
	runtime_exit_fn *exited;
	void *arg;
};

/* The row `stop` of its runtime_ops. */
void runtime_process_unit_stop(void *self, void *unit, int signum, int64_t grace_ms);
/* What the unit left in its control group; not where another unit of its name runs already. `ended` may be NULL. */
void runtime_process_unit_end_group(const struct runtime_process *self, const char *name,
				    const struct runtime_process_unit *ended);

/* runtime_process_sweep.c: the rows `sweep` and `purge`. */
void runtime_process_sweep_run(void *self, const char *const *keep, runtime_done_fn *done, void *arg);
void runtime_process_purge(void *self, runtime_done_fn *done, void *arg);
/* A unit that it waits for has ended; or is freed, and is watched by its record from now on. */
void runtime_process_sweep_ended(struct runtime_process_sweep *sweep);
void runtime_process_sweep_unwatched(struct runtime_process_sweep *sweep, const char *name);

#endif
