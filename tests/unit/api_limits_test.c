/* Every bounded member of the documents that reach a node, and of the message around them, at its limits and beside
 * them. The limits are the headers' own; what is spoilt is a good document of tests/data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/command.h"
#include "api/pipeline.h"
#include "api/read.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/mem.h"
#include "bus/message.h"

#define DATA TEST_SOURCE_DIR "/tests/data/"
#define LEVELS 32 /* base/json.c, docs/api.md */

/* --- values --- */

static char *letters(const void *ctx, const char *before, int64_t n, char c)
{
	size_t have = strlen(before);
	char *text = mem_array(ctx, char, (size_t)n + have + 1);

	memcpy(text, before, have);
	if ((size_t)n > have)
		memset(text + have, c, (size_t)n - have);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static json_t *owned(char *text)
{
	json_t *value = json_string(text);

	mem_free(text);
	return value;
}

static json_t *number(int64_t n)
{
	return owned(mem_printf(NULL, "%lld", (long long)n));
}

static json_t *text(int64_t n)
{
	return owned(letters(NULL, "", n, 'z'));
}

static json_t *digits(int64_t n)
{
	return owned(letters(NULL, "", n, 'a'));
}

static json_t *path(int64_t n)
{
	return owned(letters(NULL, "/", n, 'z'));
}

/* Labels as long as they may be. */
static json_t *host(int64_t n)
{
	char *name = letters(NULL, "", n, 'h');

	for (int64_t i = API_HOST_LABEL_LETTERS; i < n - 1; i += API_HOST_LABEL_LETTERS + 1)
		name[i] = '.';
	return owned(name);
}

static json_t *label(int64_t n)
{
	char *first = letters(NULL, "", n, 'h');
	json_t *value = owned(mem_printf(NULL, "%s.org", first));

	mem_free(first);
	return value;
}

static json_t *width(int64_t n)
{
	return owned(mem_printf(NULL, "%lldx720", (long long)n));
}

static json_t *height(int64_t n)
{
	return owned(mem_printf(NULL, "1280x%lld", (long long)n));
}

static json_t *bandwidth(int64_t n)
{
	return owned(mem_printf(NULL, "BANDWIDTH=%lld,RESOLUTION=640x360", (long long)n));
}

static json_t *outputs(int64_t n)
{
	json_t *list = json_array();

	for (int64_t i = 0; i < n; i++) {
		char *ip = mem_printf(NULL, "10.0.%d.%d", (int)(i / 250), (int)(i % 250));

		json_array_append_new(list, json_pack("{s:s}", "ip", ip));
		mem_free(ip);
	}
	return list;
}

static json_t *variants(int64_t n)
{
	json_t *list = json_array();

	for (int64_t i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "_%03d", (int)i);
		json_array_append_new(
			list, json_pack("{s:s,s:s}", "variant", name, "params", "BANDWIDTH=800000,RESOLUTION=640x360"));
	}
	return list;
}

