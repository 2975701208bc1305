#include "node/job/unit.h"

#include <signal.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/job/digest.h"
#include "node/job/unit_log.h"
#include "node/node.h"
#include "node/store.h"

#define LOG_LIMIT (256 * 1024)
#define PROGRESS_LIMIT (64 * 1024)
/* A unit whose stream has ended waits for the next one; one that ended after no time at all must not spin. */
#define AGAIN_MS 50
#define AGAIN_SHORT_MS 500
#define SHORT_RUN_MS 1000
#define REPLACE_GRACE_MS 2000
#define FAILOVER_AFTER 3
/* How old what nginx told of its streams may be. */
#define FLOW_MS 5000

static void launch(struct unit *u);

struct unit *unit_new(const void *ctx, struct node *node, struct job *job, const char *name, size_t index,
		      unit_argv_fn *argv, struct stream *input)
{
	struct unit *u = mem_new(ctx, struct unit);

	u->node = node;
	u->job = job;
	u->name = mem_strdup(u, name);
	u->index = index;
	u->argv = argv;
	u->input = input;
	u->backoff = (struct backoff){.first_ms = 300, .max_ms = 10000, .steady_ms = 20000};
	u->use_failover = job && store_failover(node->host->db, node->row.id, name);
	u->log_path = mem_printf(u, "%s/log/%s.log", node->folder, name);
	u->progress_path = mem_printf(u, "%s/progress/%s.progress", node->folder, name);
	return u;
}

static void changed(struct unit *u)
{
	if (u->changed)
		u->changed(u);
	node_changed(u->node);
}

static void set_trouble(struct unit *u, char *text)
{
	mem_free(u->trouble);
	u->trouble = text;
}

/* --- the end of a run --- */

static char *describe(struct unit *u, const struct child_exit *ex, void *handle)
{
	const struct runtime_ops *ops = u->node->ops;
	char *bound = handle && ops->bound_hit ? ops->bound_hit(u->node->runtime, handle, u) : NULL;

	if (bound)
		return bound;
	if (u->stalled)
		return mem_printf(u, "stalled: its input flowed, but it made no progress; killed");
	if (!ex->known)
		return mem_printf(u, "ended, status unknown (started by an earlier agent)");
	if (ex->signal)
		return mem_printf(u, "ended by signal %d (%s)", ex->signal, strsignal(ex->signal));
	return mem_printf(u, "ended with code %d", ex->code);
}

/* Did it end because its stream did? A clean exit says so; after another one, the stream must have left meanwhile. */
static bool stream_ended(const struct unit *u, const struct child_exit *ex)
{
	if (!u->input || u->stalled)
		return false;
	if (ex->known && !ex->signal && ex->code == 0)
		return true;
	return !u->input->active && u->input->left_ms > u->started_ms;
}

static void on_timer(void *arg)
{
	struct unit *u = arg;

	mem_free(u->timer);
	u->timer = NULL;
	if (u->wanted && u->state == UNIT_PAUSED)
		launch(u);
}

static void pause_unit(struct unit *u, int64_t delay_ms)
{
	u->state = state_next(&state_of_unit, u->state, UNIT_PAUSED);
	mem_free(u->timer);
	u->timer = timer_start(u, u->node->host->loop, delay_ms, 0, on_timer, u);
}

static void set_failover(struct unit *u, bool on)
{
	struct error *e = store_put_failover(u->node->host->db, u->node->row.id, u->name, on);

	if (e)
		log_warn("unit.failover", "unit=%s reason=%s", u->name, log_q(e->message));
	error_free(e);
	u->use_failover = on;
}

static void failed(struct unit *u, int64_t ran_ms)
{
	int64_t delay_ms = backoff_next_ms(&u->backoff, ran_ms);

	if (ran_ms >= u->backoff.steady_ms)
		u->failures = 0;
	u->failures++;
	u->restarts++;
	if (u->has_failover && u->failures % FAILOVER_AFTER == 0) {
		set_failover(u, !u->use_failover);
		node_decide(u->node, "unit.failover", "%s failed %u times in a row, last: %s%s%s; trying %s", u->name,
			    u->failures, u->trouble, u->why ? ": " : "", u->why ? u->why : "",
			    u->use_failover ? "the failover target" : "the first target again");
	} else {
		node_decide(u->node, "unit.restart", "%s %s%s%s; starting it again in %lld ms", u->name, u->trouble,
			    u->why ? ": " : "", u->why ? u->why : "", (long long)delay_ms);
	}
	pause_unit(u, delay_ms);
}

