#include "bench/swarm_proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "devnet/port.h"
#include "http/client.h"

#define SCRIPT_MS 700000
#define SCRIPT_OUTPUT 4096
#define UP_MS 60000
#define END_GRACE_MS 60000
#define TEXT_LIMIT ((size_t)8 << 20)
#define BODY_LIMIT ((size_t)4 << 20)

/* --- any process --- */

static char *proc_text(const void *ctx, pid_t pid, const char *name)
{
	char path[64], *text = NULL;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	error_free(file_read(ctx, path, TEXT_LIMIT, &text, NULL));
	return text;
}

int64_t swarm_proc_resident(pid_t pid)
{
	char *text = pid > 0 ? proc_text(NULL, pid, "statm") : NULL;
	const char *second = text ? strchr(text, ' ') : NULL;
	const int64_t pages = second ? strtoll(second, NULL, 10) : 0;

	mem_free(text);
	return pages * sysconf(_SC_PAGESIZE);
}

/* proc(5): fields 14 and 15, behind the program's name in brackets. */
int64_t swarm_proc_cpu_ms(pid_t pid)
{
	char *text = pid > 0 ? proc_text(NULL, pid, "stat") : NULL, *end;
	const char *at = text ? strrchr(text, ')') : NULL;
	int64_t ticks = 0;

	for (int field = 2; at && field < 14; field++)
		at = strchr(at + 1, ' ');
	if (at) {
		ticks = strtoll(at, &end, 10);
		ticks += strtoll(end, NULL, 10);
	}
	mem_free(text);
	return ticks * 1000 / sysconf(_SC_CLK_TCK);
}

/* --- the broker --- */

static struct error *run_script(const struct swarm_broker *b, const char *command, const char *port, char **ret_out)
{
	const char *argv[] = {b->script, command, b->folder, port, NULL};
	struct child_spec spec = {.argv = argv,
				  .env = (const char *const *)environ,
				  .stdin_fd = -1,
				  .stdout_fd = -1,
				  .stderr_fd = -1,
				  .extra_fd = -1};
	const struct child_result *r = child_run_sync(b->folder, &spec, SCRIPT_MS, SCRIPT_OUTPUT);

	if (r->error)
		return error_wrap(error_copy(r->error), "%s %s", b->script, command);
	if (r->code != 0)
		return error_new(ERROR_FAILED, "%s %s ended with %d: %.600s", b->script, command, r->code, r->err);
	*ret_out = mem_strdup(b->folder, r->out);
	return NULL;
}

struct error *swarm_broker_start(struct swarm_broker *b)
{
	char *port = mem_printf(b->folder, "%d", b->port), *out = mem_strdup(port, "");

	if (!b->script)
		return NULL;
	/* It has the cores of this machine, as a broker of its own machine would; on a busy one it takes its time. */
	setenv("BROKER_SCHEDULERS", mem_printf(port, "%ld", sysconf(_SC_NPROCESSORS_ONLN)), 0);
	setenv("BROKER_WAIT", "600", 0);
	TRY(run_script(b, "start", port, &out));
	TRY(run_script(b, "pid", NULL, &out));
	b->pid = (pid_t)strtol(out, NULL, 10);
	return NULL;
}

struct error *swarm_broker_kill(struct swarm_broker *b)
{
	char *out = NULL;

	b->pid = 0;
	return run_script(b, "kill", NULL, &out);
}

void swarm_broker_end(struct swarm_broker *b)
{
	char *out = NULL;
	struct error *e = b->script ? run_script(b, "stop", NULL, &out) : NULL;

	if (e)
		fprintf(stderr, "dsn-bench: %s\n", e->message);
	error_free(e);
}

/* --- dsnd --- */

static void on_ended(const struct child_exit *ex, void *arg)
{
	(void)ex;
	((struct swarm_dsnd *)arg)->alive = false;
}

static size_t put_option(const char **argv, size_t n, const char *name, const char *value)
{
	if (!value)
		return n;
	argv[n] = name;
	argv[n + 1] = value;
	return n + 2;
}

static struct error *spawn(const void *ctx, struct swarm_dsnd *d)
{
	const char *argv[20] = {d->program};
	struct child_spec spec = {
		.argv = argv, .env = (const char *const *)environ, .stdin_fd = -1, .stdout_fd = -1, .extra_fd = -1};
	struct error *e;
	size_t n = 1;

