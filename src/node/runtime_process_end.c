#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"
#include "node/runtime_process.h"

/* For a unit nobody wants any more: nginx and ffmpeg need less to close their files. */
#define GRACE_MS 3000

struct end {
	const struct process *self;
	size_t left;
	process_gone_fn *fn;
	void *arg;
};

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

static struct child *watch(struct end *end, struct child_identity id)
{
	struct child *c = NULL;
	struct error *e = child_adopt(end, end->self->loop, id, one_gone, end, &c);
	if (e) {
		error_free(e);
		return NULL;
	}
	end->left++;
	return c;
}

/* The session number is that of its first process, which cannot be given to another while a member lives; and what is
 * of the node's user, or works in its folder, is the node's. */
static bool is_left_over(const struct process *self, pid_t pid, pid_t session, struct child_identity *ret_id)
{
	struct process_stat stat;
	struct error *e = process_stat_read(pid, &stat);
	if (e) {
		error_free(e);
		return false;
	}
	if (stat.ended || stat.session != session)
		return false;
	*ret_id = (struct child_identity){.pid = pid, .start_time = stat.start_time};
	/* Where it works is its own choice, its user is not. */
	if (self->options.own_user)
		return process_is_users(pid, self->options.uid);
	return process_works_here(self, pid);
}

static void end_left_overs(struct end *end, pid_t session)
{
	DIR *proc = opendir("/proc");
	if (!proc)
		return;
	const struct dirent *entry;
	while ((entry = readdir(proc))) {
		struct child_identity id;
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    !is_left_over(end->self, (pid_t)strtol(entry->d_name, NULL, 10), session, &id))
			continue;
		struct child *c = watch(end, id);
		if (c)
			child_signal(c, SIGKILL);
	}
	closedir(proc);
}

void process_end(const void *ctx, const struct process *self, struct child_identity id, process_gone_fn *fn, void *arg)
{
	struct end *end = mem_new(ctx, struct end);
	end->self = self;
	end->fn = fn;
	end->arg = arg;
	/* At least one round of the loop, so that `fn` never comes from within this call. */
	end->left = 1;
	timer_start(end, self->loop, 0, 0, round_over, end);
	struct child *c = watch(end, id);
	if (c)
		child_stop(c, SIGTERM, GRACE_MS);
	else
		end_left_overs(end, id.pid);
}
