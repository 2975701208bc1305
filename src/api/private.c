/* Private documents and t45 task lists as a row of messages, and the keys of their hops. */
#include <string.h>

#include "api/pipeline.h"
#include "api/read.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/mem.h"

#define MAX_TASKS 132
#define T45_FILE_BYTES 262144
#define ENODE_DIGITS 128
#define KEY_BYTES 16

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

/* {"enode","command"}: a queue, and a file beside the list. */
static struct error *read_t45_task(const void *ctx, const json_t *task, const struct json_place *at, const char *folder,
				   struct api_task_message *ret)
{
	static const char *const known[] = {"enode", "command", NULL};
	const struct json_place enode_at = {at, "enode", 0}, command_at = {at, "command", 0};
	char *file = NULL, *path = NULL;
	json_t *message = NULL;
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
	e = json_parse_file(path, T45_FILE_BYTES, &message);
	if (e) {
		char *where = json_place_text(NULL, &command_at);

		e = error_wrap(e, "%s", where);
		mem_free(where);
		return e;
	}
	ret->message = api_hold(ctx, message);
	json_decref(message);
	return NULL;
}

static struct error *read_100_task(const json_t *task, const struct json_place *at, struct api_task_message *ret)
{
	static const char *const known[] = {"node_id", "msg", "failover_of", NULL};
	const struct json_place id_at = {at, "node_id", 0}, of_at = {at, "failover_of", 0};
	const char *of = NULL;

	TRY(json_refuse_unknown(task, at, known));
	TRY(json_read_string(task, at, "node_id", &ret->node_id));
	TRY(api_check_node_id(ret->node_id, &id_at));
	TRY(json_read_string_opt(task, at, "failover_of", &of));
	if (of)
		TRY(api_check_node_id(of, &of_at));
	return json_read_object(task, at, "msg", &ret->message);
}

/* Read the message itself once, so that what no node could take is never sent. */
static struct error *prove_message(const struct api_task_message *m, const json_t *task, const struct json_place *at)
{
	const char *file = json_string_value(json_object_get(task, "command"));
	const struct json_place root = {NULL, file, 0}, msg_at = {at, "msg", 0};
	struct api_task *read = NULL;

	TRY(api_task_read(NULL, m->message, file ? &root : &msg_at, &read));
	mem_free(read);
	return NULL;
}

static struct error *refuse_same_node(const struct api_task_message *tasks, size_t i, const struct json_place *at)
{
	for (size_t j = 0; j < i; j++) {
		if (strcasecmp(tasks[i].node_id, tasks[j].node_id) == 0)
			return json_place_error(at, "is for %.40s as tasks[%zu] is; a node has one task of a job",
						tasks[i].node_id, j);
	}
	return NULL;
}

static struct error *read_tasks(struct api_task_message *made, const json_t *document, const json_t *tasks,
				const struct json_place *at, const char *folder)
{
	const struct json_place tasks_at = {at, "tasks", 0};
	bool t45 = json_object_get(document, "tasks") != NULL;

	for (size_t i = 0; i < json_array_size(tasks); i++) {
		const struct json_place here = {&tasks_at, NULL, i};
		const json_t *task = json_array_get(tasks, i);

		if (!json_is_object(task))
			return json_place_error(&here, "must be an object {...}");
		TRY(t45 ? read_t45_task(made, task, &here, folder, &made[i]) : read_100_task(task, &here, &made[i]));
		TRY(refuse_same_node(made, i, &here));
		TRY(prove_message(&made[i], task, &here));
	}
	return NULL;
}

struct error *api_private_tasks(const void *ctx, const json_t *document, const char *folder,
				struct api_task_message **ret_tasks, size_t *ret_count)
{
	const struct json_place root = {NULL, NULL, 0};
	struct json_place at = root;
	json_t *tasks = NULL;
	struct api_task_message *made = NULL;
	struct error *e = NULL;

