/* Good documents: tests/data read and made, and what the seed's programs wrote, where its folder is at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/command.h"
#include "api/pipeline.h"
#include "base/file.h"
#include "base/mem.h"

#define DATA TEST_SOURCE_DIR "/tests/data"
#define LIMIT (256 * 1024)

static void ok(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static json_t *load(const char *folder, const char *name)
{
	char *path = file_join(NULL, folder, name);
	json_t *value = NULL;

	ok(json_parse_file(path, LIMIT, &value));
	mem_free(path);
	return value;
}

/* Values are strings all the way down. */
static void assert_strings(const json_t *value)
{
	const char *key = NULL;
	json_t *member = NULL;
	size_t i = 0;

	if (json_is_object(value)) {
		json_object_foreach ((json_t *)value, key, member) {
			assert_strings(member);
		}
	} else if (json_is_array(value)) {
		json_array_foreach (value, i, member) {
			assert_strings(member);
		}
	} else {
		assert_true(json_is_string(value));
	}
}

static void assert_json_equal(json_t *a, json_t *b)
{
	if (!json_equal(a, b)) {
		char *x = json_dumps(a, JSON_INDENT(1) | JSON_SORT_KEYS),
		     *y = json_dumps(b, JSON_INDENT(1) | JSON_SORT_KEYS);

		fail_msg("made:\n%s\nwanted:\n%s", x, y);
	}
}

static json_t *plan_of(const char *folder, const char *name)
{
	json_t *document = load(folder, name), *made = NULL;
	struct api_pipeline *p = NULL;
	struct api_node_task *tasks = NULL;
	size_t count = 0;

	ok(api_pipeline_read(NULL, document, &p));
	ok(api_pipeline_tasks(p, p, API_KEYS_NONE, &tasks, &count));
	made = api_pipeline_private(p, tasks, count);
	mem_free(p);
	json_decref(document);
	assert_strings(made);
	return made;
}

static void private_form(void **state)
{
	static const char *const names[] = {"pipeline.json", "pipeline-extended.json"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		json_t *made = plan_of(DATA "/public", names[i]), *wanted = load(DATA "/private", names[i]);
		struct api_node_task *tasks = NULL;
		size_t count = 0;

		assert_json_equal(made, wanted);
		ok(api_private_tasks(NULL, made, NULL, &tasks, &count));
		assert_int_equal(count, 5);
		mem_free(tasks);
		json_decref(made);
		json_decref(wanted);
	}
}

static struct api_task *task_at(const void *ctx, json_t *private_document, size_t i)
{
	const struct json_place root = {NULL, NULL, 0};
	json_t *tasks = json_object_get(json_object_get(private_document, "pipeline"), "tasks");
	struct api_task *t = NULL;

	ok(api_task_read(ctx, json_object_get(json_array_get(tasks, i), "msg"), &root, &t));
	return t;
}

static void tasks_100(void **state)
{
	json_t *document = load(DATA "/private", "pipeline.json");
	void *ctx = mem_strdup(NULL, "tasks");
	struct api_task *d = task_at(ctx, document, 0), *s = task_at(ctx, document, 1), *t = task_at(ctx, document, 2);

	(void)state;
	assert_int_equal(d->role, API_DISTRIBUTOR);
	assert_int_equal(d->output_count, 4);
	assert_string_equal(d->outputs[0].stream, "harbour-2031_1080p");
	assert_string_equal(d->outputs[1].stream, "harbour-2031");
	assert_string_equal(d->outputs[1].variant, "");
	assert_null(d->outputs[1].application);
	assert_int_equal(d->outputs[1].port, 1935);
	assert_int_equal(d->outputs[1].failover_port, 1935);
	assert_null(d->outputs[2].failover_ip);
	assert_true(d->normalise);
	assert_null(d->key);
	assert_false(d->t45);
	assert_int_equal(s->hls.variant_count, 4);
	assert_int_equal(s->hls.variants[3].bandwidth_bps, 800000);
	assert_int_equal(s->hls.variants[3].size.width, 640);
	assert_string_equal(s->hls.variants[3].params, "BANDWIDTH=800000,RESOLUTION=640x360");
	assert_int_equal(s->hls.fragment_s, 5);
	assert_int_equal(s->hls.playlist_length_s, 30);
	assert_int_equal(s->hls.naming_granularity_ms, 2000);
	assert_true(s->hls.keep_all);
	assert_int_equal(t->rendition_count, 1);
	assert_null(t->renditions[0].target.application); /* it names the job: by the mode */
	assert_string_equal(t->renditions[0].target.stream, "harbour-2031_720p");
	assert_int_equal(t->renditions[0].bitrate_bps, 2800000);
	assert_int_equal(t->renditions[0].size.height, 720);
	assert_ptr_equal(
		t->document,
		json_object_get(json_array_get(json_object_get(json_object_get(document, "pipeline"), "tasks"), 2),
				"msg"));
	mem_free(ctx);
	json_decref(document);
}

