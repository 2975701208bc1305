/* A supervised unit: one long-running program of a node, kept running until told otherwise.
 *
 * An exit is answered by a new start with back-off, a stall (its input flows, its progress does not) by SIGKILL and a
 * new start, three failures in a row by the failover targets where there are some. The end of its input stream is no
 * failure: the unit is started again at once, to wait for the stream's return.
 * Threads: loop thread.
 */
#ifndef DSN_NODE_JOB_UNIT_H
#define DSN_NODE_JOB_UNIT_H

#include "base/backoff.h"
#include "base/loop.h"
#include "media/progress.h"
#include "node/job/stream.h"
#include "node/runtime/runtime.h"
#include "node/states.h"

struct node;
struct job;
struct unit;

/* The argument vector for the next start; called anew each time, also to see whether it has changed: it must have no
 * side effects. Its strings belong to ctx. */
typedef char **unit_argv_fn(const void *ctx, struct unit *u, const char *progress_url);

struct unit {
	struct node *node;
	struct job *job; /* NULL: the node's nginx */
	char *name;
	size_t index; /* which output or variant of the task */
	unit_argv_fn *argv;
	void (*begins)(struct unit *u);  /* before each start: make what its program needs; may be NULL */
	void (*ended)(struct unit *u);   /* after each run, before the next start; may be NULL */
	void (*started)(struct unit *u); /* its program runs */
	void (*down)(struct unit *u);    /* it has ended, or does not start */
	void (*changed)(struct unit *u); /* its state; each may be NULL */
	char *salt;                      /* more that its fingerprint depends on, or NULL */
	struct stream *input;            /* NULL: none */
	bool has_failover;

	enum unit_state state;
	bool wanted;
	bool marked; /* while a job's unit list is made anew */
	void *memory, *handle;
	char *fingerprint;
	struct backoff backoff;
	struct timer *timer;
	char *log_path, *progress_path;
	bool use_failover, stalled, ended_stream;
	unsigned failures;  /* in a row */
	int64_t restarts;   /* after failures, since the job was configured */
	int64_t started_ms; /* monotonic */
	int64_t advanced_ms;
	char *trouble;     /* why it ended last; NULL: never in trouble */
	char *why;         /* what it wrote last before that, made safe; NULL: nothing */
	int64_t log_begin; /* its log's size when it was started */
	struct media_progress progress;
	bool has_progress;
};

struct unit *unit_new(const void *ctx, struct node *node, struct job *job, const char *name, size_t index,
		      unit_argv_fn *argv, struct stream *input);
void unit_start(struct unit *u);
/* Not wanted any more; it ends by itself when its stream does. */
void unit_release(struct unit *u);
/* Not wanted any more; signum now, SIGKILL after grace_ms. */
void unit_stop(struct unit *u, int signum, int64_t grace_ms);
/* Start again when its argument vector has changed; at once where it waits after a failure. */
void unit_refresh(struct unit *u);
void unit_signal(struct unit *u, int signum);
/* Read progress, answer a stall. */
void unit_tick(struct unit *u, int64_t now_ms);
const char *unit_state_name(const struct unit *u);
bool unit_waits(const struct unit *u); /* runs, and its input is not published */

#endif