	n = put_option(argv, n, "--bus", d->bus);
	n = put_option(argv, n, "--network", d->network);
	n = put_option(argv, n, "--password-file", d->password_file);
	n = put_option(argv, n, "--ca-file", d->ca_file);
	n = put_option(argv, n, "--state-dir", d->folder);
	(void)put_option(argv, n, "--listen", mem_printf(d->folder, "127.0.0.1:%d", d->port));
	spec.stderr_fd = open(d->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	e = child_start(ctx, d->loop, &spec, on_ended, d, &d->child);
	if (spec.stderr_fd >= 0)
		close(spec.stderr_fd);
	d->alive = !e;
	return e;
}

static struct error *read_token(struct swarm_dsnd *d)
{
	char *token = NULL;

	TRY(file_read(d->folder, file_join(d->folder, d->folder, "operator.token"), 1000, &token, NULL));
	token[strcspn(token, "\n")] = '\0';
	d->authorization = mem_printf(d->folder, "Bearer %s", token);
	return NULL;
}

/* The last line of its log says why it ended. */
static struct error *did_not_start(const struct swarm_dsnd *d)
{
	char *text = NULL, *line;

	TRY(file_read(d->folder, d->log, TEXT_LIMIT, &text, NULL));
	for (size_t n = strlen(text); n && text[n - 1] == '\n'; n--)
		text[n - 1] = '\0';
	line = strrchr(text, '\n');
	return error_new(ERROR_FAILED, "dsnd does not start: %.600s", line ? line + 1 : text);
}

struct error *swarm_dsnd_start(const void *ctx, struct swarm_dsnd *d)
{
	const int64_t until_ms = clock_mono_ms() + UP_MS;
	unsigned port = (unsigned)d->port;
	struct error *e;
	char *body = NULL;

	if (!port)
		TRY(devnet_free_port(&port));
	d->port = (int)port;
	TRY(spawn(ctx, d));
	do {
		void *scope = mem_strdup(NULL, "");

		e = swarm_dsnd_get(scope, d, "/healthz", &body);
		mem_free(scope);
		if (!e)
			return read_token(d);
		error_free(e);
		usleep(20000);
	} while (d->alive && clock_mono_ms() < until_ms);
	return did_not_start(d);
}

void swarm_dsnd_stop(struct swarm_dsnd *d, int signum)
{
	if (!d->child)
		return;
	child_stop(d->child, signum, END_GRACE_MS);
	while (d->alive)
		uv_run(d->loop, UV_RUN_ONCE);
	mem_free(d->child);
	d->child = NULL;
}

pid_t swarm_dsnd_pid(const struct swarm_dsnd *d)
{
	return d->alive ? child_identity(d->child).pid : 0;
}

/* --- what it says --- */

struct fetched {
	void *ctx;
	bool done;
	char *body;
	struct error *error;
};

static void on_answer(const struct http_answer *a, void *arg)
{
	struct fetched *f = arg;

	f->done = true;
	if (a->error)
		f->error = error_copy(a->error);
	else if (a->status != 200)
		f->error = error_new(ERROR_FAILED, "HTTP status %d: %.200s", a->status, a->body);
	else
		f->body = mem_strndup(f->ctx, a->body, a->len);
}

struct error *swarm_dsnd_get(const void *ctx, struct swarm_dsnd *d, const char *path, char **ret_body)
{
	void *scope = mem_new(ctx, char);
	struct fetched f = {.ctx = scope};
	const struct http_exchange x = {
		.host = "127.0.0.1", .port = d->port, .method = "GET", .path = path, .limit = BODY_LIMIT};

	http_fetch(scope, d->loop, &x, on_answer, &f);
	while (!f.done)
		uv_run(d->loop, UV_RUN_ONCE);
	*ret_body = f.body;
	return f.error;
}

struct error *swarm_dsnd_metric(struct swarm_dsnd *d, const char *name, double *ret_value)
{
	void *scope = mem_strdup(NULL, "");
	char *body = NULL;
	const size_t length = strlen(name);
	struct error *e = swarm_dsnd_get(scope, d, "/metrics", &body);

	*ret_value = -1;
	for (const char *line = body; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			*ret_value = strtod(line + length, NULL);
	}
	mem_free(scope);
	return e;
}
