#include "vcli/order/context.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "client/folders.h"
#include "crypto/secret.h"

#define FILE_BYTES ((size_t)4 << 20)
#define LOCK_MS 5000
#define LOOK_US 50000

static struct error *path_of(struct vcli *v, const char *name, char **ret_path)
{
	char *folder = NULL;

	TRY(client_state_make(v, &v->set.client.state, NULL, &folder));
	*ret_path = file_join(v, folder, name);
	return NULL;
}

static struct error *check_form(const char *path, const json_t *all)
{
	const json_t *contexts = json_object_get(all, "contexts"), *one;
	const char *name;

	if (!json_is_object(contexts))
		return error_new(ERROR_INVALID, "%s: has no contexts; remove it and log in again", path);
	json_object_foreach ((json_t *)contexts, name, one) {
		if (!json_is_string(json_object_get(one, "url")))
			return error_new(ERROR_INVALID,
					 "%s: the context %.100s has no url; remove the file and log in again", path,
					 name);
	}
	return NULL;
}

static struct error *check_mode(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & 077))
		return error_new(ERROR_REFUSED, "%s: others may read it; chmod 0600 it, it holds tokens", path);
	return NULL;
}

struct error *contexts_read(struct vcli *v, json_t **ret_all)
{
	char *path = NULL;
	json_t *all = NULL;
	struct error *e;

	TRY(path_of(v, "contexts.json", &path));
	if (!file_exists(path)) {
		*ret_all = json_pack("{s:{}}", "contexts");
		return NULL;
	}
	TRY(check_mode(path));
	TRY(json_parse_file(path, FILE_BYTES, &all));
	e = check_form(path, all);
	if (e) {
		json_decref(all);
		return e;
	}
	*ret_all = all;
	return NULL;
}

json_t *contexts_find(const json_t *all, const char *name)
{
	return json_object_get(json_object_get(all, "contexts"), name);
}

json_t *contexts_current(const json_t *all)
{
	const char *name = json_string_value(json_object_get(all, "current"));

	return name ? contexts_find(all, name) : NULL;
}

/* --- changing --- */

static struct error *lock(struct vcli *v, int *ret_fd)
{
	const int64_t until = clock_mono_ms() + LOCK_MS;
	char *path = NULL;
	struct error *e;

	TRY(path_of(v, "contexts.lock", &path));
	while ((e = file_lock(path, ret_fd)) && e->code == ERROR_EXISTS && clock_mono_ms() < until) {
		error_free(e);
		usleep(LOOK_US);
	}
	return e;
}

static struct error *write_all(struct vcli *v, const json_t *all)
{
	char *path = NULL, *text;
	struct error *e;

	TRY(path_of(v, "contexts.json", &path));
	text = json_text(v, all);
	e = file_write_atomic(path, text, strlen(text), 0600);
	secret_wipe(text, strlen(text));
	mem_free(text);
	return e;
}

struct error *contexts_change(struct vcli *v, contexts_fn *change, void *arg)
{
	json_t *all = NULL;
	int fd = -1;
	struct error *e;

	TRY(lock(v, &fd));
	e = contexts_read(v, &all);
	if (!e)
		e = change(all, arg);
	if (!e)
		e = write_all(v, all);
	json_decref(all);
	close(fd);
	return e;
}

struct contexts_new {
	const char *name;
	json_t *context;
};

static struct error *put(json_t *all, void *arg)
{
	const struct contexts_new *n = arg;
	json_t *contexts = json_object_get(all, "contexts");

	if (!json_object_get(contexts, n->name) && json_object_size(contexts) >= CONTEXTS_MOST)
		return error_new(ERROR_LIMIT, "%d contexts are kept: vcli context remove takes one away",
				 CONTEXTS_MOST);
	json_object_set(contexts, n->name, n->context);
	json_put(all, "current", n->name);
	return NULL;
}

struct error *contexts_put(struct vcli *v, const char *name, json_t *context)
{
	struct contexts_new n = {name, context};
	struct error *e = contexts_change(v, put, &n);

	json_decref(context);
	return e;
}
