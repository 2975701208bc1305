#include "node/mode/classic_job.h"

#include <string.h>

#include "base/beneath.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "media/nginx.h"
#include "node/job/job.h"
#include "node/mode/classic_files.h"
#include "node/mode/classic_reload.h"
#include "node/runtime/folders.h"

#define TEST_MS 10000
#define BUSY_MS 50

/* --- a change: write, test, reload or restore --- */

struct change {
	struct node *node;
	char *job, *hash, *file, *old; /* old NULL: there was none */
};

static void restore(struct change *c)
{
	struct error *e = classic_files_put_back(c->node, c->file, c->old);

	if (e)
		log_error("classic.restore", "node=%s job=%s reason=%s", c->node->row.id, c->job, log_q(e->message));
	error_free(e);
}

/* The job it was made for, if that still wants it. */
static struct job *job_of(const struct change *c)
{
	struct job *j = node_job(c->node, c->job);

	return j && !strcmp(j->hash, c->hash) && j->state == JOB_STARTING ? j : NULL;
}

/* The change is through or taken back. */
static void settle(struct change *c)
{
	struct job *j = node_job(c->node, c->job);
	struct error *e = file_remove(classic_files_untested(c, c->node, c->job));

	if (e)
		log_warn("classic.settled", "node=%s job=%s reason=%s", c->node->row.id, c->job, log_q(e->message));
	error_free(e);
	if (j)
		j->classic_busy = false;
}

static void on_started(bool taken, void *arg)
{
	struct change *c = arg;
	struct node *n = c->node;
	struct job *j = job_of(c);

	settle(c);
	if (j && taken)
		job_serves(j);
	else if (j)
		j->prepared = false; /* once nginx is up again it serves this file: run() sees that */
	mem_free(c);
	node_step(n);
}

static void on_tested(const struct child_result *r, void *arg)
{
	struct change *c = arg;
	struct node *n = c->node;
	struct job *j;

	if (!r->error && r->code == 0) {
		classic_reload_begin(n, on_started, c);
		return;
	}
	n->classic_busy = false;
	restore(c);
	settle(c);
	j = job_of(c);
	if (j && r->error)
		job_in_trouble(j, error_copy(r->error));
	else if (j)
		job_in_trouble(j, error_new(ERROR_FAILED, "nginx refuses the configuration, the old one is back: %s",
					    r->err ? r->err : ""));
	mem_free(c);
	node_step(n);
}

/* Where hls_path points to. */
static struct error *make_data(struct job *j)
{
	struct node *n = j->node;
	char *name = mem_printf(NULL, "data/%s", j->task->application);
	struct error *e =
		j->task->role == API_STORAGE ? beneath_mkdirs(n->folder, name, 0755, folders_units(&n->units)) : NULL;

	mem_free(name);
	return e;
}

static void test(struct job *j, char *file, char *old)
{
	struct node *n = j->node;
	struct change *c = mem_new(n, struct change);

	c->node = n;
	c->job = mem_strdup(c, j->name);
	c->hash = mem_strdup(c, j->hash);
	c->file = mem_strdup(c, file);
	c->old = old ? mem_strdup(c, old) : NULL;
	n->classic_busy = j->classic_busy = true;
	n->ops->run(n->runtime, (const char *const *)classic_files_argv(c, n, true), TEST_MS, on_tested, c);
}

static void start(struct job *j)
{
	struct node *n = j->node;
	char *text, *old = NULL, *file;
	struct error *e;
	void *tmp;

	j->state = state_next(&state_of_job, j->state, JOB_STARTING);
	if (n->classic_busy)
		return; /* node_step() comes again */
	tmp = mem_strdup(NULL, "");
	file = mem_printf(tmp, "app-enabled/%s", j->name);
	j->prepared = true;
	e = media_nginx_classic_app(tmp, j->task, &text);
	if (!e && file_exists(classic_files_exact(tmp, n, file)))
		e = file_read(tmp, classic_files_exact(tmp, n, file), CLASSIC_FILES_LIMIT, &old, NULL);
	if (!e)
		e = make_data(j);
	if (!e && old && !strcmp(old, text)) {
		job_serves(j);
	} else {
		if (!e)
			e = file_write_atomic(classic_files_untested(tmp, n, j->name), old ? old : "",
					      old ? strlen(old) : 0, 0644);
		if (!e)
			e = classic_files_write(n, file, text);
		if (!e)
			test(j, file, old);
	}
	if (e)
		job_in_trouble(j, e);
	mem_free(tmp);
}

struct stopping {
	struct node *node;
	char *job;
};

static void on_stopped(bool taken, void *arg)
{
	struct stopping *s = arg;
	struct node *n = s->node;
	struct job *j = node_job(n, s->job);

	(void)taken; /* nginx that has ended runs nothing of the job either */
	mem_free(s);
	if (!j || j->state != JOB_DRAINING) {
		node_step(n); /* started again meanwhile */
		return;
	}
	mem_free(j->trouble);
	j->trouble = NULL;
	job_has_stopped(j);
}

static void on_stop(void *arg)
{
	struct job *j = arg;
	struct node *n = j->node;
	struct error *e;
	struct stopping *s;
	char *file;

	if (n->classic_busy)
		return;
	file = mem_printf(NULL, "app-enabled/%s", j->name);
	e = classic_files_remove(n, file);
	mem_free(file);
	if (e) {
		job_in_trouble(j, e);
		return;
	}
	mem_free(j->timer);
	j->timer = NULL;
	s = mem_new(n, struct stopping);
	s->node = n;
	s->job = mem_strdup(s, j->name);
	classic_reload_begin(n, on_stopped, s);
}

static void stop(struct job *j)
{
	if (j->state == JOB_STOPPED)
		return;
	j->state = state_next(&state_of_job, j->state, JOB_DRAINING);
	mem_free(j->timer);
	j->timer = timer_start(j, j->node->host->loop, 1, BUSY_MS, on_stop, j);
}

static struct error *remove_data(struct job *j)
{
	char *name = mem_printf(NULL, "data/%s", j->task->application);
	struct error *e = j->task->role == API_STORAGE ? beneath_remove_tree(j->node->folder, name) : NULL;

	mem_free(name);
	return e;
}

/* --- as a mode --- */

static void run(struct job *j)
{
	if (j->state == JOB_STOPPED || (j->state == JOB_STARTING && !j->prepared))
		start(j);
}

/* Its programs are children of nginx, which ends next. */
static void stop_now(struct job *j)
{
	j->state = state_next(&state_of_job, j->state, JOB_STOPPED);
}

static bool busy(const struct job *j)
{
	return j->classic_busy;
}

static const char *application(const struct job *j)
{
	return j->task->application;
}

static char *hls_folder(const void *ctx, const struct job *j)
{
	return mem_strdup(ctx, j->name);
}

const struct mode_job_ops classic_job = {
	.run = run,
	.stop = stop,
	.stop_now = stop_now,
	.remove = remove_data,
	.busy = busy,
	.application = application,
	.hls_folder = hls_folder,
};
