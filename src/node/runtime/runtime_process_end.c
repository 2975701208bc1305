#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"
#include "node/runtime/runtime_process.h"

/* For a unit nobody wants any more: nginx and ffmpeg need less to close their files. */
#define GRACE_MS 3000
#define LOOK_AGAIN_MS 1000

struct end {
	const struct runtime_process *self;
	struct child_identity id;
	size_t left;
	process_gone_fn *fn;
	void *arg;
};

static void look_again(void *arg);

static void one_less(struct end *end)
{
	if (--end->left > 0)
		return;
	process_gone_fn *fn = end->fn;
	void *arg = end->arg;
	mem_free(end);
	fn(arg);
}

static void one_gone(const struct child_exit *ex, void *arg)
{
	(void)ex;
	one_less(arg);
}

static void round_over(void *arg)
{
	one_less(arg);
}

/* ERROR_NOT_FOUND: it is gone. */
static struct error *watch(struct end *end, struct child_identity id, struct child **ret_child)
{
	TRY(child_adopt(end, end->self->loop, id, one_gone, end, ret_child));
	end->left++;
	return NULL;
}

/* The session number is that of its first process, which cannot be given to another while a member lives; and what is
 * of the node's user, or works in its folder, is the node's. */
struct error *runtime_process_left_over(const struct runtime_process *self, pid_t pid, pid_t session,
					struct child_identity *ret_id)
{
	struct process_stat stat;
	TRY(process_stat_read(pid, &stat));
	*ret_id = (struct child_identity){.pid = pid, .start_time = stat.start_time};
	/* Where it works is its own choice, its user is not. */
	if (!stat.ended && stat.session == session &&
	    (self->options.own_user ? runtime_process_is_users(pid, self->options.uid)
				    : runtime_process_works_here(self, pid)))
		return NULL;
	return error_new(ERROR_NOT_FOUND, "process %d: is none of session %d", (int)pid, (int)session);
}

static struct error *end_left_over(struct end *end, pid_t pid)
{
	struct child_identity id;
	struct child *c = NULL;
	struct error *e = runtime_process_left_over(end->self, pid, end->id.pid, &id);
	if (!e)
		e = watch(end, id, &c);
	if (!e)
		child_signal(c, SIGKILL);
	if (!e || e->code != ERROR_NOT_FOUND)
		return e;
	error_free(e);
	return NULL;
}

static struct error *end_left_overs(struct end *end)
{
	DIR *proc = opendir("/proc");
	struct error *e = NULL;
	if (!proc)
		return error_sys(errno, "/proc");
	const struct dirent *entry;
	while (!e && (entry = readdir(proc))) {
		if (isdigit((unsigned char)entry->d_name[0]))
			e = end_left_over(end, (pid_t)strtol(entry->d_name, NULL, 10));
	}
	closedir(proc);
	return e;
}

/* Who cannot look (no descriptor left) does not know that all are gone, and looks again. */
static void look(struct end *end)
{
	struct child *c = NULL;
	struct error *e = watch(end, end->id, &c);
	if (!e) {
		child_stop(c, SIGTERM, GRACE_MS);
	} else if (e->code == ERROR_NOT_FOUND) {
		error_free(e);
		e = end_left_overs(end);
	}
	if (e) {
		log_warn("unit.end", "node=%s pid=%d trying=again error=%s", end->self->node_id, (int)end->id.pid,
			 log_q(e->message));
		error_free(e);
		end->left++;
		timer_start(end, end->self->loop, LOOK_AGAIN_MS, 0, look_again, end);
	}
}

static void look_again(void *arg)
{
	look(arg);
	one_less(arg);
}

void runtime_process_end(const void *ctx, const struct runtime_process *self, struct child_identity id,
			 process_gone_fn *fn, void *arg)
{
	struct end *end = mem_new(ctx, struct end);
	end->self = self;
	end->id = id;
	end->fn = fn;
	end->arg = arg;
	/* At least one round of the loop, so that `fn` never comes from within this call. */
	end->left = 1;
	timer_start(end, self->loop, 0, 0, round_over, end);
	look(end);
}
