/* Private documents and t45 task lists as a list of tasks. */
#include <string.h>

#include "api/pipeline.h"
#include "api/read.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/mem.h"

#define MAX_TASKS 132
#define T45_FILE_BYTES 262144
#define ENODE_DIGITS 128

static struct error *read_list(const json_t *document, struct json_place *at, const struct json_place *root,
			       json_t **ret_tasks)
{
	static const char *const known_t45[] = {"tasks", NULL};
	static const char *const known[] = {"apiVersion", "typeApi", "command", "subcommand", "pipeline", NULL};
	static const char *const known_pipeline[] = {"tasks", NULL};
	json_t *pipeline = NULL;

	if (json_object_get(document, "tasks")) {
		TRY(json_refuse_unknown(document, root, known_t45));
		*at = *root;
		return json_read_array(document, root, "tasks", 1, MAX_TASKS, ret_tasks);
	}
	*at = (struct json_place){root, "pipeline", 0};
	TRY(api_expect(document, root, "apiVersion", "1.00"));
	TRY(api_expect(document, root, "typeApi", "private"));
	if (json_object_get(document, "command") || json_object_get(document, "subcommand")) {
		TRY(api_expect(document, root, "command", "pipeline"));
		TRY(api_expect(document, root, "subcommand", "start"));
	}
	TRY(json_refuse_unknown(document, root, known));
	TRY(json_read_object(document, root, "pipeline", &pipeline));
	TRY(json_refuse_unknown(pipeline, at, known_pipeline));
	return json_read_array(pipeline, at, "tasks", 1, MAX_TASKS, ret_tasks);
}

/* {"enode","command"}: a queue, and a file beside the list. The message is a new reference. */
static struct error *read_t45_task(const void *ctx, const json_t *task, const struct json_place *at, const char *folder,
				   struct api_node_task *ret, json_t **ret_message)
{
	static const char *const known[] = {"enode", "command", NULL};
	const struct json_place enode_at = {at, "enode", 0}, command_at = {at, "command", 0};
	char *file = NULL, *path = NULL;
	struct error *e = NULL;

	TRY(json_refuse_unknown(task, at, known));
	TRY(json_read_string(task, at, "enode", &ret->node_id));
	if (!hex_is(ret->node_id, ENODE_DIGITS) && !hex_id_valid(ret->node_id))
		return json_place_error(&enode_at, "\"%.60s\" is no queue: %d (or %d) hexadecimal digits", ret->node_id,
					ENODE_DIGITS, ID_DIGITS);
	TRY(api_read_text(ctx, task, at, "command", api_check_file_name, &file));
	if (!folder)
		return json_place_error(&command_at, "names the file %s, but it is not known which folder it is in",
					file);
	path = file_join(ctx, folder, file);
	e = json_parse_file(path, T45_FILE_BYTES, ret_message);
	if (e) {
		char *where = json_place_text(NULL, &command_at);

		e = error_wrap(e, "%s", where);
		mem_free(where);
		return e;
	}
	return NULL;
}

static struct error *read_100_task(const json_t *task, const struct json_place *at, struct api_node_task *ret,
				   json_t **ret_message)
{
	static const char *const known[] = {"node_id", "msg", "failover_of", NULL};
	const struct json_place id_at = {at, "node_id", 0}, of_at = {at, "failover_of", 0};
	json_t *message = NULL;

	TRY(json_refuse_unknown(task, at, known));
	TRY(json_read_string(task, at, "node_id", &ret->node_id));
	TRY(api_check_node_id(ret->node_id, &id_at));
	TRY(json_read_string_opt(task, at, "failover_of", &ret->failover_of));
	if (ret->failover_of)
		TRY(api_check_node_id(ret->failover_of, &of_at));
	TRY(json_read_object(task, at, "msg", &message));
	*ret_message = json_incref(message);
	return NULL;
}

static struct error *refuse_same_node(const struct api_node_task *tasks, size_t i, const struct json_place *at)
{
	for (size_t j = 0; j < i; j++) {
		if (strcasecmp(tasks[i].node_id, tasks[j].node_id) == 0)
			return json_place_error(at, "is for %.40s as tasks[%zu] is; a node has one task of a job",
						tasks[i].node_id, j);
	}
	return NULL;
}

static struct error *read_task(struct api_node_task *made, size_t i, const json_t *task, const struct json_place *at,
			       const char *folder, bool t45)
{
	const struct json_place file_at = {NULL, json_string_value(json_object_get(task, "command")), 0};
	const struct json_place msg_at = {at, "msg", 0};
	json_t *message = NULL;
	struct error *e = t45 ? read_t45_task(made, task, at, folder, &made[i], &message)
			      : read_100_task(task, at, &made[i], &message);

	if (!e)
		e = refuse_same_node(made, i, at);
	if (!e)
		e = api_task_read(made, message, t45 ? &file_at : &msg_at, &made[i].task);
	json_decref(message);
	return e;
}

static struct error *read_tasks(struct api_node_task *made, const json_t *document, const json_t *tasks,
				const struct json_place *at, const char *folder)
{
	const struct json_place tasks_at = {at, "tasks", 0};
	bool t45 = json_object_get(document, "tasks") != NULL;

	for (size_t i = 0; i < json_array_size(tasks); i++) {
		const struct json_place here = {&tasks_at, NULL, i};
		const json_t *task = json_array_get(tasks, i);

		if (!json_is_object(task))
			return json_place_error(&here, "must be an object {...}");
		TRY(read_task(made, i, task, &here, folder, t45));
	}
	return NULL;
}

struct error *api_private_tasks(const void *ctx, const json_t *document, const char *folder,
				struct api_node_task **ret_tasks, size_t *ret_count)
{
	const struct json_place root = {NULL, NULL, 0};
	struct json_place at = root;
	json_t *tasks = NULL;
	struct api_node_task *made = NULL;
	struct error *e = NULL;

	TRY(read_list(document, &at, &root, &tasks));
	made = mem_array(ctx, struct api_node_task, json_array_size(tasks));
	api_hold(made, (json_t *)document);
	e = read_tasks(made, document, tasks, &at, folder);
	if (e) {
		mem_free(made);
		return e;
	}
	*ret_tasks = made;
	*ret_count = json_array_size(tasks);
	return NULL;
}