/* `n` of them, each with a name of its own in `member`, which the text has a place for. */
static json_t *copies(int64_t n, const char *text, const char *member)
{
	json_t *list = json_array();

	for (int64_t i = 0; i < n; i++) {
		json_t *o = json_loads(text, 0, NULL);
		char name[16];

		snprintf(name, sizeof(name), "_%03d", (int)i);
		json_put(o, member, name);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *transcodings(int64_t n)
{
	return copies(n, "{\"resolution\":\"640x360\",\"bitrate\":\"800000\"}", "resolution_name");
}

static json_t *renditions(int64_t n)
{
	return copies(n,
		      "{\"application\":\"quay\",\"codec\":\"libx264\",\"bitrate\":\"800000\","
		      "\"resolution\":\"640x360\",\"ip\":\"127.0.0.1\",\"port\":\"30002\"}",
		      "variant");
}

/* Of the forerunner's storage. */
static json_t *inputs(int64_t n)
{
	return copies(n,
		      "{\"proto\":\"rtmp\",\"application\":\"keep\",\"name\":\"quay\",\"resolution\":\"640x360\","
		      "\"vbitrate\":\"800000\",\"port\":\"1950\"}",
		      "variant");
}

/* The playlist has to hold one. */
static json_t *fragment(int64_t n)
{
	return json_pack("{s:o,s:o,s:o}", "hls_fragment", number(n), "hls_playlist_length",
			 number(API_MAX_FRAGMENT_S + 1), "hls_variant", variants(1));
}

static json_t *members(int64_t n, const char *key, const char *value)
{
	json_t *o = json_object();

	for (int64_t i = 0; i < n; i++) {
		char *name = mem_printf(NULL, key, (int)(i + 1)), *text_of = mem_printf(NULL, value, (int)(i + 1));

		json_put(o, name, text_of);
		mem_free(name);
		mem_free(text_of);
	}
	return o;
}

static json_t *ports(int64_t n)
{
	return members(n, "%d", "3%03d");
}

static json_t *mounts(int64_t n)
{
	return members(n, "/host%d", "/container%d");
}

static json_t *cursors(int64_t n)
{
	return members(n, "unit%d", "47%d-00");
}

/* A port as the key of a member. */
static json_t *container_port(int64_t n)
{
	char key[24];

	snprintf(key, sizeof(key), "%lld", (long long)n);
	return json_pack("{s:s}", key, "20500");
}

static json_t *cursor(int64_t n)
{
	char *value = letters(NULL, "", n, '1');
	json_t *o = json_pack("{s:s}", "film-encode", value);

	mem_free(value);
	return o;
}

/* --- the table --- */

typedef json_t *make_fn(int64_t n);

#define TASK(n) "private/pipeline-extended.json", "pipeline.tasks." #n ".msg."
#define DISTRIBUTOR TASK(0)
#define STORAGE TASK(1)
#define TRANSCODER TASK(2)
#define CREATE "private/node_create-extended.json", ""
#define LOGS "private/node_logs-extended.json", ""
#define STOP "private/pipeline_stop.json", ""
#define ORDER "public/pipeline-extended.json", "pipeline."
#define FORERUNNER "t45/storage.json", ""

/* `least` -1: there is no lower bound to go below. */
static const struct limit {
	const char *document, *prefix, *member;
	make_fn *make;
	int64_t least, most, step;
} limits[] = {
	{CREATE, "node_id", digits, ID_DIGITS, ID_DIGITS, 1},
	{CREATE, "name", text, 1, API_NAME_LETTERS, 1},
	{CREATE, "spec.containers.image", text, 1, API_IMAGE_LETTERS, 1},
	{CREATE, "spec.containers.ports", ports, -1, API_PORTS, 1},
	{CREATE, "spec.containers.ports.1935", number, 1, API_MAX_PORT, 1},
	{CREATE, "spec.containers.ports", container_port, 1, API_MAX_PORT, 1},
	{CREATE, "spec.containers.volume-mounts", mounts, -1, API_MOUNTS, 1},
	{CREATE, "spec.containers.volume-mounts./srv/data", path, 2, API_PATH_LETTERS, 1},
	{CREATE, "spec.containers.memory", number, API_MIN_MEMORY_BYTES, API_MAX_MEMORY_BYTES, 1},
	{CREATE, "spec.containers.cpus", number, 1, API_MAX_CPUS, 1},
	{LOGS, "unit", text, 1, API_UNIT_LETTERS, 1},
	{LOGS, "lines", number, 1, API_LOG_LINES, 1},
	{LOGS, "after", cursors, -1, API_CURSORS, 1},
	{LOGS, "after", cursor, -1, API_CURSOR_LETTERS, 1},
	{STOP, "job_id", text, 1, API_JOB_LETTERS, 1},
	{DISTRIBUTOR, "nginx-rtmp-core.listen", number, 1, API_MAX_PORT, 1},
	{DISTRIBUTOR, "nginx-rtmp-core.application", text, 1, API_JOB_LETTERS, 1},
	{DISTRIBUTOR, "key", text, API_KEY_MIN_LETTERS, API_KEY_LETTERS, 1},
	{DISTRIBUTOR, "fragment", number, 1, API_MAX_FRAGMENT_S, 1},
	{DISTRIBUTOR, "ffmpeg-rtmp.outputs", outputs, 1, API_MAX_OUTPUTS, 1},
	{DISTRIBUTOR, "ffmpeg-rtmp.outputs.0.ip", host, 1, API_HOST_LETTERS, 1},
	{DISTRIBUTOR, "ffmpeg-rtmp.outputs.0.ip", label, 1, API_HOST_LABEL_LETTERS, 1},
	{DISTRIBUTOR, "ffmpeg-rtmp.outputs.1.failover_ip", host, 1, API_HOST_LETTERS, 1},
	{DISTRIBUTOR, "ffmpeg-rtmp.outputs.0.port", number, 1, API_MAX_PORT, 1},
	{DISTRIBUTOR, "ffmpeg-rtmp.outputs.1.failover_port", number, 1, API_MAX_PORT, 1},
	{DISTRIBUTOR, "ffmpeg-rtmp.outputs.0.variant", text, -1, API_VARIANT_LETTERS, 1},
	{DISTRIBUTOR, "ffmpeg-rtmp.outputs.0.key", text, API_KEY_MIN_LETTERS, API_KEY_LETTERS, 1},
	{DISTRIBUTOR, "ffmpeg-rtmp.outputs.0.application", text, 1, API_JOB_LETTERS, 1},
	{STORAGE, "nginx-rtmp-hls", fragment, 1, API_MAX_FRAGMENT_S, 1},
	{STORAGE, "nginx-rtmp-hls.hls_playlist_length", number, 4, API_MAX_PLAYLIST_S, 1},
	{STORAGE, "nginx-rtmp-hls.hls_fragment_naming_granularity", number, 1, API_MAX_GRANULARITY_S, 1},
	{STORAGE, "nginx-rtmp-hls.hls_variant", variants, 1, API_MAX_VARIANTS, 1},
	{STORAGE, "nginx-rtmp-hls.hls_variant.0.variant", text, -1, API_VARIANT_LETTERS, 1},
	{STORAGE, "nginx-rtmp-hls.hls_variant.0.params", bandwidth, 1, API_MAX_BPS, 1},
	{TRANSCODER, "ffmpeg-rtmp.outputs", renditions, 1, API_MAX_VARIANTS, 1},
	{TRANSCODER, "ffmpeg-rtmp.outputs.0.bitrate", number, API_MIN_BPS, API_MAX_BPS, 1},
	{TRANSCODER, "ffmpeg-rtmp.outputs.0.audio_bitrate", number, API_MIN_AUDIO_BPS, API_MAX_AUDIO_BPS, 1},
	{TRANSCODER, "ffmpeg-rtmp.outputs.0.resolution", width, API_MIN_PIXELS, API_MAX_PIXELS, 2},
	{TRANSCODER, "ffmpeg-rtmp.outputs.0.resolution", height, API_MIN_PIXELS, API_MAX_PIXELS, 2},
	{TRANSCODER, "ffmpeg-rtmp.outputs.0.ip", host, 1, API_HOST_LETTERS, 1},
	{TRANSCODER, "ffmpeg-rtmp.outputs.0.port", number, 1, API_MAX_PORT, 1},
	{TRANSCODER, "ffmpeg-rtmp.outputs.0.variant", text, -1, API_VARIANT_LETTERS, 1},
	{ORDER, "job_id", text, 1, API_JOB_LETTERS, 1},
	{ORDER, "source.resolution_name", text, -1, API_VARIANT_LETTERS, 1},
	{ORDER, "source.resolution", width, API_MIN_PIXELS, API_MAX_PIXELS, 2},
	{ORDER, "source.bitrate", number, API_MIN_BPS, API_MAX_BPS, 1},
	{ORDER, "source.fps", number, 1, API_MAX_FPS, 1},
	{ORDER, "transcoding", transcodings, 1, API_MAX_VARIANTS - 1, 1},
	{ORDER, "transcoding.0.bitrate", number, API_MIN_BPS, API_MAX_BPS, 1},
	{ORDER, "nodes.0.node_id", digits, ID_DIGITS, ID_DIGITS, 1},
	{ORDER, "nodes.0.ip", host, 1, API_HOST_LETTERS, 1},
	{ORDER, "nodes.0.port", number, 1, API_MAX_PORT, 1},
	{ORDER, "nodes.1.http_port", number, 1, API_MAX_PORT, 1},
	{ORDER, "nodes.0.cores", number, 1, API_MAX_CORES, 1},
	{ORDER, "nodes.0.bandwidth", number, API_MIN_BPS, API_MAX_NODE_BPS, 1},
	{ORDER, "output.audio_bitrate", number, API_MIN_AUDIO_BPS, API_MAX_AUDIO_BPS, 1},
	{ORDER, "constraints.price_limit", number, 0, API_WISH_PRICE, 1},
	{ORDER, "transcoders", number, 1, API_WISH_TRANSCODERS, 1},
	{ORDER, "output.fragment", number, 1, API_MAX_FRAGMENT_S, 1},
	{FORERUNNER, "inputs", inputs, 1, API_MAX_VARIANTS, 1},
};

/* --- reading --- */

static struct error *read_document(const void *ctx, const char *name, const json_t *document)
{
	struct api_node_task *tasks = NULL;
	struct api_pipeline *pipeline = NULL;
	struct api_task *task = NULL;
	struct api_command *command = NULL;
	size_t count = 0;

	if (!strncmp(name, "t45/", 4))
		return api_task_read(ctx, document, NULL, &task);
	if (!strncmp(name, "public/", 7))
		return api_pipeline_read(ctx, document, &pipeline);
	if (strstr(name, "pipeline-extended"))
		return api_private_tasks(ctx, document, DATA "t45", &tasks, &count);
	return api_command_read(ctx, document, &command);
}

/* Takes the value's reference. Members are parted by dots, elements are numbers. */
static void put(json_t *at, const char *where, json_t *value)
{
	char *copy = mem_strdup(NULL, where), *key = copy, *dot;

	while ((dot = strchr(key, '.'))) {
		*dot = '\0';
		at = json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10)) : json_object_get(at, key);
		assert_non_null(at);
		key = dot + 1;
	}
	json_object_set_new(at, key, value);
	mem_free(copy);
}

