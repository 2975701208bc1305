/* The dry run: bandwidth of every hop, ports, work, and what stands against it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "api/plan.h"
#include "base/mem.h"

#define DATA TEST_SOURCE_DIR "/tests/data/public/"
#define MBPS 1000000

static json_t *load(const char *name)
{
	char *path = mem_printf(NULL, DATA "%s", name);
	json_t *value = NULL;
	struct error *e = json_parse_file(path, 100000, &value);

	mem_free(path);
	assert_null(e);
	return value;
}

static struct api_plan *plan_of(const void *ctx, const json_t *document)
{
	struct api_pipeline *p = NULL;
	struct api_plan *plan = NULL;
	struct error *e = api_pipeline_read(ctx, document, &p);

	if (e)
		fail_msg("%s", e->message);
	api_plan_make(ctx, p, &plan);
	return plan;
}

static void hops(void **state)
{
	json_t *document = load("pipeline.json");
	void *ctx = mem_strdup(NULL, "plan");
	struct api_plan *plan = plan_of(ctx, document);

	(void)state;
	assert_int_equal(plan->node_count, 5);
	assert_int_equal(plan->nodes[0].in_bps, 8 * MBPS);
	assert_int_equal(plan->nodes[0].out_bps, 32 * MBPS);
	assert_int_equal(plan->nodes[1].in_bps, 8 * MBPS + 2800000 + 1700000 + 800000);
	assert_int_equal(plan->nodes[1].out_bps, 0);
	assert_int_equal(plan->nodes[2].in_bps, 8 * MBPS);
	assert_int_equal(plan->nodes[2].out_bps, 2800000);
	assert_int_equal(plan->nodes[2].macroblocks_per_s, (120 * 68 + 80 * 45) * 25);
	assert_true(plan->nodes[2].cpu_cores > 0.3 && plan->nodes[2].cpu_cores < 1.5);
	assert_int_equal(plan->nodes[0].macroblocks_per_s, 0);
	assert_int_equal(plan->nodes[0].in_count, 1);
	assert_string_equal(plan->nodes[0].streams_in[0], "rtmp://192.0.2.10:1935/ingest/harbour-2031");
	assert_int_equal(plan->nodes[0].out_count, 4);
	assert_string_equal(plan->nodes[0].streams_out[0], "rtmp://198.51.100.20:1935/live/harbour-2031_1080p");
	assert_string_equal(plan->nodes[4].streams_in[0], "rtmp://[2001:db8::33]:1935/live/harbour-2031");
	assert_int_equal(plan->nodes[1].in_count, 4);
	assert_int_equal(plan->problem_count, 0);
	assert_int_equal(plan->remark_count, 1);
	assert_non_null(strstr(plan->remarks[0], "sends 4 copies of the source, 32.0 Mb/s"));
	mem_free(ctx);
	json_decref(document);
}

/* The network of the measurements: 50 Mb/s to four transcoders and a storage. */
static void fifty_in_two_hundred_and_fifty_out(void **state)
{
	json_t *document = load("pipeline.json"), *pipeline = json_object_get(document, "pipeline");
	void *ctx = mem_strdup(NULL, "plan");
	struct api_plan *plan = NULL;

	(void)state;
	json_put(json_object_get(pipeline, "source"), "bitrate", "50000000");
	json_put(pipeline, "number_of_streams", "4");
	json_array_append_new(
		json_object_get(pipeline, "transcoding"),
		json_pack("{s:s,s:s,s:s}", "resolution_name", "_180p", "resolution", "320x180", "bitrate", "300000"));
	json_array_append_new(json_object_get(pipeline, "nodes"),
			      json_pack("{s:s,s:s,s:s}", "type", "transcoder", "node_id",
					"00a4000000000000000000000000000000000007", "ip", "203.0.113.34"));
	plan = plan_of(ctx, document);
	assert_int_equal(plan->nodes[0].in_bps, 50 * MBPS);
	assert_int_equal(plan->nodes[0].out_bps, 250 * MBPS);
	assert_non_null(strstr(plan->remarks[plan->remark_count - 1], "would leave 100.0 Mb/s"));
	mem_free(ctx);
	json_decref(document);
}

