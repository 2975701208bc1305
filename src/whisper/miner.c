#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "whisper/miner_workers.h"

/* Address space; what is resident of it are the pages that are used, some 8 KiB. An unoptimised build with sanitizers
 * has frames of 300 KiB in the permutation. */
#define STACK_BYTES (1024 * 1024)
/* Up to here waking a second thread costs more than it saves. */
#define SMALL_BITS 13

LIST_HEAD(job_list, pow_job);

struct miner {
	uv_loop_t *loop;
	uv_async_t *async; /* memory of its own: uv needs it until it is closed */
	struct miner_workers workers;
	uv_thread_t *threads;
	unsigned thread_limit, thread_count;
	struct job_list jobs;
	size_t waiting;
	bool *gone; /* set when it is freed from within a callback */
};

struct pow_job {
	struct miner *miner; /* NULL: freed before its job */
	struct miner_workers_task *task;
	LIST_ENTRY(pow_job) links;
	struct error *error; /* why it cannot be done at all */
	int64_t began_us;
	pow_done_fn *done;
	void *arg;
};

/* --- jobs --- */

static void job_detach(struct pow_job *job)
{
	struct miner *m = job->miner;

	if (!m)
		return;
	miner_workers_withdraw(&m->workers, job->task);
	miner_workers_release(&m->workers, job->task);
	LIST_REMOVE(job, links);
	m->waiting--;
	job->miner = NULL;
	job->task = NULL;
}

static int job_destroy(struct pow_job *job)
{
	job_detach(job);
	error_free(job->error);
	return 0;
}

/* The job is freed first, so that the callee may do what it likes with its owner and the miner. */
static void job_finish(struct pow_job *job)
{
	const struct miner_workers_task *t = job->task;
	int64_t took_us = (t->found ? t->found_us : clock_mono_us()) - job->began_us;
	uint64_t nonce = t->nonce;
	pow_done_fn *done = job->done;
	void *arg = job->arg;
	struct error *e = job->error;

	job->error = NULL;
	if (!e && t->target_bits > 0 && !t->found)
		e = error_new(ERROR_TIMEOUT, "no nonce with %u zero bits was found in time", t->target_bits);
	mem_free(job);
	done(e, nonce, took_us, arg);
}

static void on_deadline(void *arg)
{
	struct pow_job *job = arg;

	/* From now on its result stands still. */
	miner_workers_withdraw(&job->miner->workers, job->task);
	job_finish(job);
}

static void on_ended(uv_async_t *async)
{
	struct miner *m = async->data;
	struct miner_workers_task *t;
	bool gone = false;

	if (!m)
		return;
	m->gone = &gone;
	while (!gone && (t = miner_workers_take_ended(&m->workers)))
		job_finish(t->job);
	if (!gone)
		m->gone = NULL;
}

static struct miner_workers_task *task_new(const struct pow_request *r, struct pow_job *job)
{
	struct miner_workers_task *t = mem_new(NULL, struct miner_workers_task);
	unsigned bits = r->both ? 2 * r->target_bits : r->target_bits;

	t->rule = r->rule;
	t->both = r->both;
	t->target_bits = r->target_bits;
	t->job = job;
	t->holders = 1;
	t->short_rlp = pow_short(t, r->expiry, r->ttl, r->topic, r->data, r->data_bytes, &t->short_bytes);
	if (bits > 0 && bits <= SMALL_BITS) {
		/* Four times what it takes on average: 98 of 100 need no more. */
		t->turn = 4ULL << bits;
		t->alone_until = t->turn;
	}
	return t;
}

/* --- the miner --- */

/* As many as can be had; an error only when that is none. */
static struct error *start_threads(struct miner *m)
{
	const uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = STACK_BYTES};
	int status = 0;

	if (m->thread_count > 0)
		return NULL;
	while (m->thread_count < m->thread_limit && status == 0) {
		status = uv_thread_create_ex(&m->threads[m->thread_count], &options, miner_workers_run, &m->workers);
		if (status == 0)
			m->thread_count++;
	}
	return m->thread_count == 0 ? error_uv(status, "cannot start a mining thread") : NULL;
}

static void async_closed(uv_handle_t *handle)
{
	free(handle);
}

static int miner_destroy(struct miner *m)
{
	uv_handle_t *handle = (uv_handle_t *)m->async;

	if (m->gone)
		*m->gone = true;
	miner_workers_stop(&m->workers);
	for (unsigned i = 0; i < m->thread_count; i++)
		uv_thread_join(&m->threads[i]);
	while (!LIST_EMPTY(&m->jobs)) {
		struct pow_job *job = LIST_FIRST(&m->jobs);

		job_detach(job);
		/* No deadline any more either. */
		talloc_free_children(job);
	}
	miner_workers_destroy(&m->workers);
	handle->data = NULL;
	/* loop_drain() has closed it already without a callback. */
	if (uv_is_closing(handle))
		free(handle);
	else
		uv_close(handle, async_closed);
	return 0;
}

struct miner *miner_new(const void *ctx, uv_loop_t *loop, unsigned threads)
{
	struct miner *m = mem_new(ctx, struct miner);
	int status;

	m->loop = loop;
	m->thread_limit = threads ? threads : uv_available_parallelism();
	m->threads = mem_array(m, uv_thread_t, m->thread_limit);
	m->async = calloc(1, sizeof(*m->async));
	if (!m->async)
		abort();
	status = uv_async_init(loop, m->async, on_ended);
	assert(status == 0);
	(void)status;
	m->async->data = m;
	/* What keeps the loop running is each job's deadline. */
	uv_unref((uv_handle_t *)m->async);
	LIST_INIT(&m->jobs);
	miner_workers_init(&m->workers, m->async);
	talloc_set_destructor(m, miner_destroy);
	return m;
}

struct pow_job *miner_start(struct miner *m, const void *ctx, const struct pow_request *request, pow_done_fn *done,
			    void *arg)
{
	struct pow_job *job = mem_new(ctx, struct pow_job);
	bool can = request->deadline_ms > 0;

	assert(done);
	job->miner = m;
	job->done = done;
	job->arg = arg;
	job->began_us = clock_mono_us();
	job->task = task_new(request, job);
	LIST_INSERT_HEAD(&m->jobs, job, links);
	m->waiting++;
	talloc_set_destructor(job, job_destroy);
	if (can) {
		job->error = start_threads(m);
		can = !job->error;
	}
	timer_start(job, m->loop, can ? request->deadline_ms : 0, 0, on_deadline, job);
	if (can)
		miner_workers_offer(&m->workers, job->task);
	return job;
}

size_t miner_waiting(const struct miner *m)
{
	return m->waiting;
}

uint64_t miner_hashes(const struct miner *m)
{
	return atomic_load(&m->workers.hashes);
}
