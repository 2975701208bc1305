#include "base/child.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "base/child_spawn.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"

/* Watches the process through its pidfd, ours and adopted alike. It outlives a forgotten child: somebody must reap it.
 */
struct child_watch {
	uv_poll_t poll;
	struct child *child; /* NULL: forgotten */
	int pidfd;
	pid_t pid;
	bool own;
	struct child_watch *next; /* among the forgotten */
};

struct child {
	struct child_watch *watch; /* NULL: has ended */
	uv_loop_t *loop;
	struct child_identity id;
	struct timer *kill_timer;
	child_exit_fn *fn;
	void *arg;
};

/* Keeps the forgotten reachable for leak checkers; loop thread only, as all here. */
static struct child_watch *forgotten;

static void watch_closed(uv_handle_t *handle)
{
	free(((uv_poll_t *)handle)->data);
}

static void watch_end(struct child_watch *w)
{
	for (struct child_watch **p = &forgotten; *p; p = &(*p)->next) {
		if (*p == w) {
			*p = w->next;
			break;
		}
	}
	bool drained = uv_is_closing((uv_handle_t *)&w->poll);
	if (!drained)
		uv_close((uv_handle_t *)&w->poll, watch_closed);
	close(w->pidfd);
	if (drained)
		free(w);
}

static int64_t ran_ms(struct child_identity id)
{
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	int64_t ticks_per_s = sysconf(_SC_CLK_TCK);
	int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	int64_t started_ms = (int64_t)id.start_time * 1000 / ticks_per_s;
	return now_ms > started_ms ? now_ms - started_ms : 0;
}

static void watch_ready(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	struct child_watch *w = poll->data;
	struct child *c = w->child;
	struct child_exit ex = {0};
	/* Before reaping: the dead leader still holds its number, so the group is surely ours. A master that crashed
	 * leaves workers that hold its ports. */
	kill(-w->pid, SIGKILL);
	if (w->own)
		child_reap(w->pidfd, &ex);
	watch_end(w);
	if (!c)
		return;
	c->watch = NULL;
	mem_free(c->kill_timer);
	c->kill_timer = NULL;
	ex.ran_ms = ran_ms(c->id);
	if (c->fn)
		c->fn(&ex, c->arg);
}

static int child_destroy(struct child *c)
{
	struct child_watch *w = c->watch;
	if (!w)
		return 0;
	w->child = NULL;
	if (!w->own || uv_is_closing((uv_handle_t *)&w->poll)) {
		watch_end(w);
		return 0;
	}
	uv_unref((uv_handle_t *)&w->poll);
	w->next = forgotten;
	forgotten = w;
	return 0;
}

static struct child *child_watch(const void *ctx, uv_loop_t *loop, struct child_identity id, int pidfd, bool own,
				 child_exit_fn *fn, void *arg)
{
	struct child *c = mem_new(ctx, struct child);
	struct child_watch *w = calloc(1, sizeof *w);
	if (!w)
		abort();
	c->loop = loop;
	c->id = id;
	c->fn = fn;
	c->arg = arg;
	c->watch = w;
	w->child = c;
	w->pidfd = pidfd;
	w->pid = id.pid;
	w->own = own;
	w->poll.data = w;
	int r = uv_poll_init(loop, &w->poll, pidfd);
	if (r == 0)
		r = uv_poll_start(&w->poll, UV_READABLE, watch_ready);
	assert(r == 0);
	(void)r;
	talloc_set_destructor(c, child_destroy);
	return c;
}

struct error *child_start(const void *ctx, uv_loop_t *loop, const struct child_spec *spec, child_exit_fn *fn, void *arg,
			  struct child **ret_child)
{
	struct child_identity id = {0};
	int pidfd = -1;
	TRY(child_spawn(spec, &id.pid, &pidfd));
	/* Not reaped yet, so it is there even if it has ended already. */
	struct process_stat stat;
	struct error *e = process_stat_read(id.pid, &stat);
	if (e) {
		child_kill_group(id.pid, SIGKILL);
		struct child_exit ex;
		child_reap(pidfd, &ex);
		close(pidfd);
		return error_wrap(e, "%s", spec->argv[0]);
	}
	id.start_time = stat.start_time;
	*ret_child = child_watch(ctx, loop, id, pidfd, true, fn, arg);
	return NULL;
}

struct error *child_adopt(const void *ctx, uv_loop_t *loop, struct child_identity id, child_exit_fn *fn, void *arg,
			  struct child **ret_child)
{
	if (id.pid <= 1)
		return error_new(ERROR_NOT_FOUND, "process %d: cannot be a child", (int)id.pid);
	/* First the pidfd, then the check: what the check approves is what the pidfd holds. */
	int pidfd = pidfd_open(id.pid, 0);
	if (pidfd < 0 && errno == ESRCH)
		return error_new(ERROR_NOT_FOUND, "process %d: is gone", (int)id.pid);
	if (pidfd < 0)
		return error_sys(errno, "process %d: cannot watch it", (int)id.pid);
	struct process_stat stat;
	struct error *e = process_stat_read(id.pid, &stat);
	if (!e && (stat.ended || stat.start_time != id.start_time))
		e = error_new(ERROR_NOT_FOUND, "process %d: %s", (int)id.pid,
			      stat.ended ? "has ended" : "is another one now");
	if (e) {
		close(pidfd);
		return e;
	}
	*ret_child = child_watch(ctx, loop, id, pidfd, child_is_ours(pidfd), fn, arg);
	return NULL;
}

struct child_identity child_identity(const struct child *c)
{
	return c->id;
}

bool child_alive(const struct child *c)
{
	return c->watch != NULL;
}

void child_signal(struct child *c, int signum)
{
	if (c->watch)
		pidfd_send_signal(c->watch->pidfd, signum, NULL, 0);
}

static void grace_over(void *arg)
{
	struct child *c = arg;
	if (c->watch)
		child_kill_group(c->id.pid, SIGKILL);
}

void child_stop(struct child *c, int signum, int64_t grace_ms)
{
	if (!c->watch)
		return;
	child_kill_group(c->id.pid, signum);
	if (signum == SIGKILL)
		return;
	if (!c->kill_timer)
		c->kill_timer = timer_start(c, c->loop, grace_ms, 0, grace_over, c);
	else
		timer_again(c->kill_timer, grace_ms, 0);
}
