#include "node/mode/classic.h"

#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "node/job/job.h"
#include "node/mode/classic_allow.h"
#include "node/mode/classic_files.h"
#include "node/mode/classic_job.h"
#include "node/mode/classic_reload.h"

/* nginx accepts connections. */
static bool answers(const struct node *n)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)n->row.rtmp.host_port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;

	if (fd >= 0)
		close(fd);
	return connected;
}

/* --- what an earlier agent left --- */

typedef struct error *name_fn(struct node *n, const char *name);

static struct error *each_name(struct node *n, const char *folder, name_fn *fn)
{
	char *path = file_join(NULL, n->folder, folder);
	DIR *dir = opendir(path);
	struct error *e = NULL;
	const struct dirent *entry;

	mem_free(path);
	while (!e && dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			e = fn(n, entry->d_name);
	}
	if (dir)
		closedir(dir);
	return e;
}

static struct error *tidy_untested(struct node *n, const char *job)
{
	void *tmp = mem_strdup(NULL, "");
	char *path = classic_files_untested(tmp, n, job), *old = NULL;
	struct error *e = file_read(tmp, path, CLASSIC_FILES_LIMIT, &old, NULL);

	if (!e)
		e = classic_files_put_back(n, mem_printf(tmp, "app-enabled/%s", job), old);
	if (!e)
		e = file_remove(path);
	mem_free(tmp);
	n->classic_tidied = true;
	return e;
}

static struct error *tidy_enabled(struct node *n, const char *job)
{
	const struct job *j = node_job(n, job);
	char *file;
	struct error *e;

	if (j && j->wanted)
		return NULL;
	file = mem_printf(NULL, "app-enabled/%s", job);
	e = classic_files_remove(n, file);
	mem_free(file);
	n->classic_tidied = true;
	return e;
}

/* Take back what an earlier agent wrote and had not tested, remove what belongs to no wanted job: it died between
 * storing a stop and carrying it out, or the node was removed. */
static struct error *tidy(struct node *n)
{
	TRY(each_name(n, CLASSIC_FILES_UNTESTED, tidy_untested));
	return each_name(n, "nginx/app-enabled", tidy_enabled);
}

static void on_tidied(bool taken, void *arg)
{
	(void)taken; /* its next start reads the files */
	node_step(arg);
}

/* Let nginx see what was tidied. */
static void up(struct node *n)
{
	if (!n->classic_tidied || n->classic_busy)
		return;
	n->classic_tidied = false;
	classic_reload_begin(n, on_tidied, n);
}

/* --- as a mode --- */

static const struct mode_mount mounts[] = {
	{"/opt/nginx/nginx.conf", "nginx/nginx.conf"},
	{"/opt/nginx/mime.types", "nginx/mime.types"},
	{"/opt/nginx/app-enabled", "nginx/app-enabled"},
	{"/opt/nginx/sites-enabled", "nginx/sites-enabled"},
	{"/opt/data", "data"},
};

static struct error *check(const struct agent_settings *s, bool container)
{
	return container ? classic_allow_check_container(s->classic_allow) : NULL;
}

/* Nobody in a container asks who publishes. */
static int local_port(const struct node *n)
{
	return classic_allow_all(n->host->settings.classic_allow) ? 0 : n->row.rtmp.container_port;
}

static char **nginx_argv(const void *ctx, const struct node *n)
{
	return classic_files_argv(ctx, n, false);
}

static void look(struct node *n)
{
	n->up = n->up || answers(n);
}

const struct mode_ops mode_classic = {
	.name = "classic",
	.mounts = mounts,
	.mount_count = sizeof(mounts) / sizeof(mounts[0]),
	.check = check,
	.local_port = local_port,
	.open = classic_files_open,
	.tidy = tidy,
	.nginx_argv = nginx_argv,
	.look = look,
	.up = up,
	.ended = classic_reload_nginx_ended,
	.job = &classic_job,
};
