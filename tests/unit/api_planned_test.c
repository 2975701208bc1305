/* The private documents that public ones are planned into, byte for byte: tests/data/planned holds them, those with
 * keys with a name in the place of each key. A key is random, but who shares one with whom is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/plan.h"
#include "api/task_write.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/mem.h"

#define LIMIT (256 * 1024)
#define KEY_DIGITS 32
#define MAX_KEYS 16

static const struct {
	const char *name;
	const char *refusal; /* when it is given keys, to be sent; NULL: none */
} documents[] = {
	{"tests/data/public/pipeline.json", NULL},
	{"tests/data/public/pipeline-extended.json", NULL},
	{"tests/data/planned/failover.json", NULL},
	{"tests/data/planned/standby.json", NULL},
	{"tests/data/planned/standbys.json", NULL},
	{"tests/data/planned/classic.json", NULL},
	{"tests/data/planned/mixed.json", NULL},
	{"examples/film.json", "pipeline.tasks[0].msg: outputs 1 and 2 both send stream film to 127.0.0.1:1935"},
	{"examples/live.json", "pipeline.tasks[0].msg: outputs 1 and 2 both send stream live to 127.0.0.1:1935"},
};
#define DOCUMENTS (sizeof(documents) / sizeof(documents[0]))

static void ok(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static char *place_of(const void *ctx, const char *document, const char *form)
{
	const char *name = strrchr(document, '/') + 1;

	return mem_printf(ctx, "%s/tests/data/planned/%.*s-%s.json", TEST_SOURCE_DIR, (int)strcspn(name, "."), name,
			  form);
}

struct names {
	char *keys[MAX_KEYS];
	size_t count;
};

/* key-1, key-2... in the order in which they come. */
static void name_keys(json_t *value, struct names *names)
{
	const char *member = NULL;
	json_t *child = NULL;
	size_t i = 0;

	json_array_foreach (value, i, child) {
		name_keys(child, names);
	}
	json_object_foreach (value, member, child) {
		const char *text = json_string_value(child);
		char name[16];

		name_keys(child, names);
		if (!text || strcmp(member, "key") != 0)
			continue;
		assert_true(hex_is(text, KEY_DIGITS));
		for (i = 0; i < names->count && strcmp(names->keys[i], text) != 0; i++)
			;
		if (i == names->count) {
			assert_true(i < MAX_KEYS);
			names->keys[names->count++] = strdup(text);
		}
		snprintf(name, sizeof(name), "key-%zu", i + 1);
		json_string_set(child, name);
	}
}

/* As `vcli pipeline private` prints it. */
static char *text_of(const void *ctx, const json_t *value)
{
	return mem_printf(ctx, "%s\n", json_text_flags(ctx, value, JSON_INDENT(1) | JSON_PRESERVE_ORDER));
}

struct planned {
	json_t *document;
	struct api_pipeline *pipeline;
	struct api_node_task *tasks;
	size_t count;
};

static struct error *plan(const void *ctx, const char *document, enum api_hop_keys keys, struct planned *ret)
{
	*ret = (struct planned){.document = NULL};
	ok(json_parse_file(file_join(ctx, TEST_SOURCE_DIR, document), LIMIT, &ret->document));
	ok(api_pipeline_read(ctx, ret->document, &ret->pipeline));
	json_decref(ret->document);
	ret->document = NULL;
	TRY(api_pipeline_tasks(ctx, ret->pipeline, keys, &ret->tasks, &ret->count));
	ret->document = api_pipeline_private(ret->pipeline, ret->tasks, ret->count);
	return NULL;
}

static void assert_held(const void *ctx, const char *document, const char *form, const json_t *made)
{
	char *held = NULL;
	size_t len = 0;

	ok(file_read(ctx, place_of(ctx, document, form), LIMIT, &held, &len));
	assert_string_equal(text_of(ctx, made), held);
}

static void without_keys(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct planned made;

	(void)state;
	for (size_t i = 0; i < DOCUMENTS; i++) {
		ok(plan(ctx, documents[i].name, API_KEYS_NONE, &made));
		assert_held(ctx, documents[i].name, "private", made.document);
		json_decref(made.document);
	}
	mem_free(ctx);
}

static void with_keys(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct planned made;

	(void)state;
	for (size_t i = 0; i < DOCUMENTS; i++) {
		struct names names = {.count = 0};

		if (documents[i].refusal)
			continue;
		ok(plan(ctx, documents[i].name, API_KEYS_NEW, &made));
		name_keys(made.document, &names);
		assert_held(ctx, documents[i].name, "keys", made.document);
		for (size_t k = 0; k < names.count; k++)
			free(names.keys[k]);
		json_decref(made.document);
	}
	mem_free(ctx);
}

/* Two transcoders at one address, which has one application: only their ports, once settled, tell them apart. */
static void refused(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct planned made;

	(void)state;
	for (size_t i = 0; i < DOCUMENTS; i++) {
		struct error *e = NULL;

		if (!documents[i].refusal)
			continue;
		e = plan(ctx, documents[i].name, API_KEYS_NEW, &made);
		assert_non_null(e);
		assert_string_equal(e->message, documents[i].refusal);
		error_free(e);
	}
	mem_free(ctx);
}

/* Whatever the order of its nodes, the dry run tells a node's streams in that of the roles. */
static void dry_run(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct api_plan *dry = NULL;
	struct planned made;
	json_t *told = NULL;

	(void)state;
	ok(plan(ctx, "tests/data/planned/failover.json", API_KEYS_NONE, &made));
	api_plan_make(ctx, made.pipeline, &dry);
	told = api_plan_json(dry);
	assert_held(ctx, "tests/data/planned/failover.json", "plan", told);
	json_decref(told);
	json_decref(made.document);
	mem_free(ctx);
}

/* What is derived, and so not in the message. */
static void assert_same_target(const struct api_target *a, const struct api_target *b)
{
	assert_string_equal(a->stream, b->stream);
	assert_int_equal(!a->application, !b->application);
	if (a->application)
		assert_string_equal(a->application, b->application);
}

static void assert_same_task(const void *ctx, const struct api_task *planned, const struct api_task *read)
{
	json_t *again = api_task_write(read);

	assert_string_equal(text_of(ctx, again), text_of(ctx, planned->document));
	json_decref(again);
	assert_string_equal(planned->source_stream, read->source_stream);
	assert_string_equal(planned->application, read->application);
	assert_int_equal(planned->fragment_s, read->fragment_s);
	assert_int_equal(planned->normalise, read->normalise);
	assert_int_equal(planned->hls.keep_all, read->hls.keep_all);
	assert_int_equal(planned->output_count, read->output_count);
	assert_int_equal(planned->rendition_count, read->rendition_count);
	for (size_t i = 0; i < read->output_count; i++)
		assert_same_target(&planned->outputs[i], &read->outputs[i]);
	for (size_t i = 0; i < read->rendition_count; i++)
		assert_same_target(&planned->renditions[i].target, &read->renditions[i].target);
}

/* A node that reads the message has the task that was planned. */
static void read_again(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct planned made;

	(void)state;
	for (size_t i = 0; i < DOCUMENTS; i++) {
		struct api_node_task *tasks = NULL;
		size_t count = 0;

		if (documents[i].refusal)
			continue;
		ok(plan(ctx, documents[i].name, API_KEYS_NEW, &made));
		ok(api_private_tasks(ctx, made.document, NULL, &tasks, &count));
		assert_int_equal(count, made.count);
		for (size_t k = 0; k < count; k++) {
			assert_string_equal(tasks[k].node_id, made.tasks[k].node_id);
			assert_ptr_equal(tasks[k].task->document, made.tasks[k].task->document);
			assert_same_task(ctx, made.tasks[k].task, tasks[k].task);
		}
		json_decref(made.document);
	}
	mem_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_keys), cmocka_unit_test(with_keys),  cmocka_unit_test(refused),
		cmocka_unit_test(dry_run),      cmocka_unit_test(read_again),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
