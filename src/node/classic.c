#include "node/classic.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "media/nginx.h"
#include "node/classic_reload.h"
#include "node/folders.h"
#include "node/store.h"

#define TEXT_LIMIT (1 << 20)
#define TEST_MS 10000
#define BUSY_MS 50
#define CONTAINER_PREFIX "/opt/nginx"
/* What the files here replace stands in a file of the same name until nginx has tested them and taken them over: an
 * agent that dies meanwhile leaves nothing that the next one takes for served. */
#define UNTESTED "untested"

static bool in_container(const struct node *n)
{
	return n->ops != &runtime_process;
}

static const char *const this_machine[] = {"127.0.0.1", NULL};

static bool is_publisher(const char *text)
{
	char address[INET_ADDRSTRLEN] = "";
	size_t len = strcspn(text, "/"), digits = strspn(text + len + (text[len] == '/'), "0123456789");
	struct in_addr found;

	if (strcmp(text, "all") == 0)
		return true;
	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	if (inet_pton(AF_INET, address, &found) != 1)
		return false;
	return !text[len] ||
	       (digits > 0 && digits < 3 && !text[len + 1 + digits] && strtol(text + len + 1, NULL, 10) <= 32);
}

struct error *classic_check_publishers(char *const *list)
{
	for (; list && *list; list++) {
		if (!is_publisher(*list))
			return error_new(
				ERROR_INVALID,
				"--classic-allow: \"%.80s\" is no IPv4 address, network such as 192.0.2.0/24, nor all",
				*list);
	}
	return NULL;
}

static bool allows(char *const *list, const char *wanted)
{
	for (; list && *list; list++) {
		if (strcmp(*list, wanted) == 0)
			return true;
	}
	return false;
}

static bool allows_others(char *const *list)
{
	for (; list && *list; list++) {
		if (strncmp(*list, "127.", 4) != 0)
			return true;
	}
	return false;
}

struct error *classic_check_container(char *const *list)
{
	if (allows(list, "all") || !allows_others(list))
		return NULL;
	return error_new(
		ERROR_INVALID,
		"--classic-allow: a classic node in Docker takes publishers of this machine alone, or with \"--classic-allow all\" whoever reaches its port (a firewall's matter then); addresses are asked for where the node's runtime is process");
}

struct error *classic_local_port(const struct node *n, bool container, int *ret_port)
{
	char **allow = n->agent->settings.classic_allow;

	*ret_port = 0;
	if (!n->classic || !container || allows(allow, "all"))
		return NULL;
	TRY(classic_check_container(allow));
	*ret_port = n->row.rtmp.container_port;
	return NULL;
}

static struct media_nginx_node describe(const struct node *n)
{
	char **allow = n->agent->settings.classic_allow;

	return (struct media_nginx_node){
		.role = n->row.role,
		.path = n->path,
		.module_path = n->agent->settings.rtmp_module,
		.rtmp_port = n->row.rtmp.container_port,
		.http_port = n->row.http.container_port,
		.publishers = allow ? (const char *const *)allow : this_machine,
	};
}

static char *exact_path(const void *ctx, const struct node *n, const char *name)
{
	return mem_printf(ctx, "%s/nginx/%s", n->folder, name);
}

static char *derived_path(const void *ctx, const struct node *n, const char *name)
{
	return mem_printf(ctx, "%s/derived/%s", n->folder, name);
}

char **classic_nginx_argv(const void *ctx, struct node *n, bool test)
{
	const struct agent_settings *s = &n->agent->settings;

	if (in_container(n))
		return media_nginx_argv(ctx, "nginx", CONTAINER_PREFIX, CONTAINER_PREFIX "/nginx.conf", s->rtmp_module,
					test);
	return media_nginx_argv(ctx, s->nginx, n->path, mem_printf(ctx, "%s/derived/nginx.conf", n->path), NULL, test);
}

bool classic_answers(const struct node *n)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)n->row.rtmp.host_port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool answers = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;

	if (fd >= 0)
		close(fd);
	return answers;
}

/* The exact file, and for the process runtime the copy that nginx runs. */
static struct error *write_both(struct node *n, const char *name, const char *text)
{
	void *tmp = mem_strdup(NULL, "");
	struct media_nginx_node m = describe(n);
	struct error *e = file_write_atomic(exact_path(tmp, n, name), text, strlen(text), 0644);

