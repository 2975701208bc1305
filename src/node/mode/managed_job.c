#include "node/mode/managed_job.h"

#include <signal.h>

#include "base/file.h"
#include "base/mem.h"
#include "node/job/job.h"
#include "node/runtime/folders.h"

#define DRAIN_STEP_MS 50
/* A unit whose stream has ended writes what it still holds and exits by itself. */
#define FLUSH_MS 5000
#define PREPARE_AGAIN_MS 2000

static const struct role_ops *role(const struct job *j)
{
	return role_find(j->task->role);
}

static void units(struct job *j)
{
	role(j)->units(j);
}

/* --- starting --- */

static struct error *prepare(struct job *j)
{
	struct node *n = j->node;
	char *keys = file_join(NULL, n->folder, "keys");
	struct error *e =
		media_keys_write(keys, j->task, n->row.rtmp.container_port, MEDIA_LIVE, folders_shared(&n->units).gid);

	mem_free(keys);
	if (!e && role(j)->prepare)
		e = role(j)->prepare(j);
	return e;
}

static void run(struct job *j)
{
	struct error *e;

	if (j->state == JOB_STOPPED)
		j->prepared = false;
	if (j->prepared)
		return;
	j->state = state_next(&state_of_job, j->state, JOB_STARTING);
	e = prepare(j);
	if (e) {
		job_in_trouble(j, e);
		mem_free(j->timer);
		j->timer = timer_start(j, j->node->host->loop, PREPARE_AGAIN_MS, 0, (timer_fn *)job_run, j);
		return;
	}
	j->prepared = true;
	for (size_t i = 0; i < j->unit_count; i++) {
		if (!j->units[i]->marked)
			continue;
		unit_refresh(j->units[i]);
		unit_start(j->units[i]);
	}
	job_unit_changed(j);
}

/* --- draining --- */

/* Returns true when the unit has ended. */
static bool drain_unit(struct job *j, struct unit *u, int64_t now_ms)
{
	const struct stream *in = u->input;

	if (u->state == UNIT_ENDED)
		return true;
	if (u->state != UNIT_RUNNING)
		return false;
	if (in && in->active) {
		/* Its publisher leaves when the node before it in the pipeline has stopped. */
		if (now_ms - j->drain_ms > role(j)->drain_ms)
			unit_stop(u, SIGINT, JOB_GRACE_MS);
	} else if (!in || in->left_ms <= u->started_ms || now_ms - in->left_ms > FLUSH_MS) {
		unit_stop(u, SIGINT, JOB_GRACE_MS);
	}
	return false;
}

static void on_drain(void *arg)
{
	struct job *j = arg;
	int64_t now_ms = node_now();
	bool ended = true;

	for (size_t i = 0; i < j->unit_count; i++)
		ended = drain_unit(j, j->units[i], now_ms) && ended;
	if (ended)
		job_has_stopped(j);
}

static void begin_draining(struct job *j)
{
	j->state = state_next(&state_of_job, j->state, JOB_DRAINING);
	j->drain_ms = node_now();
	for (size_t i = 0; i < j->unit_count; i++)
		unit_release(j->units[i]);
	mem_free(j->timer);
	j->timer = timer_start(j, j->node->host->loop, 1, DRAIN_STEP_MS, on_drain, j);
	node_changed(j->node);
}

static void stop(struct job *j)
{
	if (j->state == JOB_STOPPED || j->state == JOB_DRAINING)
		return;
	if (role(j)->draining)
		role(j)->draining(j);
	begin_draining(j);
}

static void stop_now(struct job *j)
{
	for (size_t i = 0; i < j->unit_count; i++)
		unit_stop(j->units[i], SIGINT, JOB_GRACE_MS);
	if (j->state != JOB_STOPPED)
		begin_draining(j);
}

/* --- what its role adds --- */

static void stopped(struct job *j)
{
	if (role(j)->stopped)
		role(j)->stopped(j);
}

static void tick(struct job *j, int64_t now_ms)
{
	if (role(j)->tick)
		role(j)->tick(j, now_ms);
}

static struct error *remove_stored(struct job *j)
{
	return role(j)->remove ? role(j)->remove(j) : NULL;
}

static void status(struct job *j, json_t *o)
{
	if (role(j)->status)
		role(j)->status(j, o);
}

static const char *application(const struct job *j)
{
	return role(j)->entry;
}

static char *hls_folder(const void *ctx, const struct job *j)
{
	(void)j;
	return mem_strdup(ctx, "hls");
}

const struct mode_job_ops managed_job = {
	.units = units,
	.run = run,
	.stop = stop,
	.stop_now = stop_now,
	.stopped = stopped,
	.tick = tick,
	.remove = remove_stored,
	.status = status,
	.application = application,
	.hls_folder = hls_folder,
};
