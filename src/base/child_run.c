#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/child.h"
#include "base/child_run.h"
#include "base/loop.h"
#include "base/mem.h"

/* How long a helper that outlived the program may keep its output open. */
#define STRAGGLER_MS 1000

struct run;

struct run_pipe {
	struct run *run;
	uv_poll_t *poll; /* NULL: at its end */
	int fd;
};

struct run {
	struct child *child;
	struct run_pipe pipes[2]; /* stdout, stderr */
	struct child_output *output;
	struct timer *deadline;
	int64_t deadline_ms;
	bool exited;
	struct child_exit exit;
	struct error *error;
	const char *name;
	child_run_fn *fn;
	void *arg;
};

static void poll_closed(uv_handle_t *handle)
{
	mem_free(handle);
}

static void pipe_close(struct run_pipe *p)
{
	if (!p->poll)
		return;
	if (uv_is_closing((uv_handle_t *)p->poll))
		mem_free(p->poll);
	else
		uv_close((uv_handle_t *)p->poll, poll_closed);
	p->poll = NULL;
	close(p->fd);
}

static int run_destroy(struct run *r)
{
	if (r->child && child_alive(r->child))
		child_stop(r->child, SIGKILL, 0);
	pipe_close(&r->pipes[0]);
	pipe_close(&r->pipes[1]);
	error_free(r->error);
	return 0;
}

static void run_finish(struct run *r)
{
	struct child_result result = {0};
	child_output_result(r->output, &r->exit, &result);
	result.error = r->error;
	r->error = NULL;
	child_run_fn *fn = r->fn;
	void *arg = r->arg;
	/* The callback may free the owner, so the run leaves the tree first. */
	talloc_steal(NULL, r);
	fn(&result, arg);
	error_free(result.error);
	mem_free(r);
}

static void run_check(struct run *r)
{
	if (r->exited && !r->pipes[0].poll && !r->pipes[1].poll)
		run_finish(r);
}

static void run_fail(struct run *r, struct error *e)
{
	if (r->error)
		error_free(e);
	else
		r->error = e;
	child_stop(r->child, SIGKILL, 0);
	/* Its pipes may be held by a helper that made itself a session: do not wait for them. */
	pipe_close(&r->pipes[0]);
	pipe_close(&r->pipes[1]);
}

static void deadline_over(void *arg)
{
	struct run *r = arg;
	if (!r->exited) {
		run_fail(r, error_new(ERROR_TIMEOUT, "%s: not done within %lld ms, ended", r->name,
				      (long long)r->deadline_ms));
		return;
	}
	pipe_close(&r->pipes[0]);
	pipe_close(&r->pipes[1]);
	run_check(r);
}

static void child_ended(const struct child_exit *ex, void *arg)
{
	struct run *r = arg;
	r->exited = true;
	r->exit = *ex;
	timer_again(r->deadline, STRAGGLER_MS, 0);
	run_check(r);
}

static void pipe_ready(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	struct run_pipe *p = poll->data;
	struct run *r = p->run;
	bool end = false;
	struct error *e = child_output_read(r->output, p == &r->pipes[1], p->fd, &end);
	if (e)
		run_fail(r, error_wrap(e, "%s", r->name));
	else if (end)
		pipe_close(p);
	run_check(r);
}

static void pipe_open(struct run *r, int i, uv_loop_t *loop, int fd)
{
	struct run_pipe *p = &r->pipes[i];
	p->run = r;
	p->fd = fd;
	p->poll = mem_new(NULL, uv_poll_t);
	p->poll->data = p;
	int status = uv_poll_init(loop, p->poll, fd);
	if (status == 0)
		status = uv_poll_start(p->poll, UV_READABLE, pipe_ready);
	assert(status == 0);
	(void)status;
}

struct error *child_run(const void *ctx, uv_loop_t *loop, const struct child_spec *spec, int64_t deadline_ms,
			size_t out_limit, child_run_fn *fn, void *arg)
{
	struct run *r = mem_new(ctx, struct run);
	r->fn = fn;
	r->arg = arg;
	r->deadline_ms = deadline_ms;
	r->name = mem_strdup(r, spec->argv[0]);
	r->output = child_output_new(r, out_limit);
	struct child_spec with_pipes = *spec;
	struct child_pipes pipes;
	struct error *e = child_pipes_open(&pipes, &with_pipes);
	if (!e) {
		e = child_start(r, loop, &with_pipes, child_ended, r, &r->child);
		child_pipes_close_writers(&pipes);
		if (e)
			child_pipes_close_readers(&pipes);
	}
	if (e) {
		mem_free(r);
		return e;
	}
	talloc_set_destructor(r, run_destroy);
	pipe_open(r, 0, loop, pipes.out[0]);
	pipe_open(r, 1, loop, pipes.err[0]);
	r->deadline = timer_start(r, loop, deadline_ms, 0, deadline_over, r);
	return NULL;
}
