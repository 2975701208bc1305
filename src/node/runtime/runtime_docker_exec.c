#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "node/runtime/runtime_docker.h"

#define ERR_BYTES 4096
#define OUT_BYTES ((size_t)4 << 20)
/* What the engine may take beyond the program's own deadline. */
#define MARGIN_MS 10000
#define KILLED 137 /* timeout's code when it had to kill */

struct exec {
	struct docker *d;
	child_run_fn *fn;
	void *arg;
	char *id;
	int64_t deadline_ms, begun_ms;
	struct buf *out, *err;
};

struct error *docker_demux(const char *data, size_t len, struct buf *out, struct buf *err)
{
	while (len) {
		const unsigned char *h = (const unsigned char *)data;

		if (len < 8 || h[0] > 2 || h[1] || h[2] || h[3])
			return error_new(ERROR_INVALID, "malformed frame in a program's output from the Docker engine");
		size_t n = (size_t)h[4] << 24 | (size_t)h[5] << 16 | (size_t)h[6] << 8 | h[7];
		if (n > len - 8)
			return error_new(ERROR_INVALID, "cut frame in a program's output from the Docker engine");
		data += 8;
		if (h[0] == 2) {
			const char *from = data;
			size_t take = n;

			if (take > err->limit) {
				from += take - err->limit;
				take = err->limit;
			}
			if (err->len + take > err->limit)
				buf_consume(err, err->len + take - err->limit);
			TRY(buf_append(err, from, take));
		} else {
			TRY(buf_append(out, data, n));
		}
		data += n;
		len -= 8 + n;
	}
	return NULL;
}

static void finish(struct exec *x, struct error *e, int code)
{
	child_run_fn *fn = x->fn;
	void *arg = x->arg, *keep = mem_strdup(NULL, "");
	struct child_result result = {.error = e, .code = code, .out = "", .err = ""};

	if (x->out->len) {
		result.out = x->out->data;
		result.out_len = x->out->len;
	}
	if (x->err->len)
		result.err = x->err->data;
	talloc_steal(keep, x->out);
	talloc_steal(keep, x->err);
	mem_free(x);
	fn(&result, arg);
	error_free(e);
	mem_free(keep);
}

static void on_inspected(const struct docker_answer *a, void *arg)
{
	struct exec *x = arg;
	int code = (int)json_integer_value(json_object_get(a->json, "ExitCode"));

	if (a->error)
		finish(x, a->error, -1);
	else if (json_is_true(json_object_get(a->json, "Running")))
		finish(x, error_new(ERROR_FAILED, "the Docker engine lost the program's output"), -1);
	else if (code == KILLED && clock_mono_ms() - x->begun_ms >= x->deadline_ms)
		finish(x,
		       error_new(ERROR_TIMEOUT, "program took more than %lld ms and was killed",
				 (long long)x->deadline_ms),
		       code);
	else
		finish(x, NULL, code);
}

static void on_output(const struct docker_answer *a, void *arg)
{
	struct exec *x = arg;
	struct error *e = a->error;

	if (!e)
		e = docker_demux(a->body, a->len, x->out, x->err);
	if (e) {
		finish(x, e, -1);
		return;
	}
	const struct docker_request r = {.method = "GET", .path = mem_printf(NULL, "/exec/%s/json", x->id)};
	docker_call(x, x->d, &r, on_inspected, x);
}

static void on_created(const struct docker_answer *a, void *arg)
{
	struct exec *x = arg;
	const char *id = json_string_value(json_object_get(a->json, "Id"));

	if (a->error || !id) {
		/* 404: no container; 409: it does not run */
		if (!a->error || a->error->code == ERROR_NOT_FOUND || a->error->code == ERROR_EXISTS) {
			error_free(a->error);
			finish(x, error_new(ERROR_UNAVAILABLE, "container %s does not run", x->d->main_name), -1);
		} else {
			finish(x, a->error, -1);
		}
		return;
	}
	x->id = mem_strdup(x, id);
	const struct docker_request r = {.method = "POST",
					 .path = mem_printf(NULL, "/exec/%s/start", id),
					 .body = json_pack("{s:b,s:b}", "Detach", 0, "Tty", 0),
					 .deadline_ms = x->deadline_ms + MARGIN_MS};
	docker_call(x, x->d, &r, on_output, x);
}

void docker_exec(void *self, const char *const *argv, int64_t deadline_ms, child_run_fn *fn, void *arg)
{
	struct docker *d = self;
	struct exec *x = mem_new(d, struct exec);
	json_t *cmd = json_array();
	uid_t uid;
	gid_t gid;

	x->d = d;
	x->fn = fn;
	x->arg = arg;
	x->deadline_ms = deadline_ms;
	x->begun_ms = clock_mono_ms();
	x->out = buf_new(x, OUT_BYTES);
	x->err = buf_new(x, ERR_BYTES);
	/* The engine cannot end a program that it runs in a container: one inside does. */
	char *seconds = mem_printf(x, "%.3f", (double)deadline_ms / 1000.0);
	const char *const bound[] = {"timeout", "-s", "KILL", seconds};
	for (size_t i = 0; i < sizeof(bound) / sizeof(*bound); i++)
		json_array_append_new(cmd, json_string(bound[i]));
	for (size_t i = 0; argv[i]; i++)
		json_array_append_new(cmd, json_string(argv[i]));
	docker_user(d, &uid, &gid);
	char *user = mem_printf(x, "%lu:%lu", (unsigned long)uid, (unsigned long)gid);
	const struct docker_request r = {
		.method = "POST",
		.path = mem_printf(NULL, "/containers/%s/exec", d->main_name),
		.body = json_pack("{s:b,s:b,s:o,s:s,s:s}", "AttachStdout", 1, "AttachStderr", 1, "Cmd", cmd, "User",
				  user, "WorkingDir", DOCKER_FOLDER),
	};
	docker_call(x, d, &r, on_created, x);
}
