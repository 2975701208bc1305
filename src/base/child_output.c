#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/child_run.h"
#include "base/mem.h"

#define STDERR_KEEP 4096

struct child_output {
	struct buf *out;
	struct buf *err;
};

struct child_output *child_output_new(const void *ctx, size_t out_limit)
{
	struct child_output *o = mem_new(ctx, struct child_output);
	o->out = buf_new(o, out_limit);
	o->err = buf_new(o, STDERR_KEEP);
	return o;
}

static struct error *take(struct child_output *o, bool is_stderr, const char *bytes, size_t n)
{
	if (!is_stderr)
		return buf_append(o->out, bytes, n);
	/* n is at most STDERR_KEEP: dropping as much as comes in keeps the sum below. */
	if (o->err->len + n > STDERR_KEEP)
		buf_consume(o->err, o->err->len < n ? o->err->len : n);
	return buf_append(o->err, bytes, n);
}

struct error *child_output_read(struct child_output *o, bool is_stderr, int fd, bool *ret_end)
{
	char bytes[STDERR_KEEP];
	for (;;) {
		ssize_t n = read(fd, bytes, sizeof bytes);
		if (n > 0) {
			TRY(take(o, is_stderr, bytes, (size_t)n));
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		*ret_end = n == 0 || errno != EAGAIN;
		return NULL;
	}
}

void child_output_result(const struct child_output *o, const struct child_exit *ex, struct child_result *result)
{
	result->cpu_ms = ex->cpu_ms;
	result->code = ex->signal ? 128 + ex->signal : ex->code;
	result->out = o->out->data;
	result->out_len = o->out->len;
	result->err = o->err->data;
}

static void close_pair(int pair[2], int end)
{
	if (pair[end] >= 0)
		close(pair[end]);
	pair[end] = -1;
}

void child_pipes_close_writers(struct child_pipes *pipes)
{
	close_pair(pipes->out, 1);
	close_pair(pipes->err, 1);
}

void child_pipes_close_readers(struct child_pipes *pipes)
{
	close_pair(pipes->out, 0);
	close_pair(pipes->err, 0);
}

struct error *child_pipes_open(struct child_pipes *pipes, struct child_spec *spec)
{
	*pipes = (struct child_pipes){{-1, -1}, {-1, -1}};
	if (pipe2(pipes->out, O_CLOEXEC) < 0 || pipe2(pipes->err, O_CLOEXEC) < 0 ||
	    fcntl(pipes->out[0], F_SETFL, O_NONBLOCK) < 0 || fcntl(pipes->err[0], F_SETFL, O_NONBLOCK) < 0) {
		struct error *e = error_sys(errno, "%s: cannot make a pipe", spec->argv[0]);
		child_pipes_close_writers(pipes);
		child_pipes_close_readers(pipes);
		return e;
	}
	spec->stdout_fd = pipes->out[1];
	spec->stderr_fd = pipes->err[1];
	return NULL;
}
