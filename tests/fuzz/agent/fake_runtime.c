#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/mem.h"
#include "world.h"

#define FIRST_PID 100000

struct machine machine;

struct fake_node {
	uv_loop_t *loop;
	char *id, *folder;
	uid_t uid;
	int port;     /* that a classic node's nginx listens on; 0: not classic */
	pid_t worker; /* of its nginx */
};

struct fake_unit;

/* A program that runs, whether or not an agent looks. */
struct program {
	struct program *next;
	char *node_id, *folder, *name, *fingerprint;
	int control, rtmp;      /* where nginx listens; -1: nowhere */
	struct fake_unit *unit; /* NULL: nobody looks */
};

struct fake_unit {
	struct fake_node *node;
	struct program *program; /* NULL: it does not run */
	bool adopted, failed, ending;
	struct child_exit exit;
	runtime_done_fn *done;
	runtime_exit_fn *exited;
	void *arg;
	struct timer *timer;
};

static struct program *programs;
static void *outside; /* what owns them: no agent */

/* --- programs --- */

static void program_free(struct program *p)
{
	struct program **at = &programs;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	if (p->control >= 0)
		close(p->control);
	if (p->rtmp >= 0)
		close(p->rtmp);
	mem_free(p);
}

void machine_reset(void)
{
	if (!outside)
		outside = mem_strdup(NULL, "programs");
	while (programs) {
		must(!programs->unit);
		program_free(programs);
	}
	machine = (struct machine){0};
}

static struct program *find(const char *node_id, const char *name)
{
	struct program *p = programs;

	while (p && (strcmp(p->node_id, node_id) != 0 || strcmp(p->name, name) != 0))
		p = p->next;
	return p;
}

static struct program *nth(size_t n)
{
	struct program *p = programs;

	for (; p && n; n--)
		p = p->next;
	return p;
}

size_t machine_count(const char *node_id, const char *name)
{
	size_t count = 0;

	for (struct program *p = programs; p; p = p->next)
		count += !strcmp(p->node_id, node_id) && (!name || !strcmp(p->name, name));
	return count;
}

bool machine_name(size_t n, const char **ret_folder, const char **ret_name)
{
	struct program *p = nth(n);

	if (!p)
		return false;
	*ret_folder = p->folder;
	*ret_name = p->name;
	return true;
}

/* --- units --- */

static void on_exited(void *arg)
{
	struct fake_unit *u = arg;

	mem_free(u->timer);
	u->timer = NULL;
	program_free(u->program);
	u->program = NULL;
	u->exited(&u->exit, u->arg);
}

/* Code below 0: by that signal. */
static void end_soon(struct fake_unit *u, int code, int64_t delay_ms)
{
	if (!u->program || (u->timer && !u->ending))
		return;
	u->ending = true;
	u->exit =
		(struct child_exit){.known = !u->adopted, .code = code < 0 ? 0 : code, .signal = code < 0 ? -code : 0};
	mem_free(u->timer);
	u->timer = timer_start(u, u->node->loop, delay_ms, 0, on_exited, u);
}

bool machine_end(size_t n, int code)
{
	struct program *p = nth(n);

	if (!p)
		return false;
	if (p->unit)
		end_soon(p->unit, code, 0);
	else
		program_free(p);
	return true;
}

static int unit_destroy(struct fake_unit *u)
{
	if (u->program && u->ending)
		program_free(u->program);
	else if (u->program)
		u->program->unit = NULL;
	return 0;
}

static void on_told(void *arg)
{
	struct fake_unit *u = arg;

	mem_free(u->timer);
	u->timer = NULL;
	u->done(u->failed ? error_new(ERROR_FAILED, "no such program") : NULL, u->arg);
}

static struct program *program_new(const struct fake_node *n, const struct runtime_unit_spec *spec)
{
	struct program *p = mem_new(outside, struct program);

	p->node_id = mem_strdup(p, n->id);
	p->folder = mem_strdup(p, n->folder);
	p->name = mem_strdup(p, spec->name);
	p->fingerprint = mem_strdup(p, spec->fingerprint);
	p->control = spec->main ? nginx_listen(n->folder, n->uid) : -1;
	p->rtmp = spec->main && n->port ? nginx_listen_port(n->port) : -1;
	p->next = programs;
	programs = p;
	return p;
}

static void fake_start(void *self, const void *ctx, const struct runtime_unit_spec *spec, runtime_done_fn *done,
		       runtime_exit_fn *exited, void *arg, void **ret_unit)
{
	struct fake_node *n = self;
	struct program *p = find(n->id, spec->name);
	struct fake_unit *u = mem_new(ctx, struct fake_unit);

	must(!p || !p->unit);
	must(spec->argv[0] && *spec->argv[0] && strlen(spec->fingerprint) <= 64);
	u->node = n;
	u->done = done;
	u->exited = exited;
	u->arg = arg;
	u->adopted = p && !strcmp(p->fingerprint, spec->fingerprint);
	if (p && !u->adopted)
		program_free(p);
	u->failed = !u->adopted && machine.start_fails;
	if (!u->failed) {
		u->program = u->adopted ? p : program_new(n, spec);
		u->program->unit = u;
	}
	u->timer = timer_start(u, n->loop, 1, 0, on_told, u);
	talloc_set_destructor(u, unit_destroy);
	*ret_unit = u;
}

