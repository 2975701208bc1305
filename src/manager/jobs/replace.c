#include "manager/jobs/replace.h"

#include <string.h>
#include <strings.h>

#include "api/pipeline.h"
#include "base/json.h"
#include "base/mem.h"

static json_t *nodes_of(const json_t *document)
{
	return json_object_get(json_object_get(document, "pipeline"), "nodes");
}

static const char *id_of(const json_t *node)
{
	const char *id = json_string_value(json_object_get(node, "node_id"));

	return id ? id : "";
}

bool replace_find(const struct order_row *row, const char *node_id, size_t *ret_place)
{
	const json_t *nodes = nodes_of(row->document);

	for (size_t i = 0; i < json_array_size(nodes); i++) {
		if (strcasecmp(id_of(json_array_get(nodes, i)), node_id) == 0) {
			*ret_place = i;
			return true;
		}
	}
	return false;
}

/* What belongs to the place and not to the node. */
static json_t *in_place_of(const json_t *from, const json_t *node)
{
	json_t *made = json_deep_copy(node), *renditions = json_object_get(from, "renditions");

	if (renditions)
		json_object_set_new(made, "renditions", json_deep_copy(renditions));
	return made;
}

/* --- who is to be told --- */

static const struct api_node_task *task_of(const struct api_node_task *tasks, size_t count, const char *node_id)
{
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(tasks[i].node_id, node_id) == 0)
			return &tasks[i];
	}
	return NULL;
}

/* A node is told one thing: what was to be told it before is outdated, but who is new stays so until he serves. */
static void add_telling(const void *ctx, struct move_set *set, const char *node_id, enum api_role role,
			enum move_step step)
{
	size_t at = 0;

	while (at < set->telling_count && strcmp(set->tellings[at].node_id, node_id) != 0)
		at++;
	if (at == set->telling_count) {
		struct move_telling *t;

		set->tellings = mem_resize(ctx, set->tellings, struct move_telling, set->telling_count + 1);
		t = &set->tellings[set->telling_count++];
		*t = (struct move_telling){mem_strdup(ctx, node_id), mem_strdup(ctx, api_role_name(role)), step};
	} else if (set->tellings[at].step != MOVE_NEW || step == MOVE_OUT) {
		set->tellings[at].step = step;
	}
}

static void compare(const void *ctx, struct move_set *set, const struct api_node_task *before, size_t before_count,
		    const struct api_node_task *after, size_t after_count)
{
	for (size_t i = 0; i < after_count; i++) {
		const struct api_node_task *was = task_of(before, before_count, after[i].node_id);

		if (!was)
			add_telling(ctx, set, after[i].node_id, after[i].task->role, MOVE_NEW);
		else if (!json_equal(was->task->document, after[i].task->document))
			add_telling(ctx, set, after[i].node_id, after[i].task->role, MOVE_NEIGHBOUR);
	}
	for (size_t i = 0; i < before_count; i++) {
		if (!task_of(after, after_count, before[i].node_id))
			add_telling(ctx, set, before[i].node_id, before[i].task->role, MOVE_OUT);
	}
}

static void add_move(const void *ctx, struct move_set *set, const struct move_place *m)
{
	set->moves = mem_resize(ctx, set->moves, struct move_place, set->count + 1);
	set->moves[set->count++] = (struct move_place){
		.place = m->place,
		.role = mem_strdup(ctx, m->role),
		.from = mem_strdup(ctx, m->from),
		.to = mem_strdup(ctx, m->to),
		.cause = mem_strdup(ctx, m->cause),
		.why = mem_strdup(ctx, m->why),
	};
}

static struct error *make(const void *scope, const struct order_row *row, size_t place, const json_t *node,
			  json_t *document, struct api_pipeline **ret_pipeline, struct api_node_task **ret_before,
			  size_t *ret_before_count, struct api_node_task **ret_after, size_t *ret_after_count)
{
	json_t *nodes = nodes_of(document);

	json_array_set_new(nodes, place, in_place_of(json_array_get(nodes, place), node));
	TRY(api_pipeline_read(scope, document, ret_pipeline));
	TRY(api_private_tasks(scope, row->tasks, ".", ret_before, ret_before_count));
	return api_pipeline_tasks_again(scope, *ret_pipeline, *ret_before, *ret_before_count, ret_after,
					ret_after_count);
}

struct error *replace_node(const void *ctx, struct order_row *row, const char *from, const json_t *node,
			   const char *cause, const char *why, struct move_set *set)
{
	void *scope = mem_strdup(NULL, "");
	json_t *document = json_deep_copy(row->document);
	struct api_pipeline *p = NULL;
	struct api_node_task *before = NULL, *after = NULL;
	size_t place = 0, before_count = 0, after_count = 0;
	struct error *e =
		replace_find(row, from, &place)
			? make(scope, row, place, node, document, &p, &before, &before_count, &after, &after_count)
			: error_new(ERROR_NOT_FOUND, "job %s has no node %s", row->job, from);

	if (!e && p) {
		const struct move_place m = {place,         (char *)api_role_name(p->nodes[place].role),
					     (char *)from,  (char *)id_of(node),
					     (char *)cause, (char *)why};

		/* They tell it themselves when they serve. */
		if (p->nodes[place].role == API_DISTRIBUTOR)
			row->ingest = NULL;
		if (p->nodes[place].role == API_STORAGE)
			row->watch = NULL;
		compare(ctx, set, before, before_count, after, after_count);
		add_move(ctx, set, &m);
		json_decref(row->tasks);
		row->tasks = api_pipeline_private(p, after, after_count);
		json_decref(row->document);
		row->document = json_incref(document);
	}
	json_decref(document);
	mem_free(scope);
	return e;
}
