/* Simulated nodes: what they answer and tell, and that dsnd's own readers take it for a node's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "api/pipeline.h"
#include "base/json.h"
#include "base/mem.h"
#include "bench/swarm.h"
#include "bench/swarm_calls.h"
#include "bench/swarm_loss.h"
#include "manager/registry/said.h"

#define AGENT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define JOB "0200000000000000000001"
#define ID(digit) "d" digit "00000000000000000000000000000000000000"

static const char document[] =
	"{\"apiVersion\":\"1.00\",\"typeApi\":\"public\",\"command\":\"pipeline\",\"subcommand\":\"start\",\"pipeline\":{"
	"\"job_id\":\"" JOB "\",\"type_source\":\"live\",\"number_of_streams\":\"1\",\"source\":{\"resolution_name\":"
	"\"_720p\",\"resolution\":\"1280x720\",\"bitrate\":\"2500000\"},\"transcoding\":[{\"resolution_name\":\"_360p\","
	"\"resolution\":\"640x360\",\"bitrate\":\"700000\"}],\"nodes\":["
	"{\"type\":\"distributor\",\"node_id\":\"" ID(
		"0") "\",\"ip\":\"127.1.0.1\",\"port\":\"10000\"},"
		     "{\"type\":\"transcoder\",\"node_id\":\"" ID(
			     "1") "\",\"ip\":\"127.1.0.1\",\"port\":\"10010\"},"
				  "{\"type\":\"storage\",\"node_id\":\"" ID(
					  "2") "\",\"ip\":\"127.1.0.1\",\"port\":\"10020\",\"http_port\":\"10021\"}],"
					       "\"output\":{\"preset\":\"veryfast\",\"fragment\":\"4\"}}}";

struct world {
	struct swarm_node *node[API_ROLE_COUNT];
	struct api_node_task *tasks;
	size_t task_count;
	json_t *public;
};

static void good(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static int setup(void **state)
{
	static const char *const ids[] = {ID("0"), ID("1"), ID("2")};
	struct world *w = mem_new(NULL, struct world);
	struct api_pipeline *p = NULL;

	good(json_parse(document, strlen(document), 1 << 20, &w->public));
	good(api_pipeline_read(w, w->public, &p));
	good(api_pipeline_tasks(w, p, API_KEYS_NEW, &w->tasks, &w->task_count));
	assert_int_equal(w->task_count, API_ROLE_COUNT);
	for (size_t i = 0; i < API_ROLE_COUNT; i++) {
		struct swarm_node *n = w->node[i] = mem_new(w, struct swarm_node);

		snprintf(n->id, sizeof(n->id), "%s", ids[i]);
		snprintf(n->agent_id, sizeof(n->agent_id), "%s", AGENT);
		swarm_agent_ip(0, n->ip);
		n->role = (enum api_role)i;
		n->rtmp_port = 10000 + 10 * (int)i;
		n->http_port = i == API_STORAGE ? 10021 : 0;
	}
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	json_decref(w->public);
	mem_free(w);
	return 0;
}

static json_t *ask(struct swarm_node *n, json_t *body)
{
	json_t *data = NULL;

	good(swarm_node_obey(n, body, &data));
	json_decref(body);
	return data;
}

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void start(struct world *w, size_t i)
{
	json_decref(ask(w->node[i], json_incref(w->tasks[i].task->document)));
}

static json_t *job_status(const struct swarm_node *n)
{
	json_t *status = swarm_node_status(n);
	json_t *job = json_incref(json_array_get(json_object_get(status, "jobs"), 0));

	json_decref(status);
	return job;
}

static void test_serves_at_once(void **state)
{
	struct world *w = *state;
	json_t *data = ask(w->node[API_STORAGE], json_incref(w->tasks[API_STORAGE].task->document)), *job;

	assert_string_equal(text(data, "job_id"), JOB);
	assert_string_equal(text(data, "state"), "running");
	assert_string_equal(text(json_object_get(data, "endpoint"), "hls"),
			    "http://127.1.0.1:10021/hls/" JOB "/" JOB ".m3u8");
	assert_true(w->node[API_STORAGE]->changed);
	json_decref(data);
	/* Said again it is the same job. */
	start(w, API_STORAGE);
	assert_int_equal(w->node[API_STORAGE]->job_count, 1);
	job = job_status(w->node[API_STORAGE]);
	assert_string_equal(text(job, "job_id"), JOB);
	json_decref(job);
}

