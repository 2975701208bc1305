/* Life of one unit's container:
 *
 *   look at nginx (units that join its network) -> look at our name -> adopt what runs with our fingerprint
 *                                                                   -> or clear the name, create, start
 *   -> running: one long "wait" exchange -> ended: clear up -> exited (runtime_docker_end.c)
 *
 * An engine that goes away while a unit runs says nothing about the unit: we look again until it answers. */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/runtime/folders.h"
#include "node/runtime/runtime_docker.h"
#include "node/runtime/runtime_process.h"

#define LOG_EVERY_MS 2000

static void look_at_name(struct docker_unit *u);

/* --- helpers --- */

static int unit_destroy(struct docker_unit *u)
{
	docker_unit_leave(u);
	error_free(u->failure);
	return 0;
}

/* The end of a start that failed; nothing of the unit is touched afterwards. */
static void fail(struct docker_unit *u, struct error *e)
{
	u->ended = true;
	docker_unit_leave(u);
	u->done(e, u->arg);
}

static const char *label(const json_t *container, const char *name)
{
	const char *value = json_string_value(
		json_object_get(json_object_get(json_object_get(container, "Config"), "Labels"), name));

	return value ? value : "";
}

/* --- the start --- */

static void bound_logs(void *arg)
{
	struct docker *d = arg;

	for (struct docker_unit *u = d->units; u; u = u->next) {
		struct error *e = runtime_process_log_bound(u->log_path, u->log_limit);

		if (e)
			log_warn("docker.log", "path=%s error=%s", log_q(u->log_path), log_q(e->message));
		error_free(e);
	}
}

static void running(struct docker_unit *u)
{
	u->running = true;
	u->conflicts = 0;
	u->started_ms = clock_mono_ms();
	docker_unit_wait(u);
	u->done(NULL, u->arg);
}

static void on_called_off(const struct docker_answer *a, void *arg)
{
	error_free(a->error);
	fail(arg, error_new(ERROR_REFUSED, "stopped before it was started"));
}

/* True when the start was called off: what there is of the container goes. */
static bool called_off(struct docker_unit *u)
{
	if (!u->stopped)
		return false;
	docker_unit_call(u, "DELETE", mem_printf(NULL, "/containers/%s?force=1&v=1", u->id ? u->id : u->container),
			 NULL, 0, on_called_off);
	return true;
}

static void on_failed_start(const struct docker_answer *a, void *arg)
{
	struct docker_unit *u = arg;
	struct error *e = u->failure;

	error_free(a->error);
	u->failure = NULL;
	fail(u, error_wrap(e, "container %s", u->container));
}

static void on_first_look(const struct docker_answer *a, void *arg)
{
	struct docker_unit *u = arg;

	u->network = docker_container_network(u, a->json);
	error_free(a->error); /* whatever it is, the wait tells */
	if (!called_off(u))
		running(u);
}

static void on_run(const struct docker_answer *a, void *arg)
{
	struct docker_unit *u = arg;

	if (a->error) {
		u->failure = a->error;
		if (strstr(a->error->message, "redirfd"))
			u->failure = error_wrap(u->failure, "is %s an image made by packaging/docker/build-image?",
						u->d->node.image);
		docker_unit_call(u, "DELETE", mem_printf(NULL, "/containers/%s?force=1&v=1", u->id), NULL, 0,
				 on_failed_start);
	} else if (!called_off(u)) {
		log_debug("docker.started", "container=%s id=%.12s", u->container, u->id);
		if (u->main)
			docker_unit_call(u, "GET", mem_printf(NULL, "/containers/%s/json", u->id), NULL, 0,
					 on_first_look);
		else
			running(u);
	}
}

static void try_again(void *arg)
{
	struct docker_unit *u = arg;

	mem_free(u->timer);
	u->timer = NULL;
	look_at_name(u);
}

static void on_created(const struct docker_answer *a, void *arg)
{
	struct docker_unit *u = arg;
	const char *id = json_string_value(json_object_get(a->json, "Id"));
	struct error *e = a->error;

	if (!e && !id)
		e = error_new(ERROR_FAILED, "the Docker engine made a container without an id");
	if (e && e->code == ERROR_EXISTS && u->conflicts++ < DOCKER_CONFLICTS) {
		error_free(e);
		u->timer = timer_start(u, u->d->loop, DOCKER_CONFLICT_MS, 0, try_again, u);
		return;
	}
	if (e && e->code == ERROR_NOT_FOUND && strstr(e->message, "No such image")) {
		error_free(e);
		e = error_new(
			ERROR_NOT_FOUND,
			"image %s is not on the Docker engine at %s: make it with packaging/docker/build-image --socket %s --tag %s",
			u->d->node.image, u->d->options.docker_socket, u->d->options.docker_socket, u->d->node.image);
	}
	if (e) {
		fail(u, error_wrap(e, "container %s", u->container));
		return;
	}
	u->id = mem_strdup(u, id);
	if (!called_off(u))
		docker_unit_call(u, "POST", mem_printf(NULL, "/containers/%s/start", id), NULL, 0, on_run);
}

/* The files must be there, ours and writable for the unit's group, before the program inside opens them. */
static struct error *make_file(const struct docker_unit *u, const char *path, bool truncate)
{
	struct beneath_owner owner = folders_shared(&u->d->options);
	int fd = -1, status = 0;