/* What the rest of an order says of its `n` transcodings: how many there are, and that one node makes them all. */
static void agree(json_t *order, int64_t n)
{
	json_t *pipeline = json_object_get(order, "pipeline"), *nodes = json_object_get(pipeline, "nodes"),
	       *names = json_array();

	for (int64_t i = 0; i < n; i++)
		json_array_append(names, json_object_get(json_array_get(json_object_get(pipeline, "transcoding"), i),
							 "resolution_name"));
	json_object_set_new(json_array_get(nodes, 2), "renditions", names);
	json_array_remove(nodes, 3);
	json_object_set_new(pipeline, "number_of_streams", number(n));
}

static struct error *try_value(const struct limit *l, int64_t n)
{
	void *ctx = mem_strdup(NULL, l->document);
	char *file = mem_printf(ctx, DATA "%s", l->document), *where = mem_printf(ctx, "%s%s", l->prefix, l->member);
	json_t *document = NULL;
	struct error *e = json_parse_file(file, MESSAGE_LIMIT, &document);

	if (e)
		fail_msg("%s", e->message);
	put(document, where, l->make(n));
	if (!strcmp(where, "pipeline.transcoding"))
		agree(document, n);
	e = read_document(ctx, l->document, document);
	json_decref(document);
	mem_free(ctx);
	return e;
}

