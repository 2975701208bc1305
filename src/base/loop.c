#include "base/loop.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/loop_impl.h"
#include "base/mem.h"

void *loop_handle_new(size_t size)
{
	void *handle = calloc(1, size);
	if (!handle)
		abort();
	return handle;
}

static void handle_closed(uv_handle_t *handle)
{
	free(handle);
}

void loop_handle_release(uv_handle_t *handle)
{
	handle->data = NULL;
	/* loop_drain() has closed it already without a callback. */
	if (uv_is_closing(handle))
		free(handle);
	else
		uv_close(handle, handle_closed);
}

/* The job lives until the worker and the loop are through with it; the talloc object only says whether anybody still
 * wants to hear of it. */
struct work_job {
	uv_work_t request;
	struct work *work;
	work_fn *run, *done, *drop;
	void *arg;
};

struct work {
	struct work_job *job;
};

static int work_destroy(struct work *w)
{
	if (w->job) {
		w->job->work = NULL;
		uv_cancel((uv_req_t *)&w->job->request);
	}
	return 0;
}

static void work_run(uv_work_t *request)
{
	struct work_job *job = request->data;
	job->run(job->arg);
}

static void work_finished(uv_work_t *request, int status)
{
	struct work_job *job = request->data;
	bool wanted = job->work != NULL && status == 0;
	if (job->work) {
		/* Before `done`, which may free the owner. */
		job->work->job = NULL;
		mem_free(job->work);
	}
	if (wanted && job->done)
		job->done(job->arg);
	if (job->drop)
		job->drop(job->arg);
	free(job);
}

struct work *work_start(const void *ctx, uv_loop_t *loop, work_fn *run, work_fn *done, work_fn *drop, void *arg)
{
	assert(run);
	struct work_job *job = loop_handle_new(sizeof *job);
	struct work *w = mem_new(ctx, struct work);
	job->request.data = job;
	job->work = w;
	job->run = run;
	job->done = done;
	job->drop = drop;
	job->arg = arg;
	w->job = job;
	talloc_set_destructor(w, work_destroy);
	int r = uv_queue_work(loop, &job->request, work_run, work_finished);
	assert(r == 0);
	(void)r;
	return w;
}

struct signal_watch {
	uv_signal_t *handle;
	signal_fn *fn;
	void *arg;
};

static int signal_destroy(struct signal_watch *s)
{
	loop_handle_release((uv_handle_t *)s->handle);
	return 0;
}

static void signal_came(uv_signal_t *handle, int signum)
{
	struct signal_watch *s = handle->data;
	if (s)
		s->fn(signum, s->arg);
}

struct signal_watch *signal_start(const void *ctx, uv_loop_t *loop, int signum, signal_fn *fn, void *arg)
{
	assert(fn);
	struct signal_watch *s = mem_new(ctx, struct signal_watch);
	s->fn = fn;
	s->arg = arg;
	s->handle = loop_handle_new(sizeof *s->handle);
	uv_signal_init(loop, s->handle);
	s->handle->data = s;
	talloc_set_destructor(s, signal_destroy);
	int r = uv_signal_start(s->handle, signal_came, signum);
	assert(r == 0);
	(void)r;
	return s;
}

static void close_left(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void loop_drain(uv_loop_t *loop)
{
	/* A close callback may open or free more, so once is not enough. */
	do {
		uv_walk(loop, close_left, NULL);
	} while (uv_run(loop, UV_RUN_DEFAULT) != 0 || uv_loop_alive(loop));
}
