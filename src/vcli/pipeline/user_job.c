#include "vcli/pipeline/user_job.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "api/grammar.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "bus/keyring.h"
#include "client/folders.h"
#include "media/ffmpeg.h"
#include "vcli/pipeline/endpoints.h"
#include "vcli/suggest.h"

#define FILE_LIMIT (4 * 1024 * 1024)
#define DEFAULT_FRAGMENT_S 5

static int job_destroy(struct user_job *j)
{
	json_decref(j->document);
	json_decref(j->sent);
	return 0;
}

static struct user_job *job_new(const void *ctx)
{
	struct user_job *j = mem_new(ctx, struct user_job);

	talloc_set_destructor(j, job_destroy);
	return j;
}

struct error *user_job_path(const void *ctx, const struct client_state_options *state, const char *name,
			    char **ret_path)
{
	char *folder = NULL;

	TRY(client_state_make(ctx, state, "jobs", &folder));
	*ret_path = file_join(ctx, folder, mem_printf(ctx, "%s.json", name));
	return NULL;
}

/* --- from a document --- */

/* A t45 list may name a node by its public key, which its id is made of. */
static struct error *read_node_id(struct user_job *j, const char *name, const struct json_place *at, char **ret_id)
{
	const struct json_place enode_at = {at, "enode", 0};
	uint8_t public[SECP_PUBLIC_BYTES];
	char id[KEYRING_ID_SIZE];
	struct error *e = NULL;

	if (strlen(name) == KEYRING_ENODE_DIGITS) {
		e = keyring_read_enode(name, public, id);
		name = id;
	}
	if (e) {
		struct error *placed = json_place_error(&enode_at, "%s", e->message);

		error_free(e);
		return placed;
	}
	*ret_id = mem_strdup(j, name);
	return NULL;
}

/* Nodes and job of the tasks that will be sent. */
static struct error *take_tasks(struct user_job *j)
{
	j->nodes = mem_array(j, struct user_job_node, j->node_count);
	for (size_t i = 0; i < j->node_count; i++) {
		const struct json_place root = {NULL, "document", 0}, list = {&root, "tasks", 0}, at = {&list, NULL, i};
		const struct api_task *task = j->tasks[i].task;

		if (j->name && strcmp(j->name, task->job) != 0)
			return json_place_error(&at, "is for job \"%s\", the first task for \"%s\"", task->job,
						j->name);
		j->name = mem_strdup(j, task->job);
		TRY(read_node_id(j, j->tasks[i].node_id, &at, &j->nodes[i].node_id));
		j->nodes[i].role = mem_strdup(j, api_role_name(task->role));
		if (task->role == API_STORAGE)
			j->fragment_s = task->hls.fragment_s;
		if (task->role == API_DISTRIBUTOR && task->key)
			j->key = mem_strdup(j, task->key);
	}
	if (!j->fragment_s)
		j->fragment_s = DEFAULT_FRAGMENT_S;
	return NULL;
}

static char *watch_url(struct user_job *j, const struct api_pipeline_node *n, const char *job)
{
	bool v6 = strchr(n->ip, ':') != NULL;

	return mem_printf(j, "http://%s%s%s:%d/%s/%s.m3u8", v6 ? "[" : "", n->ip, v6 ? "]" : "", n->http_port,
			  n->classic ? job : "hls", job);
}

/* Where the customer publishes and watches: only a public document knows the nodes' addresses. */
static void set_url(struct user_job *j, const struct api_pipeline *p)
{
	for (size_t i = 0; i < p->node_count; i++) {
		const struct api_pipeline_node *n = &p->nodes[i];

		if (n->role == API_STORAGE)
			j->watch = watch_url(j, n, p->job);
		if (n->role != API_DISTRIBUTOR)
			continue;
		char *url = media_rtmp_url(j, n->ip, n->port, n->classic ? p->job : MEDIA_INGEST, p->job, NULL);

		*strrchr(url, '/') = '\0';
		j->url = url;
	}
}

/* The same order again keeps its keys: nothing changes at nodes that have it already. */
static bool reuse_keys(const struct client_state_options *state, struct user_job *j, const char *name)
{
	struct user_job *before = NULL;
	struct error *e = user_job_load(j, state, name, &before);
	bool same = !e && before->sent && json_equal(before->document, j->document);

	if (same)
		j->sent = json_incref(before->sent);
	error_free(e);
	return same;
}

static struct error *read_private(struct user_job *j)
{
	return api_private_tasks(j, j->sent, j->folder, &j->tasks, &j->node_count);
}

static struct error *read_public(const struct client_state_options *state, struct user_job *j)
{
	struct api_pipeline *p = NULL;

