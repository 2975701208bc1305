/* Inside node/: the parts of the process runtime. For others there is node/runtime/runtime.h. */
#ifndef DSN_NODE_RUNTIME_RUNTIME_PROCESS_H
#define DSN_NODE_RUNTIME_RUNTIME_PROCESS_H

#include "node/runtime/cgroup.h"
#include "node/runtime/runtime.h"

struct runtime_process_unit;

/* A segment of the longest fragment at 140 Mbit/s; and what a unit can write into its log before that is cut. */
#define PROCESS_FILE_BYTES (INT64_C(1) << 30)
/* What all units of a node may have together, in units; and its nginx alone, which in classic mode starts the others.
 */
#define PROCESS_NODE_UNITS 4

/* A node's process runtime. */
struct runtime_process {
	uv_loop_t *loop;
	struct runtime_options options;
	struct child_limits limits;
	struct cgroup_limits group_limits; /* of each unit but nginx */
	char *node_id;
	char *folder;      /* the node's */
	char *real_folder; /* the same without links, as the kernel shows it */
	char *records;     /* <folder>/agent: pid records, in a folder that units cannot write */
	char *boot_id;     /* of this boot of the machine */
	struct runtime_process_unit *units;
	struct timer *log_timer; /* while there are units */
};

/* Note of a running unit in <folder>/agent/<unit>.json, by which a later agent finds it. */
struct runtime_process_record {
	struct child_identity id;
	uid_t uid; /* whose it is */
	char *fingerprint;
};

/* ERROR_NOT_FOUND: there is none, or it is of an earlier boot, or not written by us. Another error: the system does not
 * give it now (no descriptor left, a disk's error), and what it tells of may well run. */
struct error *runtime_process_record_read(const void *ctx, const struct runtime_process *self, const char *unit,
					  struct runtime_process_record **ret_record) MUST_CHECK;
/* Is it such another error? */
bool runtime_process_record_withheld(const struct error *e);
struct error *runtime_process_record_write(const struct runtime_process *self, const char *unit,
					   struct child_identity id, const char *fingerprint) MUST_CHECK;
void runtime_process_record_remove(const struct runtime_process *self, const char *unit);
/* Remove it if it tells of `id`: a replacement may have written its own already. */
void runtime_process_record_forget(const struct runtime_process *self, const char *unit, struct child_identity id);
/* Does the process work in the node's folder, as no bystander does? Where the kernel does not let us see that: is it of
 * the agent's own control group, which only root puts it into? */
bool runtime_process_works_here(const struct runtime_process *self, pid_t pid);
bool runtime_process_is_users(pid_t pid, uid_t uid);
/* Take over the records that an earlier release kept in <folder>/run, which units can write: those that name a process
 * that the kernel says is a unit of this node. */
struct error *runtime_process_records_move(const struct runtime_process *self) MUST_CHECK;
/* Names of the units that have a record; NULL-terminated, ctx's. */
struct error *runtime_process_record_list(const void *ctx, const struct runtime_process *self,
					  char ***ret_names) MUST_CHECK;

/* End what a record tells of: its process and all of its session, also when only the session is left. `fn` is called
 * once, later, when all are gone. Freeing ctx calls the watch off. */
typedef void process_gone_fn(void *arg);
void runtime_process_end(const void *ctx, const struct runtime_process *self, struct child_identity id,
			 process_gone_fn *fn, void *arg);

/* Is the process what a unit with this first process has left: of its session, and the node's? ERROR_NOT_FOUND: no. */
struct error *runtime_process_left_over(const struct runtime_process *self, pid_t pid, pid_t session,
					struct child_identity *ret_id) MUST_CHECK;

/* The row `run` of its runtime_ops. */
void runtime_process_run(void *self, const char *const *argv, int64_t deadline_ms, child_run_fn *fn, void *arg);

/* Control groups of units; without one of the agent's they do nothing, and *ret_fd stays. */
struct error *runtime_process_group_make(const struct runtime_process *self, const char *unit, bool main,
					 int *ret_fd) MUST_CHECK;
/* With all of its session. A failure is said in the log: the unit runs on as it did. */
void runtime_process_group_adopt(const struct runtime_process *self, const char *unit, bool main,
				 struct child_identity id);

/* Open for appending as an inherited descriptor, in a folder of ours; only regular files. */
struct error *runtime_process_log_open(const char *path, bool truncate, int *ret_fd) MUST_CHECK;
/* Cut the file to the last half of `limit` bytes, at a line's start, once it is over `limit`. */
struct error *runtime_process_log_bound(const char *path, int64_t limit) MUST_CHECK;

/* ERROR_REFUSED, with the folder, when the units' user cannot reach the node's. */
struct error *runtime_process_check_way(const void *ctx, const struct runtime_options *o,
					const char *folder) MUST_CHECK;

/* What units get of our environment, and HOME; NULL-terminated, ctx's. */
char **runtime_process_environment(const void *ctx, const struct runtime_process *self);

#endif