static void tasks_extended(void **state)
{
	json_t *document = load(DATA "/private", "pipeline-extended.json");
	void *ctx = mem_strdup(NULL, "tasks");
	struct api_task *d = task_at(ctx, document, 0), *s = task_at(ctx, document, 1), *t = task_at(ctx, document, 2);

	(void)state;
	assert_int_equal(d->listen_port, 30001);
	assert_string_equal(d->mode, "managed");
	assert_false(d->normalise);
	assert_int_equal(d->fragment_s, 4);
	assert_string_equal(d->outputs[1].application, API_LIVE);
	assert_int_equal(d->outputs[1].failover_port, 30013);
	assert_string_equal(d->outputs[2].application, "harbour-2031");
	assert_false(s->hls.keep_all);
	assert_int_equal(s->fragment_s, 4);
	assert_int_equal(t->rendition_count, 2);
	assert_string_equal(t->renditions[0].codec, "h264_nvenc");
	assert_string_equal(t->renditions[1].preset, "fast");
	assert_int_equal(t->renditions[1].audio_bps, 96000);
	assert_int_equal(t->renditions[1].target.port, 30002);
	mem_free(ctx);
	json_decref(document);
}

static void tasks_t45(void **state)
{
	json_t *list = load(DATA "/t45", "task.json");
	struct api_node_task *tasks = NULL;
	const struct json_place root = {NULL, NULL, 0};
	struct api_task *d = NULL, *s = NULL, *t = NULL;
	size_t count = 0;

	(void)state;
	ok(api_private_tasks(NULL, list, DATA "/t45", &tasks, &count));
	json_decref(list);
	assert_int_equal(count, 3);
	assert_int_equal(strlen(tasks[0].node_id), 128);
	ok(api_task_read(tasks, tasks[0].task->document, &root, &d));
	ok(api_task_read(tasks, tasks[1].task->document, &root, &s));
	ok(api_task_read(tasks, tasks[2].task->document, &root, &t));
	assert_true(d->t45);
	assert_string_equal(d->job, "quay");
	assert_string_equal(d->application, "port");
	assert_int_equal(d->listen_port, 1940);
	assert_string_equal(d->outputs[0].application, "keep");
	assert_string_equal(d->outputs[0].stream, "quay_original");
	assert_int_equal(d->outputs[0].port, 1950);
	assert_string_equal(d->outputs[1].stream, "quay");
	assert_string_equal(s->application, "keep");
	assert_int_equal(s->hls.fragment_s, 4);
	assert_string_equal(s->hls.variants[0].variant, "_original");
	assert_string_equal(s->hls.variants[1].params, "BANDWIDTH=800000,RESOLUTION=640x360");
	assert_string_equal(t->source_stream, "quay");
	assert_string_equal(t->renditions[0].target.stream, "quay_360p");
	assert_string_equal(t->renditions[0].codec, "libx264");
	assert_int_equal(t->renditions[0].size.width, 640);
	assert_int_equal(t->renditions[0].size.height, 360);
	mem_free(tasks);
}

static struct api_command *command_of(const char *folder, const char *name)
{
	json_t *document = load(folder, name);
	struct api_command *c = NULL;

	ok(api_command_read(NULL, document, &c));
	json_decref(document);
	return c;
}