static void fake_signal(void *self, void *unit, int signum)
{
	struct fake_node *n = self;

	if (signum == SIGKILL)
		end_soon(unit, -SIGKILL, 0);
	else if (signum == SIGHUP)
		n->worker++;
}

static void fake_stop(void *self, void *unit, int signum, int64_t grace_ms)
{
	(void)self;
	end_soon(unit, machine.stubborn ? -SIGKILL : -signum, machine.stubborn ? grace_ms : 1);
}

/* --- the rest --- */

struct later {
	struct timer *timer;
	runtime_done_fn *done;
	runtime_list_fn *list;
	child_run_fn *run;
	pid_t worker;
	void *arg;
};

static void on_later(void *arg)
{
	struct later *l = talloc_steal(NULL, (struct later *)arg);
	const struct runtime_child worker = {l->worker, "nginx: worker process"};
	const struct child_result result = {.code = machine.run_fails, .out = "", .err = "refused"};

	if (l->done)
		l->done(NULL, l->arg);
	if (l->list)
		l->list(NULL, &worker, 1, l->arg);
	if (l->run)
		l->run(&result, l->arg);
	mem_free(l);
}

static struct later *later(const void *ctx, struct fake_node *n, void *arg)
{
	struct later *l = mem_new(ctx, struct later);

	l->arg = arg;
	l->worker = n->worker;
	l->timer = timer_start(l, n->loop, 1, 0, on_later, l);
	return l;
}

static void fake_list(void *self, void *unit, runtime_list_fn *fn, void *arg)
{
	later(unit, self, arg)->list = fn;
}

static void fake_run(void *self, const char *const *argv, int64_t deadline_ms, child_run_fn *fn, void *arg)
{
	must(argv[0] && deadline_ms > 0);
	later(self, self, arg)->run = fn;
}

/* In the place of base/child_run.c: no program of the machine is asked. */
struct error *child_run(const void *ctx, uv_loop_t *loop, const struct child_spec *spec, int64_t deadline_ms,
			size_t out_limit, child_run_fn *fn, void *arg)
{
	struct fake_node n = {.loop = loop};

	must(spec->argv[0] && deadline_ms > 0 && out_limit);
	later(ctx, &n, arg)->run = fn;
	return NULL;
}

static bool kept(const char *const *keep, const char *name)
{
	for (; *keep; keep++) {
		if (!strcmp(*keep, name))
			return true;
	}
	return false;
}

static void end_all(const struct fake_node *n, const char *const *keep)
{
	for (struct program *p = programs, *next; p; p = next) {
		next = p->next;
		if (!strcmp(p->node_id, n->id) && !p->unit && !kept(keep, p->name))
			program_free(p);
	}
}

static void fake_sweep(void *self, const char *const *keep, runtime_done_fn *done, void *arg)
{
	end_all(self, keep);
	later(self, self, arg)->done = done;
}

static void fake_purge(void *self, runtime_done_fn *done, void *arg)
{
	static const char *const none[] = {NULL};

	end_all(self, none);
	later(self, self, arg)->done = done;
}

static struct error *fake_open(const void *ctx, uv_loop_t *loop, const struct runtime_options *options,
			       const struct runtime_node *node, void **ret_self)
{
	struct fake_node *n = mem_new(ctx, struct fake_node);

	n->loop = loop;
	n->id = mem_strdup(n, node->node_id);
	n->folder = mem_strdup(n, node->folder);
	n->uid = options->set_user ? options->uid : geteuid();
	n->worker = FIRST_PID;
	n->port = node->mounts && node->mounts[0] ? node->ports[0].host_port : 0;
	*ret_self = n;
	return NULL;
}

static const char *fake_path(void *self)
{
	return ((struct fake_node *)self)->folder;
}

static char *fake_progress_url(void *self, const void *ctx, const char *progress_path)
{
	(void)self;
	return mem_printf(ctx, "file:%s", progress_path);
}

#define FAKE(title)                                                                                              \
	{                                                                                                        \
		.name = title, .open = fake_open, .path = fake_path, .start = fake_start, .signal = fake_signal, \
		.list = fake_list, .stop = fake_stop, .sweep = fake_sweep, .run = fake_run, .purge = fake_purge, \
		.progress_url = fake_progress_url                                                                \
	}

const struct runtime_ops runtime_process = FAKE("process");
const struct runtime_ops runtime_docker = FAKE("docker");