static void test_ends(void **state)
{
	struct world *w = *state;
	struct swarm_node *n = w->node[API_DISTRIBUTOR];
	json_t *data;

	start(w, API_DISTRIBUTOR);
	data = ask(n, api_command_document(API_PIPELINE_LIST, n->id, NULL, NULL));
	assert_int_equal(json_array_size(json_object_get(data, "jobs")), 1);
	json_decref(data);
	json_decref(ask(n, api_command_document(API_PIPELINE_STOP, n->id, JOB, NULL)));
	assert_int_equal(n->job_count, 0);
	/* It is so already. */
	json_decref(ask(n, api_command_document(API_PIPELINE_STOP, n->id, JOB, NULL)));
	data = ask(n, api_command_document(API_NODE_STATUS, n->id, NULL, NULL));
	assert_string_equal(text(data, "job_count"), "0");
	json_decref(data);
}

static void refused(struct swarm_node *n, json_t *body, const char *why)
{
	json_t *data = NULL;
	struct error *e = swarm_node_obey(n, body, &data);

	assert_non_null(e);
	assert_non_null(strstr(e->message, why));
	assert_null(data);
	error_free(e);
	json_decref(body);
}

static void test_refuses(void **state)
{
	struct world *w = *state;
	struct swarm_node *n = w->node[API_STORAGE];

	refused(n, json_incref(w->tasks[API_DISTRIBUTOR].task->document), "is a storage");
	refused(n, api_command_document(API_NODE_PURGE, n->id, NULL, NULL), "does not know");
	refused(n, json_pack("{s:s}", "command", "nonsense"), "command");
	assert_int_equal(n->job_count, 0);
}

/* What dsnd makes of it. */
static void test_is_taken_for_a_node(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < API_ROLE_COUNT; i++) {
		json_t *status;
		struct nodes_said said;

		start(w, i);
		status = swarm_node_status(w->node[i]);
		assert_true(said_read(status, &said));
		assert_int_equal(said.role, i);
		assert_true(said.serves);
		assert_false(said.classic);
		assert_int_equal(said.job_count, 1);
		assert_int_equal(said.rtmp_port, w->node[i]->rtmp_port);
		assert_string_equal(said.agent_id, AGENT);
		json_decref(status);
	}
}

static void look(struct swarm_node *n, const char *stream, bool takes)
{
	swarm_node_begin_look(n);
	if (stream)
		swarm_node_arrived(n->jobs[0], stream);
	for (size_t i = 0; swarm_node_target(n->jobs[0], i); i++)
		swarm_node_reached(n, n->jobs[0], i, takes);
	swarm_node_end_look(n);
}

static void test_tells_of_broken_streams(void **state)
{
	struct world *w = *state;
	struct swarm_node *n = w->node[API_TRANSCODER];
	const json_t *unit;
	json_t *job;

	start(w, API_TRANSCODER);
	look(n, JOB, true);
	n->changed = false;
	look(n, JOB, true);
	assert_false(n->changed);
	job = job_status(n);
	unit = json_array_get(json_object_get(job, "units"), 0);
	assert_string_equal(text(unit, "name"), JOB "-encode");
	assert_string_equal(text(unit, "state"), "running");
	assert_string_equal(json_string_value(json_array_get(json_object_get(job, "published"), 0)), "live/" JOB);
	json_decref(job);

	look(n, NULL, false);
	assert_true(n->changed);
	job = job_status(n);
	unit = json_array_get(json_object_get(job, "units"), 0);
	assert_string_equal(text(unit, "state"), "failing");
	assert_string_equal(text(unit, "restarts"), "1");
	assert_int_equal(json_array_size(json_object_get(job, "published")), 0);
	json_decref(job);
}

/* --- many of them --- */

