/* The life of a daemon, which all of dsn's have alike: settings (base/config.h), log, signals, what systemd is told,
 * the loop, the end.
 *
 *   settings --prepare--> open --> signals are watched --ready--> READY=1 --loop--> SIGTERM, SIGINT: stop -->
 * daemon_end()
 *
 * What cannot be read or opened is told on stderr as "NAME: why", and ends the process with its error's code. A second
 * signal is logged, no more. Where systemd asks for it ($WATCHDOG_USEC) the loop tells that it goes round. SIGPIPE is
 * ignored. Threads: the loop's, which is the one that called.
 */
#ifndef DSN_BASE_DAEMON_H
#define DSN_BASE_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/config.h"
#include "base/error.h"

struct daemon;

struct daemon_kind {
	const struct config_program *program;
	const char *log_name;    /* "agent": events are agent.signal */
	size_t log_level_offset; /* of the settings' log-level, a char * */
	/* Further checks and what follows from settings; ctx lives as long as the process. With *ret_done nothing is
	 * opened and the process ends with 0. May be NULL. */
	struct error *(*prepare)(const void *ctx, void *settings, bool *ret_done);
	/* Opens all. What belongs to ctx is freed when the loop has ended, after `closed`. */
	struct error *(*open)(const void *ctx, struct daemon *d, const void *settings, void **ret_state);
	/* All is open and signals are watched: tell others. May be NULL. */
	struct error *(*ready)(const void *ctx, const void *settings, void *state);
	/* Once, at the first signal: begin to end. daemon_end() is called when it is over, also from in here. */
	void (*stop)(struct daemon *d, void *state);
	/* The loop has ended after it was ready. May be NULL. */
	void (*closed)(const void *settings, void *state);
};

/* The whole main(). `settings` are zeroes, and the process's own until it ends. The process's exit code. */
int daemon_main(int argc, char **argv, const struct daemon_kind *kind, void *settings);
uv_loop_t *daemon_loop(struct daemon *d);
/* The loop ends, the process with `code`. Also without a signal before; while all is opened: then READY=1 is not told.
 */
void daemon_end(struct daemon *d, int code);

#endif