static void taken(const struct limit *l, int64_t n)
{
	struct error *e = try_value(l, n);

	if (e)
		fail_msg("%s %s: %lld is refused: %s", l->document, l->member, (long long)n, e->message);
}

/* With a reason that ends in its place. */
static void refused(const struct limit *l, int64_t n)
{
	struct error *e = try_value(l, n);
	const char *last = strrchr(l->member, '.');

	if (!e)
		fail_msg("%s %s: %lld is taken", l->document, l->member, (long long)n);
	if (!strstr(e->message, last ? last + 1 : l->member))
		fail_msg("%s %s: %lld: \"%s\" does not name the member", l->document, l->member, (long long)n,
			 e->message);
	error_free(e);
}

static void test_members(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const struct limit *l = &limits[i];

		if (l->least >= 0) {
			refused(l, l->least - l->step);
			taken(l, l->least);
		}
		if (l->most - l->step >= l->least)
			taken(l, l->most - l->step);
		taken(l, l->most);
		refused(l, l->most + l->step);
	}
}

/* --- the message around them --- */

#define ID "0123456789abcdef0123456789abcdef"
#define FROM "1111111111111111111111111111111111111111"

static const struct {
	const char *member;
	make_fn *make;
	int64_t least, most;
} envelope[] = {
	{"id", digits, MESSAGE_ID_DIGITS, MESSAGE_ID_DIGITS},
	{"from", digits, ID_DIGITS, ID_DIGITS},
	{"to", digits, ID_DIGITS, ID_DIGITS},
	{"re", digits, MESSAGE_ID_DIGITS, MESSAGE_ID_DIGITS},
	{"key", digits, MESSAGE_KEY_DIGITS, MESSAGE_KEY_DIGITS},
	{"time", number, 0, MESSAGE_TIME_MAX_MS},
	{"ttl", number, MESSAGE_TTL_MIN_MS, MESSAGE_TTL_MAX_MS},
};

