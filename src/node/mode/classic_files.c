#include "node/mode/classic_files.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "media/nginx.h"
#include "node/job/unit.h"

#define CONTAINER_PREFIX "/opt/nginx"

static const char *const this_machine[] = {"127.0.0.1", NULL};

static bool in_container(const struct node *n)
{
	return n->ops != &runtime_process;
}

static struct media_nginx_node describe(const struct node *n)
{
	char **allow = n->host->settings.classic_allow;

	return (struct media_nginx_node){
		.role = n->row.role,
		.path = n->path,
		.module_path = n->host->settings.rtmp_module,
		.rtmp_port = n->row.rtmp.container_port,
		.http_port = n->row.http.container_port,
		.publishers = allow ? (const char *const *)allow : this_machine,
	};
}

char *classic_files_exact(const void *ctx, const struct node *n, const char *name)
{
	return mem_printf(ctx, "%s/nginx/%s", n->folder, name);
}

static char *derived_path(const void *ctx, const struct node *n, const char *name)
{
	return mem_printf(ctx, "%s/derived/%s", n->folder, name);
}

char **classic_files_argv(const void *ctx, const struct node *n, bool test)
{
	const struct agent_settings *s = &n->host->settings;

	if (in_container(n))
		return media_nginx_argv(ctx, "nginx", CONTAINER_PREFIX, CONTAINER_PREFIX "/nginx.conf", s->rtmp_module,
					test);
	return media_nginx_argv(ctx, s->nginx, n->path, mem_printf(ctx, "%s/derived/nginx.conf", n->path), NULL, test);
}

struct error *classic_files_write(struct node *n, const char *name, const char *text)
{
	void *tmp = mem_strdup(NULL, "");
	struct media_nginx_node m = describe(n);
	struct error *e = file_write_atomic(classic_files_exact(tmp, n, name), text, strlen(text), 0644);

	if (!e && !in_container(n)) {
		char *derived = media_nginx_classic_derived(tmp, &m, text);

		e = file_write_atomic(derived_path(tmp, n, name), derived, strlen(derived), 0644);
	}
	mem_free(tmp);
	return e;
}

struct error *classic_files_remove(struct node *n, const char *name)
{
	void *tmp = mem_strdup(NULL, "");
	struct error *e = file_remove(classic_files_exact(tmp, n, name));

	if (!e)
		e = file_remove(derived_path(tmp, n, name));
	mem_free(tmp);
	return e;
}

struct error *classic_files_open(struct node *n)
{
	void *tmp = mem_strdup(NULL, "");
	struct media_nginx_node m;
	struct error *e = NULL;
	char *text;

	/* Folders only; a control.sock that nginx listens on must stay. */
	static const char *const folders[] = {"nginx/app-enabled", "nginx/sites-enabled", "derived/app-enabled",
					      "derived/sites-enabled", CLASSIC_FILES_UNTESTED};

	for (size_t i = 0; !e && i < sizeof(folders) / sizeof(folders[0]); i++)
		e = file_mkdirs(file_join(tmp, n->folder, folders[i]), 0755);
	if (!e)
		e = classic_files_write(n, "nginx.conf", media_nginx_classic_conf(tmp));
	if (!e)
		e = classic_files_write(n, "mime.types", media_nginx_classic_mime(tmp));
	if (!e && n->row.http.host_port)
		e = classic_files_write(n, "sites-enabled/hls",
					media_nginx_classic_site(tmp, n->row.http.container_port));
	m = describe(n);
	text = media_nginx_classic_derived(tmp, &m, media_nginx_classic_conf(tmp));
	n->nginx->salt = mem_printf(n->nginx, "classic %d %d %s", n->row.rtmp.container_port,
				    n->row.http.container_port, in_container(n) ? "" : text);
	mem_free(tmp);
	return e;
}

char *classic_files_untested(const void *ctx, const struct node *n, const char *job)
{
	return mem_printf(ctx, "%s/" CLASSIC_FILES_UNTESTED "/%s", n->folder, job);
}

struct error *classic_files_put_back(struct node *n, const char *file, const char *old)
{
	return old && *old ? classic_files_write(n, file, old) : classic_files_remove(n, file);
}