static void on_ended(const struct child_exit *ex, void *arg)
{
	struct unit *u = arg;
	bool replacing = u->state == UNIT_STOPPING;
	void *handle = u->handle;

	u->handle = NULL;
	if (u->ended)
		u->ended(u);
	if (!u->wanted) {
		u->state = state_next(&state_of_unit, u->state, UNIT_ENDED);
	} else if (replacing) {
		pause_unit(u, 0);
	} else if (stream_ended(u, ex)) {
		log_debug("unit.stream_ended", "node=%s unit=%s", u->node->row.id, u->name);
		u->ended_stream = true;
		u->failures = 0;
		pause_unit(u, ex->ran_ms < SHORT_RUN_MS ? AGAIN_SHORT_MS : AGAIN_MS);
	} else {
		set_trouble(u, describe(u, ex, handle));
		mem_free(u->why);
		u->why = unit_log_last(u, u->log_path, u->log_begin);
		failed(u, ex->ran_ms);
	}
	u->stalled = false;
	if (u->down)
		u->down(u);
	changed(u);
}

/* --- a start --- */

static void on_started(struct error *e, void *arg)
{
	struct unit *u = arg;

	if (e) {
		u->handle = NULL;
		set_trouble(u, mem_printf(u, "does not start: %s", e->message));
		mem_free(u->why);
		u->why = NULL;
		error_free(e);
		if (u->wanted)
			failed(u, 0);
		else
			u->state = state_next(&state_of_unit, u->state, UNIT_ENDED);
		if (u->down)
			u->down(u); /* a node that leaves waits for it */
		changed(u);
		return;
	}
	u->started_ms = u->advanced_ms = node_now();
	if (u->state == UNIT_STOPPING) {
		/* Stopped while it was starting. */
		u->node->ops->stop(u->node->runtime, u->handle, SIGINT, REPLACE_GRACE_MS);
		return;
	}
	u->state = state_next(&state_of_unit, u->state, UNIT_RUNNING);
	if (u->job)
		unit_refresh(u); /* what it should do may have changed meanwhile */
	if (u->started)
		u->started(u);
	changed(u);
}

static char *fingerprint(struct unit *u, const void *ctx, char ***ret_argv)
{
	struct node *n = u->node;
	char *url = u->job ? n->ops->progress_url(n->runtime, ctx, u->progress_path) : NULL;
	char **argv = u->argv(ctx, u, url);

	if (ret_argv)
		*ret_argv = argv;
	if (u->salt)
		return digest_argv(ctx,
				   (const char *const[]){digest_argv(ctx, (const char *const *)argv), u->salt, NULL});
	return digest_argv(ctx, (const char *const *)argv);
}

static void launch(struct unit *u)
{
	struct node *n = u->node;
	void *tmp = mem_strdup(NULL, "");
	char **argv;
	struct runtime_unit_spec spec;

	mem_free(u->timer);
	u->timer = NULL;
	if (u->begins)
		u->begins(u);
	mem_free(u->fingerprint);
	u->fingerprint = mem_strdup(u, fingerprint(u, tmp, &argv));
	spec = (struct runtime_unit_spec){
		.name = u->name,
		.argv = (const char *const *)argv,
		.fingerprint = u->fingerprint,
		.main = !u->job,
		.log_path = u->log_path,
		.log_limit = LOG_LIMIT,
		.progress_path = u->job ? u->progress_path : NULL,
	};
	u->state = state_next(&state_of_unit, u->state, UNIT_STARTING);
	u->has_progress = false;
	u->started_ms = u->advanced_ms = node_now();
	mem_free(u->memory);
	u->memory = mem_strdup(u, "");
	u->handle = NULL;
	u->log_begin = unit_log_size(u->log_path);
	n->ops->start(n->runtime, u->memory, &spec, on_started, on_ended, u, &u->handle);
	mem_free(tmp);
}