	TRY(runtime_process_log_open(path, truncate, &fd));
	if (u->d->options.set_user)
		status = fchown(fd, owner.uid, owner.gid) < 0 || fchmod(fd, 0664) < 0 ? -1 : 0;
	close(fd);
	return status < 0 ? error_new(ERROR_IO, "%s: cannot be given to group %lu", path, (unsigned long)owner.gid)
			  : NULL;
}

static void create(struct docker_unit *u)
{
	json_t *spec = NULL;
	struct error *e;

	if (called_off(u))
		return;
	e = make_file(u, u->log_path, false);
	if (!e && u->progress_path)
		e = make_file(u, u->progress_path, true);
	if (!e)
		e = docker_container_spec(u, &spec);
	if (e) {
		fail(u, e);
		return;
	}
	docker_unit_call(u, "POST", mem_printf(NULL, "/containers/create?name=%s", u->container), spec, 0, on_created);
}

static void on_way_clear(struct error *e, void *arg)
{
	if (e)
		fail(arg, e);
	else
		create(arg);
}

static void on_old_gone(const struct docker_answer *a, void *arg)
{
	/* 404: somebody was quicker. 409: it is being removed; creating tries again until the name is free. */
	error_free(a->error);
	create(arg);
}

static void on_name(const struct docker_answer *a, void *arg)
{
	struct docker_unit *u = arg;
	const char *id = json_string_value(json_object_get(a->json, "Id"));

	if (a->error && a->error->code != ERROR_NOT_FOUND) {
		fail(u, a->error);
		return;
	}
	bool there = !a->error;
	bool ours = there && !strcmp(label(a->json, DOCKER_LABEL_NODE), u->d->node.node_id);
	error_free(a->error);
	if (there && !ours) {
		fail(u, error_new(ERROR_EXISTS, "a container named %s is there that no agent made: remove or rename it",
				  u->container));
		return;
	}
	if (there && id && docker_container_runs(a->json) &&
	    !strcmp(label(a->json, DOCKER_LABEL_FINGERPRINT), u->fingerprint) &&
	    (u->main || !strcmp(label(a->json, DOCKER_LABEL_NETWORK), u->network))) {
		u->id = mem_strdup(u, id);
		if (u->main)
			u->network = docker_container_network(u, a->json);
		if (called_off(u))
			return;
		log_info("docker.adopted", "container=%s id=%.12s", u->container, u->id);
		running(u);
	} else if (u->main) {
		/* A new nginx has a new network: nothing that joined the old one may stay. */
		docker_remove_all(u, u->d, NULL, on_way_clear, u);
	} else if (there) {
		docker_unit_call(u, "DELETE", mem_printf(NULL, "/containers/%s?force=1&v=1", u->container), NULL, 0,
				 on_old_gone);
	} else {
		create(u);
	}
}

static void look_at_name(struct docker_unit *u)
{
	docker_unit_call(u, "GET", mem_printf(NULL, "/containers/%s/json", u->container), NULL, 0, on_name);
}

static void on_nginx(const struct docker_answer *a, void *arg)
{
	struct docker_unit *u = arg;

	if (a->error && a->error->code != ERROR_NOT_FOUND) {
		fail(u, a->error);
		return;
	}
	bool up = !a->error && docker_container_runs(a->json);
	error_free(a->error);
	if (!up) {
		fail(u, error_new(ERROR_UNAVAILABLE, "container %s does not run, whose network %s joins",
				  u->d->main_name, u->container));
		return;
	}
	u->network = docker_container_network(u, a->json);
	look_at_name(u);
}

static const char **copy_argv(const void *ctx, const char *const *argv)
{
	size_t n = 0;

	while (argv[n])
		n++;
	const char **copy = mem_array(ctx, const char *, n + 1);
	for (size_t i = 0; i < n; i++)
		copy[i] = mem_strdup(copy, argv[i]);
	return copy;
}

void docker_unit_start(void *self, const void *ctx, const struct runtime_unit_spec *spec, runtime_done_fn *done,
		       runtime_exit_fn *exited, void *arg, void **ret_unit)
{
	struct docker *d = self;
	struct docker_unit *u = mem_new(ctx, struct docker_unit);

	u->d = d;
	u->name = mem_strdup(u, spec->name);
	u->container = docker_container_name(u, d, spec->name, spec->main);
	u->argv = copy_argv(u, spec->argv);
	u->fingerprint = mem_strdup(u, spec->fingerprint);
	u->log_path = mem_strdup(u, spec->log_path);
	u->log_limit = spec->log_limit;
	u->progress_path = spec->progress_path ? mem_strdup(u, spec->progress_path) : NULL;
	u->main = spec->main;
	u->done = done;
	u->exited = exited;
	u->arg = arg;
	u->next = d->units;
	u->back = &d->units;
	if (u->next)
		u->next->back = &u->next;
	d->units = u;
	talloc_set_destructor(u, unit_destroy);
	if (!d->log_timer)
		d->log_timer = timer_start(d, d->loop, LOG_EVERY_MS, LOG_EVERY_MS, bound_logs, d);
	*ret_unit = u;
	if (u->main)
		look_at_name(u);
	else
		docker_unit_call(u, "GET", mem_printf(NULL, "/containers/%s/json", d->main_name), NULL, 0, on_nginx);
}
