/* Any bytes through the JSON parser and all readers of documents. What a reader takes must come out right:
 * the private form of a public pipeline is itself readable, and its text parses to the same document.
 * Most bytes are no JSON, so a mutator of its own changes single members of a document that is. */
#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/beat.h"
#include "api/command.h"
#include "api/plan.h"
#include "api/task_write.h"
#include "base/mem.h"

#define LIMIT (256 * 1024)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	mem_init();
	return 0;
}

static bool fits(struct error *e)
{
	bool good = !e;

	error_free(e);
	return good;
}

static void check_again(json_t *document)
{
	char *text = json_text(NULL, document);
	json_t *again = NULL;

	if (json_parse(text, talloc_get_size(text) - 1, LIMIT * 8, &again))
		abort();
	assert(json_equal(document, again));
	json_decref(again);
	mem_free(text);
}

/* Reading a message and writing it again says the same; what has been written is written alike again. */
static void check_message(const void *ctx, const struct api_task *task, bool written)
{
	const struct json_place root = {NULL, "fuzz", 0};
	struct api_task *read = NULL;
	json_t *first = api_task_write(task), *second = NULL;

	if (api_task_read(ctx, first, &root, &read))
		abort();
	second = api_task_write(read);
	assert(json_equal(first, second));
	assert(!written || json_equal(first, task->document) || task->equal_outputs);
	json_decref(first);
	json_decref(second);
}

/* What was planned is itself readable. */
static void check_planned(const void *ctx, const struct api_pipeline *p, enum api_hop_keys keys)
{
	struct api_node_task *tasks = NULL, *again = NULL;
	size_t count = 0, read = 0;
	json_t *document = NULL;
	struct error *e = api_pipeline_tasks(ctx, p, keys, &tasks, &count);

	if (e) {
		assert(keys == API_KEYS_NEW);
		error_free(e);
		return;
	}
	document = api_pipeline_private(p, tasks, count);
	check_again(document);
	e = api_private_tasks(ctx, document, NULL, &again, &read);
	assert(!e || keys == API_KEYS_NONE);
	assert(e || (read == count && count >= p->node_count));
	for (size_t i = 0; i < count && !e; i++)
		check_message(ctx, tasks[i].task, true);
	error_free(e);
	json_decref(document);
}

static void try_pipeline(const void *ctx, const json_t *document)
{
	struct api_pipeline *p = NULL;
	struct api_plan *plan = NULL;
	struct error *e = api_pipeline_read(ctx, document, &p);

	if (!e) {
		check_planned(ctx, p, API_KEYS_NONE);
		check_planned(ctx, p, API_KEYS_NEW);
		api_plan_make(ctx, p, &plan);
		json_decref(api_plan_json(plan));
	}
	error_free(e);
}

static void try_others(const void *ctx, json_t *document)
{
	const struct json_place root = {NULL, "fuzz", 0};
	struct api_node_task *tasks = NULL;
	struct api_command *command = NULL;
	struct api_task *task = NULL;
	size_t count = 0;
	struct error *e = api_task_read(ctx, document, &root, &task);

	if (!e && !task->t45)
		check_message(ctx, task, false);
	error_free(e);
	error_free(api_command_read(ctx, document, &command));
	error_free(api_private_tasks(ctx, document, NULL, &tasks, &count));
}

