#include <assert.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/process.h"
#include "node/runtime/runtime_process_unit.h"

#define LOG_CHECK_MS 5000

static void check_logs(void *arg)
{
	struct runtime_process *self = arg;
	for (struct runtime_process_unit *u = self->units; u; u = u->next) {
		struct error *e = u->log_path ? runtime_process_log_bound(u->log_path, u->log_limit) : NULL;
		if (e)
			log_warn("unit.log", "node=%s unit=%s error=%s", self->node_id, u->name, log_q(e->message));
		error_free(e);
	}
}

static void unit_leave(struct runtime_process_unit *u)
{
	if (!u->self)
		return;
	for (struct runtime_process_unit **p = &u->self->units; *p; p = &(*p)->next) {
		if (*p == u) {
			*p = u->next;
			break;
		}
	}
	if (!u->self->units) {
		mem_free(u->self->log_timer);
		u->self->log_timer = NULL;
	}
}

static void unit_enter(struct runtime_process *self, struct runtime_process_unit *u)
{
	u->self = self;
	u->next = self->units;
	self->units = u;
	if (!self->log_timer)
		self->log_timer = timer_start(self, self->loop, LOG_CHECK_MS, LOG_CHECK_MS, check_logs, self);
}

static int unit_destroy(struct runtime_process_unit *u)
{
	unit_leave(u);
	if (u->sweep) {
		/* Nobody hears of its end any more: the sweep watches it by its record. */
		runtime_process_sweep_unwatched(u->sweep, u->name);
	}
	error_free(u->failure);
	return 0;
}

static struct runtime_process_unit *unit_new(const void *ctx, const struct runtime_unit_spec *spec)
{
	struct runtime_process_unit *u = mem_new(ctx, struct runtime_process_unit);
	u->name = mem_strdup(u, spec->name);
	u->fingerprint = mem_strdup(u, spec->fingerprint);
	u->log_path = spec->log_path ? mem_strdup(u, spec->log_path) : NULL;
	u->log_limit = spec->log_limit > 0 ? spec->log_limit : INT64_MAX;
	u->main = spec->main;
	u->progress_path = spec->progress_path ? mem_strdup(u, spec->progress_path) : NULL;
	size_t count = 0;
	while (spec->argv[count])
		count++;
	u->argv = mem_array(u, char *, count + 1);
	for (size_t i = 0; i < count; i++)
		u->argv[i] = mem_strdup(u->argv, spec->argv[i]);
	talloc_set_destructor(u, unit_destroy);
	return u;
}

static uint64_t oom_kills(const struct runtime_process_unit *u)
{
	return cgroup_unit_oom_kills(u->self->options.cgroup, u->self->node_id, u->name);
}

void runtime_process_unit_end_group(const struct runtime_process *self, const char *name,
				    const struct runtime_process_unit *ended)
{
	for (const struct runtime_process_unit *u = self->units; u; u = u->next)
		if (u != ended && u->phase != RUNTIME_PROCESS_OVER && strcmp(u->name, name) == 0)
			return;
	cgroup_unit_end(self->options.cgroup, self->node_id, name);
}

/* `done`, at the next turn of the loop after it is known how the start went. */
static void unit_tell(void *arg)
{
	struct runtime_process_unit *u = arg;
	if (u->phase != RUNTIME_PROCESS_TELLING)
		return;
	u->phase = u->child ? RUNTIME_PROCESS_RUNNING : RUNTIME_PROCESS_OVER;
	struct error *e = u->failure;
	u->failure = NULL;
	u->done(e, u->arg);
}

static void tell_soon(struct runtime_process_unit *u)
{
	u->phase = RUNTIME_PROCESS_TELLING;
	timer_start(u, u->self->loop, 0, 0, unit_tell, u);
}

static void unit_ended(const struct child_exit *ex, void *arg)
{
	struct runtime_process_unit *u = arg;
	runtime_process_record_forget(u->self, u->name, child_identity(u->child));
	/* Its end, and not that of a process of its own some time ago. */
	u->out_of_memory = (!ex->known || ex->signal == SIGKILL) && oom_kills(u) > u->oom_kills;
	runtime_process_unit_end_group(u->self, u->name, u);
	runtime_exit_fn *exited = u->exited;
	void *exited_arg = u->arg;
	u->phase = RUNTIME_PROCESS_OVER;
	if (u->sweep) {
		runtime_process_sweep_ended(u->sweep);
		u->sweep = NULL;
	}
	/* Last: it may free the unit. */
	exited(ex, exited_arg);
}

static struct error *note_unit(struct child_identity id, void *arg)
{
	struct runtime_process_unit *u = arg;
	return runtime_process_record_write(u->self, u->name, id, u->fingerprint);
}