static void test_addresses(void **state)
{
	static const size_t numbers[] = {0, 1, 249, 250, 1999, 62499, 62500};
	size_t number = 0, node = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char ip[64];

		swarm_agent_ip(numbers[i], ip);
		assert_true(swarm_agent_find(ip, 10030, &number, &node));
		assert_int_equal(number, numbers[i]);
		assert_int_equal(node, 3);
	}
	assert_false(swarm_agent_find("192.0.2.1", 10000, &number, &node));
	assert_false(swarm_agent_find("127.1.0.1", 1935, &number, &node));
}

static void test_swarm(void **state)
{
	uv_loop_t loop;
	const struct swarm_agent_options options = {.loop = &loop,
						    .bus = {.url = "memory:swarm", .network = "swarm"},
						    .manager = AGENT,
						    .nodes = 3,
						    .beat_ms = 100,
						    .status_ms = 100};
	struct swarm *s;

	(void)state;
	uv_loop_init(&loop);
	s = swarm_new(NULL, &options, 7);
	assert_int_equal(s->agent_count, 3);
	assert_int_equal(s->agents[2]->node_count, 1);
	assert_int_equal(swarm_mailboxes(s), 10);
	assert_false(swarm_all_served(s));
	good(swarm_connect(s));
	while (!swarm_all_served(s) || swarm_counts(s).statuses < 20)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(swarm_served(s), 10);
	assert_true(swarm_counts(s).bytes > 20 * 300);
	swarm_kill(s, 1);
	assert_int_equal(swarm_served(s), 6);
	assert_int_equal(swarm_alive_nodes(s), 4);
	assert_true(swarm_all_served(s));
	swarm_end(s, true);
	loop_drain(&loop);
	uv_loop_close(&loop);
}

/* A dead node's job is not its any more, but is remembered. */
static void test_jobs_of_swarm(void **state)
{
	struct world *w = *state;
	uv_loop_t loop;
	const struct swarm_agent_options options = {.loop = &loop, .manager = AGENT, .nodes = 3, .beat_ms = 100};
	struct swarm_run_result result = {.work_off_s = SWARM_RUN_NONE};
	struct swarm_loss *loss;
	struct swarm_part *parts;
	struct swarm *s = swarm_new(NULL, &options, 6);
	size_t count = 0;

	uv_loop_init(&loop);
	json_decref(ask(s->agents[0]->nodes[0], json_incref(w->tasks[0].task->document)));
	json_decref(ask(s->agents[1]->nodes[2], json_incref(w->tasks[2].task->document)));
	loss = swarm_loss_new(s, s);
	swarm_loss_begin(loss, 1);
	parts = swarm_jobs(s, s, &count);
	assert_int_equal(count, 1);
	assert_string_equal(parts[0].job, JOB);
	assert_int_equal(parts[0].nodes, 1);
	assert_true(parts[0].dead);
	assert_false(swarm_loss_over(loss));
	json_decref(ask(s->agents[1]->nodes[0], json_incref(w->tasks[0].task->document)));
	assert_true(swarm_loss_over(loss));
	good(swarm_loss_end(loss, "/dev/null", &result));
	assert_int_equal(result.lost_nodes, 3);
	assert_int_equal(result.lost_parts, 1);
	assert_int_equal(result.jobs_hit, 1);
	assert_int_equal(result.jobs_not_whole, 0);
	assert_true(result.work_off_s >= 0);
	swarm_end(s, false);
	uv_loop_close(&loop);
}

static void test_figures(void **state)
{
	const double ms[] = {1, 2, 3, 4, 100};

	(void)state;
	assert_int_equal(swarm_loss_line_ms("2026-11-30T22:10:00.123Z info jobs.part"), INT64_C(1796076600123));
	assert_int_equal(swarm_loss_line_ms("no time"), -1);
	assert_true(swarm_calls_percentile(ms, 5, 50) == 3);
	assert_true(swarm_calls_percentile(ms, 5, 100) == 100);
	assert_true(swarm_calls_percentile(ms, 0, 50) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_serves_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_is_taken_for_a_node, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tells_of_broken_streams, setup, teardown),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_swarm),
		cmocka_unit_test_setup_teardown(test_jobs_of_swarm, setup, teardown),
		cmocka_unit_test(test_figures),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