	if (!e && !in_container(n)) {
		char *derived = media_nginx_classic_derived(tmp, &m, text);

		e = file_write_atomic(derived_path(tmp, n, name), derived, strlen(derived), 0644);
	}
	mem_free(tmp);
	return e;
}

static struct error *remove_both(struct node *n, const char *name)
{
	void *tmp = mem_strdup(NULL, "");
	struct error *e = file_remove(exact_path(tmp, n, name));

	if (!e)
		e = file_remove(derived_path(tmp, n, name));
	mem_free(tmp);
	return e;
}

struct error *classic_open(struct node *n)
{
	void *tmp = mem_strdup(NULL, "");
	struct media_nginx_node m;
	struct error *e = NULL;
	char *text;

	/* Folders only; a control.sock that nginx listens on must stay. */
	static const char *const folders[] = {"nginx/app-enabled", "nginx/sites-enabled", "derived/app-enabled",
					      "derived/sites-enabled", UNTESTED};

	for (size_t i = 0; !e && i < sizeof(folders) / sizeof(folders[0]); i++)
		e = file_mkdirs(file_join(tmp, n->folder, folders[i]), 0755);
	if (!e)
		e = write_both(n, "nginx.conf", media_nginx_classic_conf(tmp));
	if (!e)
		e = write_both(n, "mime.types", media_nginx_classic_mime(tmp));
	if (!e && n->row.http.host_port)
		e = write_both(n, "sites-enabled/hls", media_nginx_classic_site(tmp, n->row.http.container_port));
	m = describe(n);
	text = media_nginx_classic_derived(tmp, &m, media_nginx_classic_conf(tmp));
	n->nginx->salt = mem_printf(n->nginx, "classic %d %d %s", n->row.rtmp.container_port,
				    n->row.http.container_port, in_container(n) ? "" : text);
	mem_free(tmp);
	return e;
}

/* --- a change: write, test, reload or restore --- */

struct change {
	struct node *node;
	char *job, *hash, *file, *old; /* old NULL: there was none */
};

static char *untested_path(const void *ctx, const struct node *n, const char *job)
{
	return mem_printf(ctx, "%s/" UNTESTED "/%s", n->folder, job);
}

/* No file is ever empty: that stands for none. */
static struct error *put_back(struct node *n, const char *file, const char *old)
{
	return old && *old ? write_both(n, file, old) : remove_both(n, file);
}

static void restore(struct change *c)
{
	struct error *e = put_back(c->node, c->file, c->old);

	if (e)
		log_error("classic.restore", "node=%s job=%s reason=%s", c->node->row.id, c->job, log_q(e->message));
	error_free(e);
}

/* The job it was made for, if that still wants it. */
static struct job *job_of(const struct change *c)
{
	struct job *j = node_job(c->node, c->job);

	return j && !strcmp(j->hash, c->hash) && j->state == JOB_STARTING ? j : NULL;
}

/* The change is through or taken back. */
static void settle(struct change *c)
{
	struct job *j = node_job(c->node, c->job);
	struct error *e = file_remove(untested_path(c, c->node, c->job));

	if (e)
		log_warn("classic.settled", "node=%s job=%s reason=%s", c->node->row.id, c->job, log_q(e->message));
	error_free(e);
	if (j)
		j->classic_busy = false;
}

static void on_started(bool taken, void *arg)
{
	struct change *c = arg;
	struct node *n = c->node;
	struct job *j = job_of(c);

	settle(c);
	if (j && taken)
		job_serves(j);
	else if (j)
		j->prepared = false; /* once nginx is up again it serves this file: classic_start() sees that */
	mem_free(c);
	node_step(n);
}

static void on_tested(const struct child_result *r, void *arg)
{
	struct change *c = arg;
	struct node *n = c->node;
	struct job *j;

	if (!r->error && r->code == 0) {
		classic_reload_begin(n, on_started, c);
		return;
	}
	n->classic_busy = false;
	restore(c);
	settle(c);
	j = job_of(c);
	if (j && r->error)
		job_in_trouble(j, error_copy(r->error));
	else if (j)
		job_in_trouble(j, error_new(ERROR_FAILED, "nginx refuses the configuration, the old one is back: %s",
					    r->err ? r->err : ""));
	mem_free(c);
	node_step(n);
}

/* Where hls_path points to. */
static struct error *make_data(struct job *j)
{
	struct node *n = j->node;
	char *name = mem_printf(NULL, "data/%s", j->task->application);
	struct error *e =
		j->task->role == API_STORAGE ? beneath_mkdirs(n->folder, name, 0755, folders_units(&n->units)) : NULL;