static struct error *launch(struct runtime_process_unit *u)
{
	struct runtime_process *self = u->self;
	int log_fd = -1, progress_fd = -1, group_fd = 0;
	struct error *e = runtime_process_group_make(self, u->name, u->main, &group_fd);
	if (!e)
		u->oom_kills = oom_kills(u);
	if (!e && u->log_path)
		e = runtime_process_log_open(u->log_path, false, &log_fd);
	if (!e && u->progress_path)
		e = runtime_process_log_open(u->progress_path, true, &progress_fd);
	if (!e) {
		const struct child_spec spec = {
			.argv = (const char *const *)u->argv,
			.env = (const char *const *)runtime_process_environment(u, self),
			.folder = self->folder,
			.set_user = self->options.set_user,
			.uid = self->options.uid,
			.gid = self->options.gid,
			.account = self->options.account,
			.limits = &self->limits,
			.stdin_fd = -1,
			.stdout_fd = log_fd,
			.stderr_fd = log_fd,
			.extra_fd = progress_fd,
			.group_fd = group_fd,
			.prepare = note_unit,
			.prepare_arg = u,
		};
		e = child_start(u, self->loop, &spec, unit_ended, u, &u->child);
		mem_free((void *)spec.env);
		if (e)
			runtime_process_record_remove(self, u->name);
	}
	if (log_fd >= 0)
		close(log_fd);
	if (progress_fd >= 0)
		close(progress_fd);
	if (group_fd > 0)
		close(group_fd);
	if (e)
		runtime_process_unit_end_group(self, u->name, u);
	return e;
}

/* Nothing of an earlier agent is in the way (any more). */
static void unit_launch(void *arg)
{
	struct runtime_process_unit *u = arg;
	if (!u->self)
		return;
	if (u->cancelled)
		u->failure = error_new(ERROR_REFUSED, "%s: stopped before it was started", u->name);
	else
		u->failure = launch(u);
	if (u->failure)
		log_warn("unit.start", "node=%s unit=%s error=%s", u->self->node_id, u->name,
			 log_q(u->failure->message));
	else
		log_info("unit.started", "node=%s unit=%s pid=%d", u->self->node_id, u->name,
			 (int)child_identity(u->child).pid);
	tell_soon(u);
}

/* Take over what an earlier agent started; ERROR_NOT_FOUND: it does not run, or is another. */
static struct error *unit_adopt(struct runtime_process_unit *u, const struct runtime_process_record *record)
{
	if (strcmp(record->fingerprint, u->fingerprint) != 0)
		return error_new(ERROR_NOT_FOUND, "%s: another runs", u->name);
	TRY(child_adopt(u, u->self->loop, record->id, unit_ended, u, &u->child));
	runtime_process_group_adopt(u->self, u->name, u->main, record->id);
	u->oom_kills = oom_kills(u);
	log_info("unit.adopted", "node=%s unit=%s pid=%d", u->self->node_id, u->name, (int)record->id.pid);
	tell_soon(u);
	return NULL;
}

static void process_start(void *self_, const void *ctx, const struct runtime_unit_spec *spec, runtime_done_fn *done,
			  runtime_exit_fn *exited, void *arg, void **ret_unit)
{
	struct runtime_process *self = self_;
	struct runtime_process_unit *u = unit_new(ctx, spec);
	u->done = done;
	u->exited = exited;
	u->arg = arg;
	unit_enter(self, u);
	*ret_unit = u;
	struct runtime_process_record *record = NULL;
	struct error *e = runtime_process_record_read(u, self, u->name, &record);
	if (!e)
		e = unit_adopt(u, record);
	if (e && e->code != ERROR_NOT_FOUND) {
		/* It may run: a second one beside it would be worse than none for now. */
		log_warn("unit.start", "node=%s unit=%s error=%s", self->node_id, u->name, log_q(e->message));
		u->failure = e;
		tell_soon(u);
	} else if (e && !record) {
		error_free(e);
		unit_launch(u);
	} else if (e) {
		error_free(e);
		u->phase = RUNTIME_PROCESS_REPLACING;
		runtime_process_end(u, self, record->id, unit_launch, u);
	}
	mem_free(record);
}

static void process_signal(void *self, void *unit, int signum)
{
	(void)self;
	struct runtime_process_unit *u = unit;
	if (u->child)
		child_signal(u->child, signum);
}

struct listing {
	struct runtime_process_unit *unit;
	runtime_list_fn *fn;
	void *arg;
};