static void try_beat(const void *ctx, const json_t *document)
{
	struct api_beat *b = NULL, *again = NULL;
	json_t *written;

	if (!fits(api_beat_read(ctx, document, &b)))
		return;
	written = api_beat_write(b);
	if (!fits(api_beat_read(ctx, written, &again)))
		abort();
	assert(api_beat_same(b, again) && b->node_count == again->node_count);
	json_decref(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = mem_new(NULL, int);
	json_t *document = NULL;
	struct error *e = json_parse((const char *)data, size, LIMIT, &document);

	if (!e) {
		try_pipeline(ctx, document);
		try_others(ctx, document);
		try_beat(ctx, document);
		json_decref(document);
	}
	error_free(e);
	mem_free(ctx);
	return 0;
}

/* --- mutating documents --- */

static const char *const words[] = {
	"type",
	"port",
	"mode",
	"key",
	"renditions",
	"failover_ip",
	"failover_node_id",
	"fragment",
	"outputs",
	"output",
	"keep",
	"failover_of",
	"params",
	"normalise",
	"http_port",
	"cores",
	"owner",
	"region",
	"realtime_pm",
	"nodes",
	"labels",
	"version",
	"price",
	"beat",
	"spec",
	"tasks",
	"variant",
	"params",
	"bandwidth",
	"_comments",
	"nginx-rtmp-core",
	"input",
};
static const char *const values[] = {
	"classic",
	"managed",
	"0",
	"1",
	"1935",
	"60",
	"65535",
	"on",
	"off",
	"window",
	"distributor",
	"transcoder",
	"storage",
	"::1",
	"a.b",
	"1.5",
	"_720p",
	"",
	"640x360",
	"1000",
	"0123456789abcdef",
	"00a1000000000000000000000000000000000003",
	"00d15b0000000000000000000000000000000001",
};
#define PICK(table) table[rand_r(seed) % (sizeof(table) / sizeof(table[0]))]

/* Walk down to a member of some object or array. */
static json_t *random_container(json_t *document, unsigned *seed)
{
	json_t *at = document;

	for (;;) {
		json_t *next = NULL;
		void *it = json_object_iter(at);

		for (size_t n = json_object_size(at) ? (unsigned)rand_r(seed) % json_object_size(at) : 0; n > 0; n--)
			it = json_object_iter_next(at, it);
		if (it)
			next = json_object_iter_value(it);
		else if (json_array_size(at))
			next = json_array_get(at, (unsigned)rand_r(seed) % json_array_size(at));
		if (!json_object_size(next) && !json_array_size(next))
			return at;
		if (rand_r(seed) % 6 == 0)
			return at;
		at = next;
	}
}

/* A known word, or the old text with some bytes changed. */
static json_t *new_value(const char *old, unsigned *seed)
{
	char text[128];
	size_t n = 0;

	if (!old || rand_r(seed) % 2)
		return json_string(PICK(values));
	n = strnlen(old, sizeof(text) - 1);
	memcpy(text, old, n);
	n = LLVMFuzzerMutate((uint8_t *)text, n, sizeof(text) - 1);
	return json_stringn(text, n);
}

static void change_object(json_t *o, unsigned *seed)
{
	size_t n = json_object_size(o) ? (unsigned)rand_r(seed) % json_object_size(o) : 0;
	void *it = json_object_iter(o);
	char *key = NULL;

	for (; it && n; n--)
		it = json_object_iter_next(o, it);
	key = strdup(it && rand_r(seed) % 4 ? json_object_iter_key(it) : PICK(words));
	if (rand_r(seed) % 8 == 0)
		json_object_del(o, key);
	else if (rand_r(seed) % 16 == 0)
		json_object_set_new(o, key, json_pack("[s]", PICK(values)));
	else
		json_object_set_new(o, key, new_value(json_string_value(json_object_get(o, key)), seed));
	free(key);
}

static void change_array(json_t *a, unsigned *seed)
{
	size_t n = json_array_size(a), i = n ? (unsigned)rand_r(seed) % n : 0;

	if (!n || rand_r(seed) % 3 == 0)
		json_array_append_new(a, new_value(NULL, seed));
	else if (rand_r(seed) % 2)
		json_array_append_new(a, json_deep_copy(json_array_get(a, i)));
	else
		json_array_remove(a, i);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned start)
{
	unsigned *seed = &start;
	json_t *document = NULL, *at = NULL;
	char *text = NULL;
	struct error *e = json_parse((const char *)data, size, LIMIT, &document);

	if (e || rand_r(seed) % 16 == 0 || (!json_is_object(document) && !json_is_array(document))) {
		error_free(e);
		json_decref(document);
		return LLVMFuzzerMutate(data, size, max_size);
	}
	for (int changes = 1 + rand_r(seed) % 3; changes; changes--) {
		at = random_container(document, seed);
		if (json_is_object(at))
			change_object(at, seed);
		else
			change_array(at, seed);
	}
	text = json_text(NULL, document);
	json_decref(document);
	size = strlen(text);
	if (size > max_size)
		size = max_size;
	memcpy(data, text, size);
	mem_free(text);
	return size;
}