	TRY(api_pipeline_read(j, j->document, &p));
	set_url(j, p);
	if (reuse_keys(state, j, p->job))
		return read_private(j);
	TRY(api_pipeline_tasks(j, p, API_KEYS_NEW, &j->tasks, &j->node_count));
	j->sent = api_pipeline_private(p, j->tasks, j->node_count);
	return NULL;
}

bool user_job_is_public(const json_t *document)
{
	const char *type = json_string_value(json_object_get(document, "typeApi"));

	return type && strcmp(type, "public") == 0;
}

static struct error *read_document(const struct client_state_options *state, struct user_job *j)
{
	if (user_job_is_public(j->document)) {
		TRY(read_public(state, j));
	} else {
		j->sent = json_incref(j->document);
		TRY(read_private(j));
	}
	return take_tasks(j);
}

static char *folder_of(const void *ctx, const char *path)
{
	char *real = realpath(path, NULL), *folder = mem_strdup(ctx, real ? real : path), *slash = strrchr(folder, '/');

	free(real);
	if (!slash)
		return mem_strdup(ctx, ".");
	slash[slash == folder] = '\0';
	return folder;
}

struct error *user_job_from_file_settled(const void *ctx, struct vcli *v, const char *path, user_job_settle_fn *settle,
					 struct user_job **ret_job)
{
	struct user_job *j = job_new(ctx);
	struct error *e = json_parse_file(path, FILE_LIMIT, &j->document);

	if (e) {
		mem_free(j);
		return e;
	}
	j->folder = folder_of(j, path);
	e = user_job_is_public(j->document) ? settle(v, j->document) : read_document(&v->set.client.state, j);
	if (!e)
		e = user_job_is_public(j->document) ? read_document(&v->set.client.state, j) : settle(v, j->document);
	if (e) {
		mem_free(j);
		return error_wrap(e, "%s", path);
	}
	*ret_job = j;
	return NULL;
}

struct error *user_job_from_file(const void *ctx, struct vcli *v, const char *path, struct user_job **ret_job)
{
	return user_job_from_file_settled(ctx, v, path, endpoints_from_known, ret_job);
}

/* --- the job's file --- */

struct error *user_job_store(const struct client_state_options *state, const struct user_job *j)
{
	void *scope = mem_new(NULL, char);
	json_t *o = json_object(), *nodes = json_array();
	char *path = NULL, *text = NULL;
	struct error *e = user_job_path(scope, state, j->name, &path);

	for (size_t i = 0; i < j->node_count; i++) {
		json_t *n = json_object();

		json_put(n, "node_id", j->nodes[i].node_id);
		json_put(n, "role", j->nodes[i].role);
		json_array_append_new(nodes, n);
	}
	json_put(o, "job", j->name);
	json_put(o, "time", clock_format(scope, clock_wall_ms()));
	json_put(o, "folder", j->folder);
	json_put_decimal(o, "fragment", j->fragment_s);
	if (j->url)
		json_put(o, "url", j->url);
	if (j->watch)
		json_put(o, "watch", j->watch);
	if (j->key)
		json_put(o, "key", j->key);
	json_object_set_new(o, "nodes", nodes);
	json_object_set(o, "document", j->document);
	json_object_set(o, "private", j->sent);
	text = json_text(scope, o);
	json_decref(o);
	if (!e)
		e = file_write_atomic(path, text, strlen(text), 0600);
	mem_free(scope);
	return e ? error_wrap(e, "the job's file") : NULL;
}

static struct error *read_stored(struct user_job *j, const json_t *o, const struct json_place *at)
{
	const struct json_place nodes_at = {at, "nodes", 0};
	const char *name = NULL, *folder = ".", *url = NULL, *watch = NULL, *key = NULL;
	int64_t fragment_s = DEFAULT_FRAGMENT_S;
	json_t *nodes = NULL, *document = NULL, *sent = NULL;

	TRY(json_read_string(o, at, "job", &name));
	TRY(json_read_string_opt(o, at, "folder", &folder));
	TRY(json_read_string_opt(o, at, "url", &url));
	TRY(json_read_string_opt(o, at, "watch", &watch));
	TRY(json_read_string_opt(o, at, "key", &key));
	TRY(json_read_decimal_opt(o, at, "fragment", 1, 3600, &fragment_s));
	TRY(json_read_array(o, at, "nodes", 1, 10000, &nodes));
	TRY(json_read_object(o, at, "document", &document));
	TRY(json_read_object(o, at, "private", &sent));
	j->name = mem_strdup(j, name);
	j->folder = mem_strdup(j, folder);
	j->url = url ? mem_strdup(j, url) : NULL;
	j->watch = watch ? mem_strdup(j, watch) : NULL;
	j->key = key ? mem_strdup(j, key) : NULL;
	j->fragment_s = (int)fragment_s;
	j->document = json_incref(document);
	j->sent = json_incref(sent);
	j->node_count = json_array_size(nodes);
	j->nodes = mem_array(j, struct user_job_node, j->node_count);
	for (size_t i = 0; i < j->node_count; i++) {
		const struct json_place here = {&nodes_at, NULL, i};
		const char *id = NULL, *role = NULL;

		TRY(json_read_string(json_array_get(nodes, i), &here, "node_id", &id));
		TRY(json_read_string(json_array_get(nodes, i), &here, "role", &role));
		j->nodes[i].node_id = mem_strdup(j, id);
		j->nodes[i].role = mem_strdup(j, role);
	}
	return NULL;
}