	mem_free(name);
	return e;
}

static void test(struct job *j, char *file, char *old)
{
	struct node *n = j->node;
	struct change *c = mem_new(n, struct change);

	c->node = n;
	c->job = mem_strdup(c, j->name);
	c->hash = mem_strdup(c, j->hash);
	c->file = mem_strdup(c, file);
	c->old = old ? mem_strdup(c, old) : NULL;
	n->classic_busy = j->classic_busy = true;
	n->ops->run(n->runtime, (const char *const *)classic_nginx_argv(c, n, true), TEST_MS, on_tested, c);
}

void classic_start(struct job *j)
{
	struct node *n = j->node;
	char *text, *old = NULL, *file;
	struct error *e;
	void *tmp;

	j->state = state_next(&state_of_job, j->state, JOB_STARTING);
	if (n->classic_busy)
		return; /* node_step() comes again */
	tmp = mem_strdup(NULL, "");
	file = mem_printf(tmp, "app-enabled/%s", j->name);
	j->prepared = true;
	e = media_nginx_classic_app(tmp, j->task, &text);
	if (!e && file_exists(exact_path(tmp, n, file)))
		e = file_read(tmp, exact_path(tmp, n, file), TEXT_LIMIT, &old, NULL);
	if (!e)
		e = make_data(j);
	if (!e && old && !strcmp(old, text)) {
		job_serves(j);
	} else {
		if (!e)
			e = file_write_atomic(untested_path(tmp, n, j->name), old ? old : "", old ? strlen(old) : 0,
					      0644);
		if (!e)
			e = write_both(n, file, text);
		if (!e)
			test(j, file, old);
	}
	if (e)
		job_in_trouble(j, e);
	mem_free(tmp);
}

struct stop {
	struct node *node;
	char *job;
};

static void on_stopped(bool taken, void *arg)
{
	struct stop *s = arg;
	struct node *n = s->node;
	struct job *j = node_job(n, s->job);

	(void)taken; /* nginx that has ended runs nothing of the job either */
	mem_free(s);
	if (!j || j->state != JOB_DRAINING) {
		node_step(n); /* started again meanwhile */
		return;
	}
	mem_free(j->trouble);
	j->trouble = NULL;
	job_has_stopped(j);
}

static void on_stop(void *arg)
{
	struct job *j = arg;
	struct node *n = j->node;
	struct error *e;
	struct stop *s;
	char *file;

	if (n->classic_busy)
		return;
	file = mem_printf(NULL, "app-enabled/%s", j->name);
	e = remove_both(n, file);
	mem_free(file);
	if (e) {
		job_in_trouble(j, e);
		return;
	}
	mem_free(j->timer);
	j->timer = NULL;
	s = mem_new(n, struct stop);
	s->node = n;
	s->job = mem_strdup(s, j->name);
	classic_reload_begin(n, on_stopped, s);
}

void classic_stop(struct job *j)
{
	if (j->state == JOB_STOPPED)
		return;
	j->state = state_next(&state_of_job, j->state, JOB_DRAINING);
	mem_free(j->timer);
	j->timer = timer_start(j, j->node->agent->loop, 1, BUSY_MS, on_stop, j);
}

struct error *classic_remove(struct job *j)
{
	char *name = mem_printf(NULL, "data/%s", j->task->application);
	struct error *e = j->task->role == API_STORAGE ? beneath_remove_tree(j->node->folder, name) : NULL;

	mem_free(name);
	return e;
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
	char *path = untested_path(tmp, n, job), *old = NULL;
	struct error *e = file_read(tmp, path, TEXT_LIMIT, &old, NULL);

	if (!e)
		e = put_back(n, mem_printf(tmp, "app-enabled/%s", job), old);
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
	e = remove_both(n, file);
	mem_free(file);
	n->classic_tidied = true;
	return e;
}

struct error *classic_tidy(struct node *n)
{
	TRY(each_name(n, UNTESTED, tidy_untested));
	return each_name(n, "nginx/app-enabled", tidy_enabled);
}

static void on_tidied(bool taken, void *arg)
{
	(void)taken; /* its next start reads the files */
	node_step(arg);
}

void classic_up(struct node *n)
{
	if (!n->classic_tidied || n->classic_busy)
		return;
	n->classic_tidied = false;
	classic_reload_begin(n, on_tidied, n);
}
