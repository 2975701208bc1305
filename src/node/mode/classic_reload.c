#include "node/mode/classic_reload.h"

#include <assert.h>
#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/job/job.h"

#define WORKER_TITLE "nginx: worker process"
#define POLL_MS 20
#define LATE_MS 10000

struct classic_reload {
	struct node *node;
	classic_reload_fn *over;
	void *arg;
	bool asked; /* the runtime lists nginx's processes */
	bool sent;  /* SIGHUP */
	pid_t *before;
	size_t before_count;
	int64_t begun_ms, late_ms; /* monotonic */
	char *why;                 /* the list could not be had; NULL: it could */
	struct timer *timer;
};

static void finish(struct classic_reload *r, bool taken)
{
	struct node *n = r->node;
	classic_reload_fn *over = r->over;
	void *arg = r->arg;

	n->reload = NULL;
	n->classic_busy = false;
	mem_free(r);
	over(taken, arg);
}

static bool is_worker(const struct runtime_child *c)
{
	return strcmp(c->title, WORKER_TITLE) == 0;
}

static bool was_there(const struct classic_reload *r, pid_t pid)
{
	for (size_t i = 0; i < r->before_count; i++)
		if (r->before[i] == pid)
			return true;
	return false;
}

/* All children, whatever their titles: a worker has its master's until it is set up. Without a worker nginx is still
 * starting and SIGHUP could kill it. */
static void send_sighup(struct classic_reload *r, const struct runtime_child *list, size_t count)
{
	bool serves = false;

	for (size_t i = 0; i < count; i++)
		serves = serves || is_worker(&list[i]);
	if (!serves)
		return;
	r->before = mem_array(r, pid_t, count);
	r->before_count = count;
	for (size_t i = 0; i < count; i++)
		r->before[i] = list[i].pid;
	r->sent = true;
	unit_signal(r->node->nginx, SIGHUP);
}

static bool is_taken(const struct classic_reload *r, const struct runtime_child *list, size_t count)
{
	bool serves = false;

	for (size_t i = 0; i < count; i++) {
		if (!is_worker(&list[i]))
			continue;
		if (was_there(r, list[i].pid))
			return false;
		serves = true;
	}
	return serves;
}

/* An answer comes to the reload that asked: once nginx has ended its list is void, and the next start forgets it. */
static void on_listed(struct error *e, const struct runtime_child *list, size_t count, void *arg)
{
	struct node *n = arg;
	struct classic_reload *r = n->reload;

	if (!r || !r->asked) {
		error_free(e);
		return;
	}
	r->asked = false;
	mem_free(r->why);
	r->why = e ? mem_strdup(r, e->message) : NULL;
	if (!e && !r->sent)
		send_sighup(r, list, count);
	else if (!e && is_taken(r, list, count))
		finish(r, true);
	error_free(e);
}

/* Those that wait: the one the reload is for, those that want the next. A refused one has trouble of its own. */
static bool waits(const struct job *j)
{
	return j->state == JOB_DRAINING || (j->state == JOB_STARTING && (j->classic_busy || !j->prepared));
}

static void tell_late(struct classic_reload *r, int64_t now_ms)
{
	struct node *n = r->node;

	log_warn("classic.reload", "node=%s waited_ms=%lld reason=%s", n->row.id, (long long)(now_ms - r->begun_ms),
		 log_q(r->why ? r->why : "nginx has not replaced its workers"));
	for (size_t i = 0; i < n->job_count; i++) {
		if (waits(n->jobs[i]))
			job_in_trouble(
				n->jobs[i],
				error_new(
					ERROR_TIMEOUT,
					"nginx has not taken over its new configuration within %d s%s%s; it is asked again; see nginx's error log: %s",
					LATE_MS / 1000, r->why ? ": " : "", r->why ? r->why : "", n->nginx->log_path));
	}
}

static void on_tick(void *arg)
{
	struct classic_reload *r = arg;
	struct node *n = r->node;
	int64_t now_ms = node_now();

	if (now_ms >= r->late_ms) {
		r->late_ms = now_ms + LATE_MS;
		tell_late(r, now_ms);
		if (r->sent)
			unit_signal(n->nginx, SIGHUP);
	}
	if (r->asked || n->nginx->state != UNIT_RUNNING)
		return;
	r->asked = true;
	n->ops->list(n->runtime, n->nginx->handle, on_listed, n);
}

void classic_reload_begin(struct node *n, classic_reload_fn *over, void *arg)
{
	struct classic_reload *r;

	assert(!n->reload);
	if (n->nginx->state == UNIT_ENDED || n->nginx->state == UNIT_PAUSED) {
		n->classic_busy = false;
		over(false, arg);
		return;
	}
	r = mem_new(n, struct classic_reload);
	r->node = n;
	r->over = over;
	r->arg = arg;
	r->begun_ms = node_now();
	r->late_ms = r->begun_ms + LATE_MS;
	n->reload = r;
	n->classic_busy = true;
	r->timer = timer_start(r, n->host->loop, 0, POLL_MS, on_tick, r);
}

void classic_reload_nginx_ended(struct node *n)
{
	if (n->reload)
		finish(n->reload, false);
}
