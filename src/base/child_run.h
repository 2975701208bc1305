/* Inside base/: collecting the output of a program, shared by child_run() and child_run_sync(). */
#ifndef DSN_BASE_CHILD_RUN_H
#define DSN_BASE_CHILD_RUN_H

#include <stdbool.h>

#include "base/child.h"

struct child_output;
struct child_output *child_output_new(const void *ctx, size_t out_limit);
/* Take what `fd` (non-blocking) has; ERROR_LIMIT when stdout passes its limit. Of stderr the last 4 KiB stay. */
struct error *child_output_read(struct child_output *o, bool is_stderr, int fd, bool *ret_end) MUST_CHECK;
/* Texts stay the output's. */
void child_output_result(const struct child_output *o, const struct child_exit *ex, struct child_result *result);

struct child_pipes {
	int out[2], err[2]; /* reader, writer */
};
/* Both pipes, readers non-blocking, and the writers put into `spec`. */
struct error *child_pipes_open(struct child_pipes *pipes, struct child_spec *spec) MUST_CHECK;
void child_pipes_close_writers(struct child_pipes *pipes);
void child_pipes_close_readers(struct child_pipes *pipes);

#endif