static void commands(void **state)
{
	(void)state;
	for (int verb = 0; verb < API_VERB_COUNT; verb++) {
		char *name = mem_printf(NULL, "%s_%s.json", api_verbs[verb].command, api_verbs[verb].subcommand);
		struct api_command *c = NULL;

		assert_int_equal(api_verbs[verb].verb, verb);
		if (verb != API_NODE_CREATE && verb != API_CONFIG) {
			json_t *document = load(DATA "/private", name), *made = NULL;

			ok(api_command_read(NULL, document, &c));
			assert_int_equal(c->verb, verb);
			json_object_del(document, "_comments");
			made = api_command_document((enum api_verb)verb, c->node_id, c->job,
						    verb == API_NODE_MAINTENANCE ? "on" : NULL);
			assert_json_equal(made, document);
			json_decref(made);
			json_decref(document);
		}
		mem_free(c);
		mem_free(name);
	}
}

static void node_create(void **state)
{
	struct api_command *c = command_of(DATA "/public", "node_create-transcoder.json");
	json_t *made = NULL;

	(void)state;
	assert_int_equal(c->verb, API_NODE_CREATE);
	assert_int_equal(c->role, API_TRANSCODER);
	assert_null(c->spec);
	mem_free(c);
	c = command_of(DATA "/private", "node_create-storage.json");
	assert_string_equal(c->spec->image, "registry.example.net/nginx-rtmp:1");
	assert_int_equal(c->spec->port_count, 2);
	assert_int_equal(c->spec->ports[1].container, 80);
	assert_int_equal(c->spec->ports[1].host, 8080);
	assert_int_equal(c->spec->mount_count, 2);
	assert_string_equal(c->spec->mounts[0].host, "/srv/nginx/nginx.conf");
	assert_string_equal(c->spec->mounts[0].container, "/opt/nginx/nginx.conf");
	assert_null(c->spec->runtime);
	mem_free(c);
	c = command_of(DATA "/private", "node_create-extended.json");
	assert_string_equal(c->spec->runtime, "docker");
	assert_string_equal(c->spec->mode, "classic");
	assert_int_equal(c->spec->memory_bytes, 512 << 20);
	assert_float_equal(c->spec->cpus, 1.5, 1e-9);
	mem_free(c);
	made = api_node_create_document(API_STORAGE, "00d15b0000000000000000000000000000000001", NULL);
	assert_strings(made);
	ok(api_command_read(NULL, made, &c));
	assert_int_equal(c->spec->mount_count, 4);
	mem_free(c);
	json_decref(made);
}

static void keys(void **state)
{
	json_t *order = load(DATA "/public", "pipeline-extended.json"), *document = NULL;
	void *ctx = mem_strdup(NULL, "keys");
	struct api_pipeline *p = NULL;
	struct api_node_task *tasks = NULL;
	struct api_task *d, *s, *t, *classic, *spare;
	size_t count = 0;

	(void)state;
	ok(api_pipeline_read(ctx, order, &p));
	ok(api_pipeline_tasks(ctx, p, API_KEYS_NEW, &tasks, &count));
	document = api_pipeline_private(p, tasks, count);
	d = task_at(ctx, document, 0);
	s = task_at(ctx, document, 1);
	t = task_at(ctx, document, 2);
	classic = task_at(ctx, document, 3);
	spare = task_at(ctx, document, 4);
	assert_string_equal(d->key, tasks[0].task->key);
	assert_string_equal(d->outputs[0].key, s->key);
	assert_string_equal(d->outputs[1].key, t->key);
	assert_null(d->outputs[2].key);
	assert_null(classic->key);
	assert_string_equal(classic->renditions[0].target.key, s->key);
	assert_string_equal(t->renditions[0].target.key, s->key);
	assert_string_equal(t->renditions[1].target.key, s->key);
	assert_string_equal(spare->key, t->key);
	assert_string_equal(spare->renditions[1].target.key, s->key);
	assert_string_not_equal(s->key, t->key);
	mem_free(ctx);
	json_decref(document);
	json_decref(order);
}

/* --- the seed's own documents --- */

static char *seed_folder(void)
{
	const char *set = getenv("DSN_SEED");
	char *path = mem_strdup(NULL, set && set[0] ? set : TEST_SOURCE_DIR "/../shared/seed");

	if (!file_exists(path)) {
		print_message("[ SKIPPED ] no folder of seed documents (DSN_SEED)\n");
		mem_free(path);
		skip();
	}
	return path;
}

