/* A unit's container while it runs, and its end: waited for, asked for, cleared up. */
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/runtime/runtime_docker.h"

#define WAIT_MS INT64_C(86400000)
#define LOOK_AGAIN_MS 500

static void look_again(void *arg);

void docker_unit_call(struct docker_unit *u, const char *method, char *path, json_t *body, int64_t deadline_ms,
		      docker_answer_fn *fn)
{
	const struct docker_request r = {.method = method, .path = path, .body = body, .deadline_ms = deadline_ms};

	docker_call(u, u->d, &r, fn, u);
}

void docker_unit_leave(struct docker_unit *u)
{
	if (!u->back)
		return;
	*u->back = u->next;
	if (u->next)
		u->next->back = u->back;
	u->back = NULL;
	if (!u->d->units) {
		mem_free(u->d->log_timer);
		u->d->log_timer = NULL;
	}
}

bool docker_container_runs(const json_t *container)
{
	return json_is_true(json_object_get(json_object_get(container, "State"), "Running"));
}

char *docker_container_network(const void *ctx, const json_t *container)
{
	const char *id = json_string_value(json_object_get(container, "Id"));
	const char *started = json_string_value(json_object_get(json_object_get(container, "State"), "StartedAt"));

	return mem_printf(ctx, "%.12s@%s", id ? id : "", started ? started : "");
}

/* --- the end --- */

static void report(void *arg)
{
	struct docker_unit *u = arg;
	const struct child_exit ex = u->exit;

	u->ended = true;
	docker_unit_leave(u);
	u->exited(&ex, u->arg);
}

static void clear_now(void *arg);

static void on_cleared(const struct docker_answer *a, void *arg)
{
	struct docker_unit *u = arg;
	/* Being removed already, after its grace: told as gone when it is. */
	bool again = a->error && a->error->code == ERROR_EXISTS && u->conflicts++ < DOCKER_CONFLICTS;

	error_free(a->error); /* gone already, or the next start clears it */
	if (again)
		u->timer = timer_start(u, u->d->loop, DOCKER_CONFLICT_MS, 0, clear_now, u);
	else
		report(u);
}

static void clear(struct docker_unit *u)
{
	mem_free(u->timer);
	u->timer = NULL;
	docker_unit_call(u, "DELETE", mem_printf(NULL, "/containers/%s?force=1&v=1", u->id), NULL, 0, on_cleared);
}

static void clear_now(void *arg)
{
	clear(arg);
}

static void on_nginx_looked_at(const struct docker_answer *a, void *arg)
{
	struct docker_unit *u = arg;
	/* The engine's restart policy has it up again: the next start will find and adopt it. */
	bool again = !a->error && docker_container_runs(a->json) && !u->stopped;

	error_free(a->error);
	if (again)
		report(u);
	else
		clear(u);
}

static void on_others_gone(struct error *e, void *arg)
{
	struct docker_unit *u = arg;

	error_free(e);
	docker_unit_call(u, "GET", mem_printf(NULL, "/containers/%s/json", u->id), NULL, 0, on_nginx_looked_at);
}

static void ended(struct docker_unit *u, bool known, int code)
{
	const char *const keep[] = {u->name, NULL};

	mem_free(u->timer);
	u->timer = NULL;
	mem_free(u->grace);
	u->grace = NULL;
	u->running = false;
	u->exit = (struct child_exit){.known = known, .code = code, .ran_ms = clock_mono_ms() - u->started_ms};
	if (code > 128 && code <= 128 + SIGRTMAX) {
		u->exit.signal = code - 128;
		u->exit.code = 0;
	}
	if (!u->main) {
		clear(u);
		return;
	}
	/* The network went with nginx: what had joined it hears nothing any more. */
	docker_remove_all(u, u->d, keep, on_others_gone, u);
}

static void on_looked_again(const struct docker_answer *a, void *arg)
{
	struct docker_unit *u = arg;
	const json_t *state = json_object_get(a->json, "State");

	if (a->error) {
		bool gone = a->error->code == ERROR_NOT_FOUND;

		error_free(a->error);
		if (gone)
			ended(u, false, 0);
		else
			u->timer = timer_start(u, u->d->loop, LOOK_AGAIN_MS, 0, look_again, u);
	} else if (docker_container_runs(a->json)) {
		char *network = docker_container_network(u, a->json);
		/* The engine was away and has started nginx anew meanwhile: that is an end too. */
		bool another = u->main && strcmp(network, u->network) != 0;

		mem_free(network);
		if (another)
			ended(u, false, 0);
		else
			docker_unit_wait(u);
	} else {
		ended(u, true, (int)json_integer_value(json_object_get(state, "ExitCode")));
	}
}

static void look_again(void *arg)
{
	struct docker_unit *u = arg;

	mem_free(u->timer);
	u->timer = NULL;
	docker_unit_call(u, "GET", mem_printf(NULL, "/containers/%s/json", u->id), NULL, 0, on_looked_again);
}

static void on_waited(const struct docker_answer *a, void *arg)
{
	struct docker_unit *u = arg;
	const json_t *code = json_object_get(a->json, "StatusCode");

	if (!a->error && json_is_integer(code)) {
		ended(u, true, (int)json_integer_value(code));
		return;
	}
	error_free(a->error);
	u->timer = timer_start(u, u->d->loop, LOOK_AGAIN_MS, 0, look_again, u);
}

void docker_unit_wait(struct docker_unit *u)
{
	docker_unit_call(u, "POST", mem_printf(NULL, "/containers/%s/wait", u->id), NULL, WAIT_MS, on_waited);
}

/* --- stopping --- */

static void on_signalled(const struct docker_answer *a, void *arg)
{
	struct docker_unit *u = arg;

	/* It may have ended meanwhile: the wait tells. */
	if (a->error)
		log_debug("docker.signal", "container=%s error=%s", u->container, log_q(a->error->message));
	error_free(a->error);
}

void docker_unit_signal(void *self, void *unit, int signum)
{
	struct docker_unit *u = unit;

	(void)self;
	if (u->running)
		docker_unit_call(u, "POST", mem_printf(NULL, "/containers/%s/kill?signal=%d", u->id, signum), NULL, 0,
				 on_signalled);
}

static void on_grace_over(void *arg)
{
	struct docker_unit *u = arg;

	if (u->running)
		docker_unit_call(u, "DELETE", mem_printf(NULL, "/containers/%s?force=1&v=1", u->id), NULL, 0,
				 on_signalled);
}

void docker_unit_stop(void *self, void *unit, int signum, int64_t grace_ms)
{
	struct docker_unit *u = unit;

	if (u->ended)
		return;
	u->stopped = true;
	if (!u->running)
		return; /* the start under way sees it */
	docker_unit_signal(self, u, signum);
	mem_free(u->grace);
	u->grace = timer_start(u, u->d->loop, grace_ms, 0, on_grace_over, u);
}
