#include "node/runtime_docker.h"

#include <string.h>

#include "base/mem.h"
#include "http/form.h"

static char *copy(const void *ctx, const char *s)
{
	return s ? mem_strdup(ctx, s) : NULL;
}

static struct error *docker_open(const void *ctx, uv_loop_t *loop, const struct runtime_options *options,
				 const struct runtime_node *node, void **ret_self)
{
	size_t n = 0;

	if (!options->docker_socket || !options->docker_socket[0])
		return error_new(ERROR_INVALID, "no socket of a Docker engine is set");
	if (!node->image || !node->image[0])
		return error_new(ERROR_INVALID, "node %s names no Docker image", node->node_id);
	struct docker *d = mem_new(ctx, struct docker);
	d->loop = loop;
	d->options = *options;
	d->options.docker_socket = copy(d, options->docker_socket);
	d->node = *node;
	d->node.node_id = copy(d, node->node_id);
	d->node.role = copy(d, node->role);
	d->node.folder = copy(d, node->folder);
	d->node.image = copy(d, node->image);
	d->node.publish_address = copy(d, node->publish_address);
	if (node->port_count)
		d->node.ports = mem_memdup(d, node->ports, node->port_count * sizeof(*node->ports));
	while (node->mounts && node->mounts[n])
		n++;
	const char **mounts = mem_array(d, const char *, n + 1);
	for (size_t i = 0; i < n; i++)
		mounts[i] = copy(mounts, node->mounts[i]);
	d->node.mounts = mounts;
	d->main_name = docker_container_name(d, d, "nginx", true);
	*ret_self = d;
	return NULL;
}

static const char *docker_path(void *self)
{
	(void)self;
	return DOCKER_FOLDER;
}

/* Descriptor 3 is opened by the container's first program, see runtime_docker_spec.c. */
static char *docker_progress_url(void *self, const void *ctx, const char *progress_path)
{
	(void)self;
	(void)progress_path;
	return mem_strdup(ctx, "pipe:3");
}

/* --- removing what is there --- */

struct removal {
	struct docker *d;
	char **keep;
	runtime_done_fn *done;
	void *arg;
	size_t waiting;
	struct error *error; /* the first */
};

static void finish(struct removal *r)
{
	struct error *e = r->error;
	runtime_done_fn *done = r->done;
	void *arg = r->arg;

	mem_free(r);
	done(e, arg);
}

static void on_removed(const struct docker_answer *a, void *arg)
{
	struct removal *r = arg;

	/* Gone already, or somebody else removes it: both are what was wanted. */
	if (a->error && !r->error && a->error->code != ERROR_NOT_FOUND && a->error->code != ERROR_EXISTS)
		r->error = a->error;
	else
		error_free(a->error);
	if (!--r->waiting)
		finish(r);
}

static bool kept(const struct removal *r, const char *unit)
{
	for (size_t i = 0; r->keep[i]; i++)
		if (unit && !strcmp(r->keep[i], unit))
			return true;
	return false;
}

static void on_listed(const struct docker_answer *a, void *arg)
{
	struct removal *r = arg;
	json_t *container;
	size_t i;

	r->waiting = 1; /* this list */
	if (a->error)
		r->error = a->error;
	json_array_foreach ((json_t *)a->json, i, container) {
		const char *id = json_string_value(json_object_get(container, "Id"));
		const char *unit =
			json_string_value(json_object_get(json_object_get(container, "Labels"), DOCKER_LABEL_UNIT));

		if (a->error || !id || kept(r, unit))
			continue;
		const struct docker_request request = {.method = "DELETE",
						       .path = mem_printf(NULL, "/containers/%s?force=1&v=1", id)};
		r->waiting++;
		docker_call(r, r->d, &request, on_removed, r);
	}
	if (!--r->waiting)
		finish(r);
}

void docker_remove_all(const void *ctx, struct docker *d, const char *const *keep, runtime_done_fn *done, void *arg)
{
	struct removal *r = mem_new(ctx, struct removal);
	static const char *const none[] = {NULL};
	size_t n = 0;

	keep = keep ? keep : none;
	r->d = d;
	r->done = done;
	r->arg = arg;
	while (keep[n])
		n++;
	r->keep = mem_array(r, char *, n + 1);
	for (size_t i = 0; i < n; i++)
		r->keep[i] = mem_strdup(r->keep, keep[i]);
	char *filter = mem_printf(r, "{\"label\":[\"" DOCKER_LABEL_NODE "=%s\"]}", d->node.node_id);
	const struct docker_request request = {
		.method = "GET", .path = mem_printf(NULL, "/containers/json?all=1&filters=%s", http_encode(r, filter))};
	docker_call(r, d, &request, on_listed, r);
}

static void docker_sweep(void *self, const char *const *keep, runtime_done_fn *done, void *arg)
{
	docker_remove_all(self, self, keep, done, arg);
}

static void docker_purge(void *self, runtime_done_fn *done, void *arg)
{
	docker_remove_all(self, self, NULL, done, arg);
}

const struct runtime_ops runtime_docker = {
	.name = "docker",
	.open = docker_open,
	.path = docker_path,
	.start = docker_unit_start,
	.signal = docker_unit_signal,
	.list = docker_unit_list,
	.stop = docker_unit_stop,
	.sweep = docker_sweep,
	.run = docker_exec,
	.purge = docker_purge,
	.progress_url = docker_progress_url,
};