static void seed_pipeline(void **state)
{
	char *seed = seed_folder(), *expected = file_join(seed, seed, "expected"),
	     *public = file_join(seed, seed, "public");
	json_t *made = plan_of(public, "pipeline-with-commands.json"),
	       *wanted = load(expected, "pipeline-private.json");

	(void)state;
	assert_json_equal(made, wanted);
	json_decref(made);
	json_decref(wanted);
	mem_free(seed);
}

static void seed_documents(void **state)
{
	static const char *const pipelines[] = {"api/pipeline.json", "api/pipeline-with-commands.json",
						"public/pipeline-with-commands.json"};
	static const char *const privates[] = {"api/pipeline-internal.json", "api/pipeline-with-commands-internal.json",
					       "expected/pipeline-private.json"};
	static const char *const creates[] = {
		"api/node_create-private-distributor.json",   "api/node_create-private-storage.json",
		"api/node_create-private-transcoder.json",    "api/node_create-public.json",
		"public/node_create-public-distributor.json", "public/node_create-public-storage.json",
		"public/node_create-public-transcoder.json"};
	char *seed = seed_folder();

	(void)state;
	for (size_t i = 0; i < 3; i++)
		json_decref(plan_of(seed, pipelines[i]));
	for (size_t i = 0; i < 3; i++) {
		json_t *document = load(seed, privates[i]);
		struct api_node_task *tasks = NULL;
		size_t count = 0;

		ok(api_private_tasks(NULL, document, NULL, &tasks, &count));
		assert_int_equal(count, 5);
		mem_free(tasks);
		json_decref(document);
	}
	for (size_t i = 0; i < 7; i++)
		mem_free(command_of(seed, creates[i]));
	mem_free(seed);
}

static void seed_t45(void **state)
{
	char *seed = seed_folder(), *folder = file_join(seed, seed, "t45");
	json_t *list = load(folder, "task.json");
	struct api_node_task *tasks = NULL;
	size_t count = 0;

	(void)state;
	ok(api_private_tasks(NULL, list, folder, &tasks, &count));
	assert_int_equal(count, 6);
	for (size_t i = 0; i < count; i++) {
		const struct json_place root = {NULL, NULL, 0};
		struct api_task *t = NULL;

		ok(api_task_read(tasks, tasks[i].task->document, &root, &t));
		assert_true(t->t45);
		if (i == 5) { /* written with a multiplication sign */
			assert_int_equal(t->renditions[0].size.width, 352);
			assert_int_equal(t->renditions[0].size.height, 240);
		}
	}
	mem_free(tasks);
	json_decref(list);
	mem_free(seed);
}

/* The proof of concept writes the first transcoder's address for each of its copies. */
static void equal_outputs(void **state)
{
	static const char text[] =
		"{\"command\":\"config\",\"type\":\"distributor\",\"nginx-rtmp-core\":{\"listen\":\"1935\","
		"\"application\":\"job8\"},\"ffmpeg-rtmp\":{\"outputs\":[{\"variant\":\"_4k\",\"ip\":\"203.0.113.20\"},"
		"{\"ip\":\"203.0.113.31\",\"failover_ip\":\"203.0.113.32\"},{\"ip\":\"203.0.113.31\","
		"\"failover_ip\":\"203.0.113.32\"},{\"ip\":\"203.0.113.33\"}]}}";
	const struct json_place root = {NULL, NULL, 0};
	json_t *message = json_loads(text, 0, NULL);
	struct api_task *t = NULL;

	(void)state;
	ok(api_task_read(NULL, message, &root, &t));
	assert_int_equal(t->output_count, 3);
	assert_int_equal(t->equal_outputs, 1);
	assert_string_equal(t->outputs[1].ip, "203.0.113.31");
	assert_string_equal(t->outputs[2].ip, "203.0.113.33");
	mem_free(t);
	json_decref(message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(private_form), cmocka_unit_test(tasks_100),     cmocka_unit_test(tasks_extended),
		cmocka_unit_test(tasks_t45),    cmocka_unit_test(commands),      cmocka_unit_test(node_create),
		cmocka_unit_test(keys),         cmocka_unit_test(seed_pipeline), cmocka_unit_test(seed_documents),
		cmocka_unit_test(seed_t45),     cmocka_unit_test(equal_outputs),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