static bool decodes(const char *member, json_t *value)
{
	json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:{s:s}}", "dsn", "1", "id", ID, "kind", "result",
			      "from", FROM, "to", FROM, "time", "1700000000000", "ttl", "60000", "re", ID, "body",
			      "state", "applied");
	struct message *m = NULL;
	struct error *e;
	char *words;

	json_object_set_new(o, member, value);
	words = json_text(NULL, o);
	e = message_decode(NULL, words, strlen(words), false, NULL, &m);
	if (e && !strstr(e->message, member))
		fail_msg("%s: \"%s\" does not name it", member, e->message);
	error_free(e);
	if (m) {
		/* What was taken can be passed on. */
		mem_free(message_encode(m, m));
		assert_true(m->time_ms + m->ttl_ms > 0);
	}
	mem_free(m);
	mem_free(words);
	json_decref(o);
	return !e;
}

static void test_envelope(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(envelope) / sizeof(envelope[0]); i++) {
		const char *member = envelope[i].member;

		assert_false(decodes(member, envelope[i].make(envelope[i].least - 1)));
		assert_true(decodes(member, envelope[i].make(envelope[i].least)));
		assert_true(decodes(member, envelope[i].make(envelope[i].most)));
		assert_false(decodes(member, envelope[i].make(envelope[i].most + 1)));
	}
}

static bool fits(const char *body, size_t bytes)
{
	char *words = mem_printf(NULL,
				 "{\"dsn\":\"1\",\"id\":\"" ID "\",\"kind\":\"command\",\"from\":\"" FROM
				 "\",\"to\":\"" FROM "\",\"time\":\"1\",\"ttl\":\"1000\",\"body\":%s}",
				 body);
	size_t len = strlen(words);
	char *padded = letters(NULL, words, (int64_t)(bytes ? bytes : len), ' ');
	struct message *m = NULL;
	struct error *e = message_decode(NULL, padded, strlen(padded), false, NULL, &m);

	error_free(e);
	mem_free(m);
	mem_free(words);
	mem_free(padded);
	return !e;
}

static void test_size_and_depth(void **state)
{
	(void)state;
	assert_true(fits("{}", MESSAGE_LIMIT - 1));
	assert_true(fits("{}", MESSAGE_LIMIT));
	assert_false(fits("{}", MESSAGE_LIMIT + 1));
	for (int levels = LEVELS - 1; levels <= LEVELS + 1; levels++) {
		char *open = letters(NULL, "", levels - 2, '['), *close = letters(open, "", levels - 2, ']'),
		     *body = mem_printf(open, "{\"x\":%s%s}", open, close);

		assert_int_equal(fits(body, 0), levels <= LEVELS);
		mem_free(open);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_size_and_depth),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
