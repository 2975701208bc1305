/* A node's containers removed: those left behind, or all. */
#include <string.h>

#include "base/mem.h"
#include "http/form.h"
#include "node/runtime/runtime_docker.h"

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
