#include "node/managed.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "media/nginx.h"
#include "node/managed_job.h"

#define STAT_EVERY_MS 2000

static struct error *open_files(struct node *n)
{
	void *tmp = mem_strdup(NULL, "");
	struct media_nginx_node m = {
		.role = n->row.role,
		.path = n->path,
		.module_path = n->agent->settings.rtmp_module,
		.rtmp_port = n->row.rtmp.container_port,
		.http_port = n->row.http.container_port,
		.control_port = n->row.control_port,
		.agent_socket = mem_printf(tmp, "%s/" NODE_AGENT_SOCKET, n->path),
		.node_id = n->row.id,
	};
	char *text = media_nginx_managed(tmp, &m), *old = NULL;
	char *path = mem_printf(tmp, "%s/conf/nginx.conf", n->folder);
	struct error *e = file_exists(path) ? file_read(tmp, path, 1 << 20, &old, NULL) : NULL;

	error_free(e);
	e = NULL;
	if (!old || strcmp(old, text))
		e = file_write_atomic(path, text, strlen(text), 0644);
	n->nginx->salt = mem_strdup(n->nginx, text);
	mem_free(tmp);
	return e;
}

static char **nginx_argv(const void *ctx, const struct node *n)
{
	return media_nginx_argv(ctx, n->agent->settings.nginx, n->path, mem_printf(ctx, "%s/conf/nginx.conf", n->path),
				NULL, false);
}

static void tick(struct node *n, int64_t now_ms)
{
	if (n->up && n->job_count && now_ms - n->stat_at_ms > STAT_EVERY_MS)
		node_ask_streams(n);
}

/* nginx has fixed applications: what names its own, as t45 does, wants a classic node. */
static struct error *takes(const struct node *n, const struct api_task *t)
{
	if (!strcmp(t->application, t->job))
		return NULL;
	return error_new(
		ERROR_INVALID,
		"application: \"%s\" is not the job's own; node %s is managed and has no such application: create the node with mode classic",
		t->application, n->row.id);
}

const struct mode_ops mode_managed = {
	.name = "managed",
	.takes = takes,
	.open = open_files,
	.nginx_argv = nginx_argv,
	.look = node_ask_streams,
	.tick = tick,
	.job = &managed_job,
};