static void list_children(void *arg)
{
	struct listing *l = arg;
	struct runtime_child *list = NULL;
	pid_t *pids = NULL;
	size_t count = 0;
	struct error *e = NULL;
	talloc_steal(NULL, l); /* `fn` may free the unit */
	if (l->unit->child && child_alive(l->unit->child))
		e = process_children(l, child_identity(l->unit->child).pid, &pids, &count);
	else
		e = error_new(ERROR_NOT_FOUND, "%s: does not run", l->unit->name);
	if (!e) {
		list = mem_array(l, struct runtime_child, count + 1);
		for (size_t i = 0; i < count; i++)
			list[i] = (struct runtime_child){.pid = pids[i], .title = process_title(list, pids[i])};
	}
	l->fn(e, list, count, l->arg);
	mem_free(l);
}

static void process_list(void *self_, void *unit, runtime_list_fn *fn, void *arg)
{
	struct runtime_process *self = self_;
	struct listing *l = mem_new(unit, struct listing);
	l->unit = unit;
	l->fn = fn;
	l->arg = arg;
	timer_start(l, self->loop, 0, 0, list_children, l);
}

void runtime_process_unit_stop(void *self, void *unit, int signum, int64_t grace_ms)
{
	(void)self;
	struct runtime_process_unit *u = unit;
	u->cancelled = true;
	if (u->child)
		child_stop(u->child, signum, grace_ms);
}

static pid_t process_pid(void *self, void *unit)
{
	const struct runtime_process_unit *u = unit;

	(void)self;
	return u->child ? child_identity(u->child).pid : 0;
}

static char *process_bound_hit(void *self_, void *unit, const void *ctx)
{
	const struct runtime_process *self = self_;
	const struct runtime_process_unit *u = unit;
	if (!u->out_of_memory)
		return NULL;
	return mem_printf(
		ctx,
		"ended by its memory limit of %lld MiB; if it needs more: spec.containers.memory of its node, or --unit-memory of the agent",
		(long long)(self->group_limits.memory_bytes >> 20));
}

static const char *process_path(void *self)
{
	return ((struct runtime_process *)self)->folder;
}

static char *process_progress_url(void *self, const void *ctx, const char *progress_path)
{
	(void)self;
	(void)progress_path;
	return mem_strdup(ctx, "pipe:3");
}

static int process_destroy(struct runtime_process *self)
{
	/* Units are their owners': they stay as objects without a process, and the processes live on. */
	for (struct runtime_process_unit *u = self->units, *next; u; u = next) {
		next = u->next;
		mem_free(u->child);
		u->child = NULL;
		u->sweep = NULL;
		u->self = NULL;
		u->phase = RUNTIME_PROCESS_OVER;
	}
	self->units = NULL;
	return 0;
}

static struct error *process_open(const void *ctx, uv_loop_t *loop, const struct runtime_options *options,
				  const struct runtime_node *node, void **ret_self)
{
	struct runtime_process *self = mem_new(ctx, struct runtime_process);
	self->loop = loop;
	self->options = *options;
	self->options.docker_socket = NULL;
	self->options.account = options->account ? mem_strdup(self, options->account) : NULL;
	/* RLIMIT_NPROC counts all of a user: it says something of a node only where the user is the node's. */
	self->limits.processes = options->own_user ? options->tasks * PROCESS_NODE_UNITS : 0;
	self->limits.file_bytes = PROCESS_FILE_BYTES;
	self->group_limits.tasks = options->tasks;
	self->group_limits.memory_bytes = node->memory_bytes ? node->memory_bytes : options->memory_bytes;
	self->node_id = mem_strdup(self, node->node_id);
	self->folder = mem_strdup(self, node->folder);
	self->records = file_join(self, node->folder, "agent");
	struct error *e = file_read(self, "/proc/sys/kernel/random/boot_id", 128, &self->boot_id, NULL);
	if (!e && self->options.set_user)
		e = runtime_process_check_way(self, &self->options, self->folder);
	if (e) {
		mem_free(self);
		return e;
	}
	char real[PATH_MAX];
	self->real_folder = mem_strdup(self, realpath(self->folder, real) ? real : self->folder);
	self->boot_id[strcspn(self->boot_id, "\n")] = '\0';
	e = runtime_process_records_move(self);
	if (e) {
		mem_free(self);
		return e;
	}
	talloc_set_destructor(self, process_destroy);
	*ret_self = self;
	return NULL;
}

const struct runtime_ops runtime_process = {
	.name = "process",
	.open = process_open,
	.path = process_path,
	.start = process_start,
	.signal = process_signal,
	.list = process_list,
	.pid = process_pid,
	.bound_hit = process_bound_hit,
	.stop = runtime_process_unit_stop,
	.sweep = runtime_process_sweep_run,
	.run = runtime_process_run,
	.purge = runtime_process_purge,
	.progress_url = process_progress_url,
};