static void remark(const char *path, const char *key, const char *value, const char *expect)
{
	json_t *document = load("pipeline.json"), *at = json_object_get(document, "pipeline");
	void *ctx = mem_strdup(NULL, "plan");
	struct api_plan *plan = NULL;
	size_t found = 0;

	at = strcmp(path, "source") == 0
		     ? json_object_get(at, path)
		     : json_array_get(json_object_get(at, path), strcmp(path, "nodes") == 0 ? 2 : 1);
	json_put(at, key, value);
	plan = plan_of(ctx, document);
	for (size_t i = 0; i < plan->remark_count; i++)
		found += strncmp(plan->remarks[i], expect, strlen(expect)) == 0;
	if (found != 1)
		fail_msg("no remark \"%s\"", expect);
	mem_free(ctx);
	json_decref(document);
}

static void remarks(void **state)
{
	(void)state;
	remark("transcoding", "resolution", "2560x1440",
	       "pipeline.transcoding[1].resolution: 2560x1440 is larger than the source's 1920x1080");
	remark("transcoding", "bitrate", "8000000",
	       "pipeline.transcoding[1].bitrate: 8000000 is not below the source's 8000000");
	remark("transcoding", "bitrate", "2900000",
	       "pipeline.transcoding[1].bitrate: 2900000 is more than that of the larger transcoding[0]");
	remark("source", "bitrate", "50000000", "pipeline.source.bitrate: at 50000000 b/s key frames may pass 1 MiB");
	remark("nodes", "failover_ip", "encoder-2.example.net",
	       "pipeline.nodes[2].failover_ip: encoder-2.example.net port 1935 is nodes[3]");
	remark("nodes", "failover_ip", "2001:db8::43",
	       "pipeline.nodes[4].failover_ip: 2001:db8::43 port 1935 stands in for nodes[2] too");
}

static void problems(void **state)
{
	json_t *document = load("pipeline-extended.json");
	json_t *nodes = json_object_get(json_object_get(document, "pipeline"), "nodes"), *made = NULL;
	void *ctx = mem_strdup(NULL, "plan");
	struct api_plan *plan = plan_of(ctx, document);

	(void)state;
	assert_int_equal(plan->problem_count, 0);
	/* classic: the application is the job */
	assert_string_equal(plan->nodes[3].streams_in[0], "rtmp://127.0.0.1:30004/harbour-2031/harbour-2031");
	assert_int_equal(plan->nodes[2].out_bps, 2800000 + 800000 + 2 * 96000);
	assert_int_equal(plan->nodes[2].macroblocks_per_s, (120 * 68 + 80 * 45 + 40 * 23) * 30);
	json_put(json_array_get(nodes, 0), "bandwidth", "7000000");
	json_put(json_array_get(nodes, 2), "cores", "0.5");
	plan = plan_of(ctx, document);
	assert_int_equal(plan->problem_count, 3);
	assert_string_equal(plan->problems[0], "pipeline.nodes[0].bandwidth: 8.0 Mb/s come in, the link has 7.0");
	assert_string_equal(plan->problems[1], "pipeline.nodes[0].bandwidth: 24.0 Mb/s go out, the link has 7.0");
	assert_memory_equal(plan->problems[2], "pipeline.nodes[2].cores: about 1.", 33);
	assert_non_null(strstr(plan->problems[2], "needed with preset fast, the machine has 0.5"));
	made = api_plan_json(plan);
	assert_string_equal(json_string_value(json_object_get(made, "feasible")), "no");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(json_object_get(made, "nodes"), 0), "out_bps")),
		"24000000");
	json_decref(made);
	mem_free(ctx);
	json_decref(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hops),
		cmocka_unit_test(fifty_in_two_hundred_and_fifty_out),
		cmocka_unit_test(remarks),
		cmocka_unit_test(problems),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
