/* Children of a unit's program. The engine has ps tell of all processes of the container (Docker Engine API, "List
 * processes running inside a container"); which of them is the unit's program, an inspection tells. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/form.h"
#include "node/runtime/runtime_docker.h"

#define ASK_MS 5000
/* Of all processes, which the engine then reduces to the container's; lines are never cut. */
#define PS_ARGS "-eww -o pid,ppid,args"

struct listing {
	struct docker_unit *unit;
	runtime_list_fn *fn;
	void *arg;
	pid_t pid; /* of the unit's program */
	struct timer *timer;
};

static void finish(struct listing *l, struct error *e, const struct runtime_child *list, size_t count)
{
	/* `fn` may free the unit. */
	talloc_steal(NULL, l);
	l->fn(e, list, count, l->arg);
	mem_free(l);
}

/* --- the answer --- */

static int column_of(const json_t *titles, const char *name)
{
	for (size_t i = 0; i < json_array_size(titles); i++) {
		const char *title = json_string_value(json_array_get(titles, i));

		if (title && !strcmp(title, name))
			return (int)i;
	}
	return -1;
}

static struct error *read_pid(const json_t *row, int column, pid_t *ret_pid)
{
	const char *text = json_string_value(json_array_get(row, (size_t)column));
	char *end = NULL;
	long pid;

	errno = 0;
	pid = text && *text >= '0' && *text <= '9' ? strtol(text, &end, 10) : -1;
	if (pid < 0 || errno || *end || pid > INT_MAX)
		return error_new(ERROR_INVALID, "Docker engine: \"%.32s\" in its list of processes is no process id",
				 text ? text : "");
	*ret_pid = (pid_t)pid;
	return NULL;
}

struct error *docker_children(const void *ctx, const json_t *top, pid_t parent, struct runtime_child **ret_list,
			      size_t *ret_count)
{
	const json_t *titles = json_object_get(top, "Titles"), *rows = json_object_get(top, "Processes");
	int pid_column = column_of(titles, "PID"), parent_column = column_of(titles, "PPID");
	struct runtime_child *list;
	size_t count = 0;

	if (pid_column < 0 || parent_column < 0 || !json_is_array(rows))
		return error_new(ERROR_INVALID, "Docker engine: its list of processes lacks PID, PPID or Processes");
	list = mem_array(ctx, struct runtime_child, json_array_size(rows) + 1);
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const char *title = json_string_value(json_array_get(row, json_array_size(titles) - 1));
		pid_t pid = 0, its_parent = 0;
		struct error *e = read_pid(row, pid_column, &pid);

		if (!e)
			e = read_pid(row, parent_column, &its_parent);
		if (!e && !title)
			e = error_new(ERROR_INVALID, "Docker engine: process %d of its list has no arguments",
				      (int)pid);
		if (e) {
			mem_free(list);
			return e;
		}
		if (its_parent == parent)
			list[count++] = (struct runtime_child){.pid = pid, .title = title};
	}
	*ret_list = list;
	*ret_count = count;
	return NULL;
}

/* --- asking --- */

static void on_top(const struct docker_answer *a, void *arg)
{
	struct listing *l = arg;
	struct runtime_child *list = NULL;
	size_t count = 0;
	struct error *e = a->error;

	if (!e)
		e = docker_children(l, a->json, l->pid, &list, &count);
	finish(l, e, list, count);
}

static void ask(struct listing *l, char *path, docker_answer_fn *fn)
{
	const struct docker_request r = {.method = "GET", .path = path, .deadline_ms = ASK_MS};

	docker_call(l, l->unit->d, &r, fn, l);
}

static void on_inspected(const struct docker_answer *a, void *arg)
{
	struct listing *l = arg;
	json_int_t pid = json_integer_value(json_object_get(json_object_get(a->json, "State"), "Pid"));

	if (a->error) {
		finish(l, a->error, NULL, 0);
	} else if (pid < 1 || pid > INT_MAX) {
		finish(l, error_new(ERROR_NOT_FOUND, "container %s: does not run", l->unit->container), NULL, 0);
	} else {
		l->pid = (pid_t)pid;
		ask(l, mem_printf(NULL, "/containers/%s/top?ps_args=%s", l->unit->id, http_encode(l, PS_ARGS)), on_top);
	}
}

static void on_not_running(void *arg)
{
	struct listing *l = arg;

	finish(l, error_new(ERROR_NOT_FOUND, "container %s: does not run", l->unit->container), NULL, 0);
}

void docker_unit_list(void *self, void *unit, runtime_list_fn *fn, void *arg)
{
	struct docker *d = self;
	struct docker_unit *u = unit;
	struct listing *l = mem_new(u, struct listing);

	l->unit = u;
	l->fn = fn;
	l->arg = arg;
	if (u->running)
		ask(l, mem_printf(NULL, "/containers/%s/json", u->id), on_inspected);
	else
		l->timer = timer_start(l, d->loop, 0, 0, on_not_running, l);
}