	TRY(read_list(document, &at, &root, &tasks));
	made = mem_array(ctx, struct api_task_message, json_array_size(tasks));
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

/* Keys: who publishes to whom follows from the order the planner writes: the distributor's outputs are the storage
 * (the one with a variant), then the transcoders in the order of their tasks. */
struct private_keys {
	json_t *tasks;
	char *storage;
	char **transcoders;
	size_t transcoder_count;
	char *distributor;
};

static json_t *msg_of(const struct private_keys *k, size_t i)
{
	return json_object_get(json_array_get(k->tasks, i), "msg");
}

static bool is_role(const json_t *msg, enum api_role role)
{
	const char *type = json_string_value(json_object_get(msg, "type"));

	return type && strcmp(type, api_role_name(role)) == 0;
}

static bool is_classic(const json_t *msg)
{
	const char *mode = json_string_value(json_object_get(msg, "mode"));

	return mode && strcmp(mode, "classic") == 0;
}

static bool is_failover(const struct private_keys *k, size_t i)
{
	return json_object_get(json_array_get(k->tasks, i), "failover_of") != NULL;
}

/* Without the distributor in the document, nobody in it could tell its receivers' keys to the publisher. */
static bool has_distributor(const struct private_keys *k)
{
	for (size_t i = 0; i < json_array_size(k->tasks); i++) {
		if (is_role(msg_of(k, i), API_DISTRIBUTOR))
			return true;
	}
	return false;
}

/* One key per receiving node; NULL for a classic one, whose application asks for none. */
static void make_keys(struct private_keys *k)
{
	k->transcoders = mem_array(k, char *, json_array_size(k->tasks));
	for (size_t i = 0; i < json_array_size(k->tasks); i++) {
		json_t *msg = msg_of(k, i);
		char *key = is_classic(msg) ? NULL : hex_random(k, KEY_BYTES);

		if (is_failover(k, i))
			continue;
		if (is_role(msg, API_TRANSCODER))
			k->transcoders[k->transcoder_count++] = key;
		else if (is_role(msg, API_STORAGE))
			k->storage = key;
		else
			k->distributor = key;
		if (key)
			json_put(msg, "key", key);
	}
}

static void put_key(json_t *o, const char *key)
{
	if (key)
		json_put(o, "key", key);
}

static struct error *give_distributor(const struct private_keys *k, json_t *msg)
{
	json_t *outputs = json_object_get(json_object_get(msg, "ffmpeg-rtmp"), "outputs");
	size_t next = 0;

	for (size_t i = 0; i < json_array_size(outputs); i++) {
		json_t *o = json_array_get(outputs, i);
		const char *variant = json_string_value(json_object_get(o, "variant"));

		if (variant && variant[0]) {
			put_key(o, k->storage);
		} else {
			if (next == k->transcoder_count)
				return error_new(
					ERROR_INVALID,
					"pipeline.tasks: the distributor sends more copies than the %zu transcoders need",
					next);
			put_key(o, k->transcoders[next++]);
		}
	}
	if (next < k->transcoder_count)
		return error_new(ERROR_INVALID, "pipeline.tasks: the distributor sends %zu copies to %zu transcoders",
				 next, k->transcoder_count);
	return NULL;
}

static void give_transcoder(const struct private_keys *k, json_t *msg)
{
	json_t *ffmpeg = json_object_get(msg, "ffmpeg-rtmp"), *outputs = json_object_get(ffmpeg, "outputs");
	json_t *output = json_object_get(ffmpeg, "output");

	if (output)
		put_key(output, k->storage);
	for (size_t i = 0; i < json_array_size(outputs); i++)
		put_key(json_array_get(outputs, i), k->storage);
}

/* A failover node is told the same as the node it stands in for. */
static void copy_to_failover(const struct private_keys *k, size_t i)
{
	const char *of = json_string_value(json_object_get(json_array_get(k->tasks, i), "failover_of"));

	for (size_t j = 0; j < json_array_size(k->tasks); j++) {
		const char *id = json_string_value(json_object_get(json_array_get(k->tasks, j), "node_id"));
		const char *key = json_string_value(json_object_get(msg_of(k, j), "key"));
		json_t *outputs = json_object_get(msg_of(k, j), "ffmpeg-rtmp");

		if (strcasecmp(id, of) != 0)
			continue;
		put_key(msg_of(k, i), key);
		if (outputs)
			json_object_set_new(msg_of(k, i), "ffmpeg-rtmp", json_deep_copy(outputs));
	}
}

static struct error *give_keys(const struct private_keys *k)
{
	for (size_t i = 0; i < json_array_size(k->tasks); i++) {
		json_t *msg = msg_of(k, i);

		if (!is_failover(k, i) && is_role(msg, API_DISTRIBUTOR))
			TRY(give_distributor(k, msg));
		else if (!is_failover(k, i) && is_role(msg, API_TRANSCODER))
			give_transcoder(k, msg);
	}
	for (size_t i = 0; i < json_array_size(k->tasks); i++) {
		if (is_failover(k, i))
			copy_to_failover(k, i);
	}
	return NULL;
}

struct error *api_private_add_keys(const void *ctx, json_t *document, char **ret_ingest_key)
{
	struct api_task_message *tasks = NULL;
	size_t count = 0;
	struct private_keys *k = NULL;
	struct error *e = NULL;

	/* Refuses what is malformed, so that below everything is where it should be. */
	TRY(api_private_tasks(NULL, document, NULL, &tasks, &count));
	mem_free(tasks);
	k = mem_new(NULL, struct private_keys);
	k->tasks = json_object_get(json_object_get(document, "pipeline"), "tasks");
	if (has_distributor(k)) {
		make_keys(k);
		e = give_keys(k);
	}
	if (!e)
		*ret_ingest_key = mem_strdup(ctx, k->distributor);
	mem_free(k);
	return e;
}