static struct error *unknown_job(const void *ctx, const struct client_state_options *state, const char *name)
{
	struct suggest_word s = {.word = name};
	char **names = NULL;

	error_free(user_job_names(ctx, state, &names));
	for (char **n = names; n && *n; n++)
		suggest_try(&s, *n);
	if (s.best)
		return error_new(ERROR_NOT_FOUND, "no job \"%s\" was started from here; did you mean \"%s\"?", name,
				 s.best);
	return error_new(
		ERROR_NOT_FOUND,
		"no job \"%s\" was started from here (\"vcli pipeline list\" shows those that were); elsewhere, name the document instead of the job",
		name);
}

/* The one job whose id begins with `text`. */
static struct error *job_begun(const void *ctx, const struct client_state_options *state, const char *text,
			       char **ret_name)
{
	char **names = NULL, *list = NULL, *found = NULL;

	TRY(user_job_names(ctx, state, &names));
	assert(names);
	for (char **n = names; *n; n++) {
		if (strncmp(*n, text, strlen(text)) != 0)
			continue;
		list = list ? mem_printf(ctx, "%s, %s", list, *n) : *n;
		found = found ? found : *n;
	}
	if (!found)
		return unknown_job(ctx, state, text);
	if (found != list)
		return error_new(ERROR_INVALID, "\"%s\" is the beginning of several jobs: %.400s", text, list);
	*ret_name = found;
	return NULL;
}

struct error *user_job_load(const void *ctx, const struct client_state_options *state, const char *name,
			    struct user_job **ret_job)
{
	const struct json_place at = {NULL, NULL, 0}, name_at = {NULL, "JOB", 0};
	struct user_job *j = NULL;
	json_t *o = NULL;
	char *path = NULL;
	struct error *e = NULL;

	TRY(api_check_job(name, &name_at));
	TRY(user_job_path(ctx, state, name, &path));
	if (!file_exists(path)) {
		char *whole = NULL;

		TRY(job_begun(ctx, state, name, &whole));
		TRY(user_job_path(ctx, state, whole, &path));
	}
	TRY(json_parse_file(path, FILE_LIMIT, &o));
	j = job_new(ctx);
	e = read_stored(j, o, &at);
	json_decref(o);
	if (e) {
		mem_free(j);
		return error_wrap(e, "%s", path);
	}
	j->stored = true;
	*ret_job = j;
	return NULL;
}

struct error *user_job_find(const void *ctx, struct vcli *v, const char *text, struct user_job **ret_job)
{
	const struct json_place at = {NULL, "JOB", 0};
	struct error *e = api_check_job(text, &at);
	char *path = NULL;
	bool is_name = !e;

	error_free(e);
	if (is_name)
		TRY(user_job_path(ctx, &v->set.client.state, text, &path));
	/* A job of that name goes before a file of that name in the working folder. */
	if (is_name && (file_exists(path) || !file_exists(text)))
		return user_job_load(ctx, &v->set.client.state, text, ret_job);
	return user_job_from_file(ctx, v, text, ret_job);
}

struct error *user_job_forget(const struct client_state_options *state, const struct user_job *j)
{
	void *scope = mem_new(NULL, char);
	char *path = NULL;
	struct error *e = user_job_path(scope, state, j->name, &path);

	if (!e)
		e = file_remove(path);
	mem_free(scope);
	return e;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct error *user_job_names(const void *ctx, const struct client_state_options *state, char ***ret_names)
{
	char *folder = NULL, **names = mem_array(ctx, char *, 1);
	size_t count = 0;
	struct dirent *entry = NULL;
	DIR *d = NULL;

	TRY(client_state_make(ctx, state, "jobs", &folder));
	d = opendir(folder);
	if (!d)
		return error_sys(errno, "%s", folder);
	while ((entry = readdir(d))) {
		size_t len = strlen(entry->d_name);

		if (len <= 5 || strcmp(entry->d_name + len - 5, ".json") != 0 || entry->d_name[0] == '.')
			continue;
		names = mem_resize(ctx, names, char *, count + 2);
		names[count++] = mem_strndup(names, entry->d_name, len - 5);
	}
	closedir(d);
	names[count] = NULL;
	qsort(names, count, sizeof(*names), by_name);
	*ret_names = names;
	return NULL;
}
