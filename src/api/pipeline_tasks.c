/* The planner: from what a customer orders to one task for each node. */
#include <string.h>
#include <strings.h>

#include "api/read.h"
#include "api/role.h"
#include "api/task_read.h"
#include "api/task_write.h"
#include "base/hex.h"
#include "base/mem.h"

#define KEY_BYTES 16

static const char *mode_of(const struct api_pipeline_node *n)
{
	return n->classic ? "classic" : "managed";
}

const struct api_pipeline_node *api_pipeline_node_of(const struct api_pipeline *p, enum api_role role)
{
	size_t i = 0;

	while (p->nodes[i].role != role)
		i++;
	return &p->nodes[i];
}

bool api_pipeline_sends_always(const struct api_pipeline *p, const struct api_pipeline_node *to)
{
	if (!p->wishes.standby[to->role] || !to->failover_ip || to->classic)
		return false;
	return to->role == API_STORAGE ||
	       (to->role == API_TRANSCODER && api_pipeline_sends_always(p, api_pipeline_node_of(p, API_STORAGE)));
}

void api_hops_target(const struct api_hops *h, const struct api_pipeline_node *to, const char *variant,
		     struct api_task *t, struct api_target *target)
{
	target->ip = mem_strdup(t, to->ip);
	target->failover_ip = mem_strdup(t, to->failover_ip);
	target->port = to->port;
	target->failover_port = to->failover_port;
	target->always = api_pipeline_sends_always(h->p, to);
	target->variant = mem_strdup(t, variant);
	target->mode = h->p->modes ? mem_strdup(t, mode_of(to)) : NULL;
	target->key = mem_strdup(t, h->keys[to - h->p->nodes]);
	api_target_settle(t, target, NULL);
}

/* One for each receiving node; none for a classic one, whose application asks for none. */
static char **make_keys(const void *ctx, const struct api_pipeline *p, enum api_hop_keys keys)
{
	char **made = mem_array(ctx, char *, p->node_count);

	for (size_t i = 0; keys != API_KEYS_NONE && i < p->node_count; i++)
		made[i] = p->nodes[i].classic ? NULL : hex_random(made, KEY_BYTES);
	return made;
}

/* The key that the node has, or that comes with its place: the customer's stays, whoever takes the stream in, and that
 * of one that stands in for it, whose streams go on. */
static const char *kept_key(const struct api_pipeline_node *n, const struct api_node_task *before, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(before[i].node_id, n->node_id) == 0 ||
		    (n->failover_node_id && strcasecmp(before[i].node_id, n->failover_node_id) == 0) ||
		    (n->role == API_DISTRIBUTOR && before[i].task->role == API_DISTRIBUTOR))
			return before[i].task->key;
	}
	return NULL;
}

static char **keep_keys(const void *ctx, const struct api_pipeline *p, const struct api_node_task *before, size_t count)
{
	char **keys = make_keys(ctx, p, API_KEYS_NEW);

	for (size_t i = 0; i < p->node_count; i++) {
		const char *kept = keys[i] ? kept_key(&p->nodes[i], before, count) : NULL;

		if (kept)
			keys[i] = mem_strdup(keys, kept);
	}
	return keys;
}

static struct api_task *make_task(const void *ctx, const struct api_hops *h, const struct api_pipeline_node *n,
				  int port)
{
	const struct api_pipeline *p = h->p;
	struct api_task *t = api_task_new(ctx, n->role);
	json_t *message = NULL;

	t->job = mem_strdup(t, p->job);
	t->application = mem_strdup(t, p->job);
	t->source_stream = mem_strdup(t, p->job);
	t->listen_port = port;
	t->mode = p->modes ? mem_strdup(t, mode_of(n)) : NULL;
	t->key = mem_strdup(t, h->keys[n - p->nodes]);
	if (p->fragment_s)
		t->fragment_s = p->fragment_s;
	api_role_ops(n->role)->plan(h, n, t);
	message = api_task_write(t);
	t->document = api_hold(t, message);
	json_decref(message);
	return t;
}

static void make_tasks(const struct api_hops *h, struct api_node_task *made, size_t *ret_count)
{
	const struct api_pipeline *p = h->p;
	const struct api_hops second = {p, h->keys, true};
	size_t count = 0;

	for (size_t i = 0; i < p->node_count; i++) {
		const struct api_pipeline_node *n = &p->nodes[i];

		made[count].node_id = mem_strdup(made, n->node_id);
		made[count++].task = make_task(made, h, n, n->port);
	}
	for (size_t i = 0; i < p->node_count; i++) {
		const struct api_pipeline_node *n = &p->nodes[i];

		if (!n->failover_node_id)
			continue;
		made[count].node_id = mem_strdup(made, n->failover_node_id);
		made[count].failover_of = mem_strdup(made, n->node_id);
		made[count++].task = make_task(made, &second, n, n->failover_port);
	}
	*ret_count = count;
}

static struct error *settle_tasks(struct api_node_task *made, size_t count)
{
	const struct json_place root = {NULL, NULL, 0}, at = {&root, "pipeline", 0}, tasks_at = {&at, "tasks", 0};

	for (size_t i = 0; i < count; i++) {
		const struct json_place here = {&tasks_at, NULL, i}, msg_at = {&here, "msg", 0};

		TRY(api_task_settle(made[i].task, &msg_at));
	}
	return NULL;
}

/* Takes `keys`. */
static struct error *make_all(const void *ctx, const struct api_pipeline *p, char **keys, bool settle,
			      struct api_node_task **ret_tasks, size_t *ret_count)
{
	struct api_hops h = {p, keys, false};
	struct api_node_task *made = mem_array(ctx, struct api_node_task, 2 * p->node_count);
	struct error *e = NULL;

	make_tasks(&h, made, ret_count);
	mem_free(h.keys);
	if (settle)
		e = settle_tasks(made, *ret_count);
	if (e) {
		mem_free(made);
		return e;
	}
	*ret_tasks = made;
	return NULL;
}

struct error *api_pipeline_tasks(const void *ctx, const struct api_pipeline *p, enum api_hop_keys keys,
				 struct api_node_task **ret_tasks, size_t *ret_count)
{
	return make_all(ctx, p, make_keys(NULL, p, keys), keys != API_KEYS_NONE, ret_tasks, ret_count);
}

struct error *api_pipeline_tasks_again(const void *ctx, const struct api_pipeline *p,
				       const struct api_node_task *before, size_t before_count,
				       struct api_node_task **ret_tasks, size_t *ret_count)
{
	return make_all(ctx, p, keep_keys(NULL, p, before, before_count), true, ret_tasks, ret_count);
}

json_t *api_pipeline_private(const struct api_pipeline *p, const struct api_node_task *tasks, size_t count)
{
	json_t *document = json_object(), *list = json_array();
	json_t *comments = json_object_get(p->document, "_comments");

	if (comments)
		json_object_set_new(document, "_comments", json_deep_copy(comments));
	json_put(document, "apiVersion", "1.00");
	json_put(document, "typeApi", "private");
	json_put(document, "command", "pipeline");
	json_put(document, "subcommand", "start");
	json_object_set_new(document, "pipeline", json_pack("{s:o}", "tasks", list));
	for (size_t i = 0; i < count; i++) {
		json_t *task = json_object();

		json_put(task, "node_id", tasks[i].node_id);
		if (tasks[i].failover_of)
			json_put(task, "failover_of", tasks[i].failover_of);
		json_object_set(task, "msg", tasks[i].task->document);
		json_array_append_new(list, task);
	}
	return document;
}
