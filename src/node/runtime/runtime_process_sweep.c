/* The end of units that nobody wants any more: those of this agent, and what an earlier one has left. */
#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "node/runtime/runtime_process_unit.h"

struct runtime_process_sweep {
	struct runtime_process *self;
	size_t left;
	runtime_done_fn *done;
	void *arg;
};

static void sweep_one_less(void *arg)
{
	struct runtime_process_sweep *s = arg;
	if (--s->left > 0)
		return;
	runtime_done_fn *done = s->done;
	void *done_arg = s->arg;
	mem_free(s);
	done(NULL, done_arg);
}

static bool is_kept(const char *name, const char *const *keep)
{
	for (; keep && *keep; keep++)
		if (strcmp(name, *keep) == 0)
			return true;
	return false;
}

static struct runtime_process_unit *find_unit(const struct runtime_process *self, const char *name)
{
	for (struct runtime_process_unit *u = self->units; u; u = u->next)
		if (u->phase != RUNTIME_PROCESS_OVER && strcmp(u->name, name) == 0)
			return u;
	return NULL;
}

struct swept {
	struct runtime_process_sweep *sweep;
	char *name;
};

static void swept_gone(void *arg)
{
	struct swept *s = arg;
	runtime_process_record_remove(s->sweep->self, s->name);
	runtime_process_unit_end_group(s->sweep->self, s->name, NULL);
	sweep_one_less(s->sweep);
}

static void sweep_left_over(struct runtime_process_sweep *sweep, const char *name)
{
	struct runtime_process_record *record = NULL;
	struct error *e = runtime_process_record_read(sweep, sweep->self, name, &record);
	if (e && runtime_process_record_withheld(e))
		log_warn("unit.sweep", "node=%s unit=%s error=%s", sweep->self->node_id, name, log_q(e->message));
	else if (e)
		runtime_process_record_remove(sweep->self, name);
	error_free(e);
	if (!record)
		return;
	log_info("unit.swept", "node=%s unit=%s pid=%d", sweep->self->node_id, name, (int)record->id.pid);
	struct swept *s = mem_new(sweep, struct swept);
	s->sweep = sweep;
	s->name = mem_strdup(s, name);
	sweep->left++;
	runtime_process_end(s, sweep->self, record->id, swept_gone, s);
}

void runtime_process_sweep_ended(struct runtime_process_sweep *sweep)
{
	timer_start(sweep, sweep->self->loop, 0, 0, sweep_one_less, sweep);
}

void runtime_process_sweep_unwatched(struct runtime_process_sweep *sweep, const char *name)
{
	sweep_left_over(sweep, name);
	runtime_process_sweep_ended(sweep);
}

static void sweep_name(struct runtime_process_sweep *sweep, const char *name)
{
	struct runtime_process_unit *u = find_unit(sweep->self, name);
	if (!u) {
		sweep_left_over(sweep, name);
		return;
	}
	runtime_process_unit_stop(sweep->self, u, SIGTERM, 3000);
	if (u->child && child_alive(u->child) && !u->sweep) {
		u->sweep = sweep;
		sweep->left++;
	}
}

struct groups_wanted {
	const struct runtime_process *self;
	const char *const *keep, *const *ending;
};

/* Groups of other nodes are theirs; those of units that are being ended go with them. */
static bool is_wanted(const char *node_id, const char *unit, void *arg)
{
	const struct groups_wanted *w = arg;
	if (strcmp(node_id, w->self->node_id) != 0 || is_kept(unit, w->keep) || find_unit(w->self, unit))
		return true;
	struct runtime_process_record *record = NULL;
	struct error *e = is_kept(unit, w->ending) ? runtime_process_record_read(NULL, w->self, unit, &record) : NULL;
	bool wanted = record || (e && runtime_process_record_withheld(e));
	error_free(e);
	mem_free(record);
	return wanted;
}

void runtime_process_sweep_run(void *self_, const char *const *keep, runtime_done_fn *done, void *arg)
{
	struct runtime_process *self = self_;
	struct runtime_process_sweep *sweep = mem_new(self, struct runtime_process_sweep);
	sweep->self = self;
	sweep->done = done;
	sweep->arg = arg;
	sweep->left = 1;
	char **names = NULL;
	struct error *e = runtime_process_record_list(sweep, self, &names);
	if (e) {
		log_warn("unit.sweep", "node=%s error=%s", self->node_id, log_q(e->message));
		error_free(e);
	}
	for (char **name = names; name && *name; name++)
		if (!is_kept(*name, keep))
			sweep_name(sweep, *name);
	struct groups_wanted wanted = {.self = self, .keep = keep, .ending = (const char *const *)names};
	cgroup_sweep(self->options.cgroup, is_wanted, &wanted);
	/* The one that `left` started with: `done` never comes from within this call. */
	timer_start(sweep, self->loop, 0, 0, sweep_one_less, sweep);
}

void runtime_process_purge(void *self, runtime_done_fn *done, void *arg)
{
	static const char *const none[] = {NULL};
	runtime_process_sweep_run(self, none, done, arg);
}