void unit_start(struct unit *u)
{
	u->wanted = true;
	if (u->state == UNIT_ENDED)
		launch(u);
}

void unit_release(struct unit *u)
{
	u->wanted = false;
	if (u->state == UNIT_PAUSED) {
		mem_free(u->timer);
		u->timer = NULL;
		u->state = state_next(&state_of_unit, u->state, UNIT_ENDED);
		changed(u);
	}
}

void unit_stop(struct unit *u, int signum, int64_t grace_ms)
{
	unit_release(u);
	if (u->state == UNIT_RUNNING) {
		u->state = state_next(&state_of_unit, u->state, UNIT_STOPPING);
		u->node->ops->stop(u->node->runtime, u->handle, signum, grace_ms);
	} else if (u->state == UNIT_STARTING) {
		u->state = state_next(&state_of_unit, u->state, UNIT_STOPPING);
	}
}

void unit_refresh(struct unit *u)
{
	void *tmp = mem_strdup(NULL, "");

	if (u->state == UNIT_RUNNING && strcmp(fingerprint(u, tmp, NULL), u->fingerprint)) {
		u->state = state_next(&state_of_unit, u->state, UNIT_STOPPING);
		u->node->ops->stop(u->node->runtime, u->handle, SIGINT, REPLACE_GRACE_MS);
	} else if (u->state == UNIT_PAUSED && u->wanted && u->fingerprint &&
		   strcmp(fingerprint(u, tmp, NULL), u->fingerprint)) {
		/* What has failed is not what is asked for now. */
		u->failures = 0;
		backoff_reset(&u->backoff);
		launch(u);
	}
	mem_free(tmp);
}

void unit_signal(struct unit *u, int signum)
{
	if (u->state == UNIT_RUNNING)
		u->node->ops->signal(u->node->runtime, u->handle, signum);
}

/* --- watching --- */

static void read_progress(struct unit *u, int64_t now_ms)
{
	struct media_progress p;
	struct error *e;

	if (!u->job || !file_exists(u->progress_path))
		return;
	e = media_progress_read(u->progress_path, PROGRESS_LIMIT, &p);
	if (e) {
		error_free(e);
		return;
	}
	/* Frames that are pressed onto one time stamp are no progress: the time has to go on. */
	if (!u->has_progress || p.out_time_ms != u->progress.out_time_ms)
		u->advanced_ms = now_ms;
	u->progress = p;
	u->has_progress = true;
}

void unit_tick(struct unit *u, int64_t now_ms)
{
	int64_t since_ms = u->started_ms;

	if (u->state != UNIT_RUNNING || !u->job)
		return;
	read_progress(u, now_ms);
	if (!u->input || !u->input->active || u->stalled)
		return;
	if (u->input->since_ms > since_ms)
		since_ms = u->input->since_ms;
	if (u->advanced_ms > since_ms)
		since_ms = u->advanced_ms;
	if (now_ms - since_ms < u->node->host->settings.stall_after_ms)
		return;
	/* A publisher that is there but sends nothing is not this unit's fault; nginx drops it after a while. */
	if (now_ms - u->node->stat_at_ms < FLOW_MS && now_ms - u->input->flow_ms > FLOW_MS)
		return;
	u->stalled = true;
	u->node->ops->signal(u->node->runtime, u->handle, SIGKILL);
}

bool unit_waits(const struct unit *u)
{
	return u->state == UNIT_RUNNING && u->input && !u->input->active;
}

const char *unit_state_name(const struct unit *u)
{
	static const char *const names[] = {
		[UNIT_ENDED] = "stopped",   [UNIT_STARTING] = "starting", [UNIT_RUNNING] = "running",
		[UNIT_PAUSED] = "starting", [UNIT_STOPPING] = "stopping",
	};

	if (u->state == UNIT_PAUSED && u->failures)
		return "failing";
	return unit_waits(u) ? "waiting" : names[u->state];
}
