#include "node/mode/managed.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "media/nginx.h"
#include "node/job/nginx.h"
#include "node/job/publishers.h"
#include "node/job/ready.h"
#include "node/job/stream.h"
#include "node/job/unit.h"
#include "node/mode/managed_job.h"

#define STAT_EVERY_MS 2000
/* /stat may not show yet what on_publish has allowed a moment ago. */
#define STAT_TRUST_MS 2000

static struct error *open_files(struct node *n)
{
	void *tmp = mem_strdup(NULL, "");
	struct media_nginx_node m = {
		.role = n->row.role,
		.path = n->path,
		.module_path = n->host->settings.rtmp_module,
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
	return media_nginx_argv(ctx, n->host->settings.nginx, n->path, mem_printf(ctx, "%s/conf/nginx.conf", n->path),
				NULL, false);
}

static void compare(struct node *n, const struct media_stream *found, size_t count)
{
	int64_t now_ms = node_now();

	for (size_t i = 0; i < n->stream_count; i++) {
		struct stream *s = n->streams[i];
		bool publishing = false;

		for (size_t k = 0; k < count; k++) {
			if (found[k].publishing && !strcmp(found[k].application, s->application) &&
			    !strcmp(found[k].name, s->name)) {
				publishing = true;
				if (found[k].bytes_in != s->bytes_in)
					s->flow_ms = now_ms;
				s->bytes_in = found[k].bytes_in;
			}
		}
		if (publishing && !s->active)
			stream_publish(n, s, "?");
		else if (!publishing && s->active && now_ms - s->since_ms > STAT_TRUST_MS)
			stream_clear(n, s);
	}
}

static void streams(struct node *n, const struct media_stream *found, size_t count)
{
	compare(n, found, count);
	ready_look(n, found, count);
}

static void tick(struct node *n, int64_t now_ms)
{
	if (n->up && n->job_count && now_ms - n->stat_at_ms > STAT_EVERY_MS)
		nginx_ask_streams(n);
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
	.look = nginx_ask_streams,
	.streams = streams,
	.tick = tick,
	.job = &managed_job,
};
