#include "base/loop.h"
#include "base/mem.h"
#include "node/runtime/runtime_process.h"

#define RUN_OUTPUT_LIMIT (256 << 10)

struct run_failure {
	struct error *error;
	child_run_fn *fn;
	void *arg;
};

static int run_failure_destroy(struct run_failure *f)
{
	error_free(f->error);
	return 0;
}

static void run_failed(void *arg)
{
	struct run_failure *f = arg;
	talloc_steal(NULL, f);
	const struct child_result result = {.error = f->error, .code = 127, .out = "", .err = ""};
	f->fn(&result, f->arg);
	mem_free(f);
}

void runtime_process_run(void *self_, const char *const *argv, int64_t deadline_ms, child_run_fn *fn, void *arg)
{
	struct runtime_process *self = self_;
	char **env = runtime_process_environment(self, self);
	const struct child_spec spec = {
		.argv = argv,
		.env = (const char *const *)env,
		.folder = self->folder,
		.set_user = self->options.set_user,
		.uid = self->options.uid,
		.gid = self->options.gid,
		.account = self->options.account,
		.limits = &self->limits,
		.stdin_fd = -1,
		.extra_fd = -1,
	};
	struct error *e = child_run(self, self->loop, &spec, deadline_ms, RUN_OUTPUT_LIMIT, fn, arg);
	mem_free(env);
	if (!e)
		return;
	struct run_failure *f = mem_new(self, struct run_failure);
	f->error = e;
	f->fn = fn;
	f->arg = arg;
	talloc_set_destructor(f, run_failure_destroy);
	timer_start(f, self->loop, 0, 0, run_failed, f);
}
