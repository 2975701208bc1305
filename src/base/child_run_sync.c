#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/child.h"
#include "base/child_run.h"
#include "base/child_spawn.h"
#include "base/clock.h"
#include "base/mem.h"

/* How long a helper that outlived the program may keep its output open. */
#define STRAGGLER_MS 1000

struct sync_run {
	struct child_output *output;
	struct child_pipes pipes;
	pid_t pid;
	int pidfd;
	int64_t until_ms;
	struct child_exit exit;
	bool exited;
	const char *name;
};

static struct error *read_one(struct sync_run *r, bool is_stderr, int *fd)
{
	bool end = false;
	struct error *e = child_output_read(r->output, is_stderr, *fd, &end);
	if (end) {
		close(*fd);
		*fd = -1;
	}
	return e;
}

/* One round of waiting; false: the time is over. */
static struct error *wait_round(struct sync_run *r, bool *ret_over)
{
	/* poll(2) passes over negative descriptors. */
	struct pollfd fds[3] = {{.fd = r->pipes.out[0], .events = POLLIN},
				{.fd = r->pipes.err[0], .events = POLLIN},
				{.fd = r->exited ? -1 : r->pidfd, .events = POLLIN}};
	int64_t left = r->until_ms - clock_mono_ms();
	int n = poll(fds, 3, left > 0 ? (int)(left > 60000 ? 60000 : left) : 0);
	*ret_over = n == 0 && left <= 0;
	if (n <= 0)
		return NULL;
	if (fds[0].revents)
		TRY(read_one(r, false, &r->pipes.out[0]));
	if (fds[1].revents)
		TRY(read_one(r, true, &r->pipes.err[0]));
	if (fds[2].revents) {
		kill(-r->pid, SIGKILL);
		r->exited = child_reap(r->pidfd, &r->exit);
		r->until_ms = clock_mono_ms() + STRAGGLER_MS;
	}
	return NULL;
}

static struct error *wait_all(struct sync_run *r, int64_t deadline_ms)
{
	bool over = false;
	while (!over && (!r->exited || r->pipes.out[0] >= 0 || r->pipes.err[0] >= 0))
		TRY(wait_round(r, &over));
	if (!r->exited)
		return error_new(ERROR_TIMEOUT, "%s: not done within %lld ms, ended", r->name, (long long)deadline_ms);
	return NULL;
}

static void end_now(struct sync_run *r)
{
	struct pollfd fd = {.fd = r->pidfd, .events = POLLIN};
	child_kill_group(r->pid, SIGKILL);
	while (poll(&fd, 1, -1) < 0 && errno == EINTR)
		;
	r->exited = child_reap(r->pidfd, &r->exit);
}

static int result_destroy(struct child_result *result)
{
	error_free(result->error);
	return 0;
}

struct child_result *child_run_sync(const void *ctx, const struct child_spec *spec, int64_t deadline_ms,
				    size_t out_limit)
{
	struct child_result *result = mem_new(ctx, struct child_result);
	talloc_set_destructor(result, result_destroy);
	struct sync_run r = {.output = child_output_new(result, out_limit), .pidfd = -1, .name = spec->argv[0]};
	struct child_spec with_pipes = *spec;
	result->error = child_pipes_open(&r.pipes, &with_pipes);
	if (!result->error) {
		r.until_ms = clock_mono_ms() + deadline_ms;
		result->error = child_spawn(&with_pipes, &r.pid, &r.pidfd);
		child_pipes_close_writers(&r.pipes);
	}
	if (r.pidfd >= 0) {
		result->error = wait_all(&r, deadline_ms);
		if (!r.exited)
			end_now(&r);
		close(r.pidfd);
	}
	child_pipes_close_readers(&r.pipes);
	child_output_result(r.output, &r.exit, result);
	return result;
}
