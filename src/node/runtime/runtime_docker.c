#include "node/runtime/runtime_docker.h"

#include "base/mem.h"

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
