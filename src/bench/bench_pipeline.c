/* How long a pipeline takes to start: six warm nodes at two agents, from the start of vcli to its end, when every node
 * has said that it serves. Nothing is left out: the process, the plan, the job's file, the broker. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "bench/fleet.h"

#define GOAL_MS 400
#define MAX_ROUNDS 100

struct settings {
	char *bus, *password_file, *ca_file;
	int64_t rounds;
	bool json;
};

static const struct config_row rows[] = {
	{"bus", CONFIG_STRING, offsetof(struct settings, bus), NULL, NULL, 0, 0, "URL", "The broker to measure with.",
	 NULL},
	{"password-file", CONFIG_STRING, offsetof(struct settings, password_file), NULL, NULL, 0, 0, "FILE",
	 "Its password, in a file of mode 0600.", NULL},
	{"ca-file", CONFIG_STRING, offsetof(struct settings, ca_file), NULL, NULL, 0, 0, "FILE",
	 "amqps: whom to trust.", NULL},
	{"rounds", CONFIG_INT, offsetof(struct settings, rounds), "10", NULL, 1, MAX_ROUNDS, "N", "Starts to measure.",
	 NULL},
	{"json", CONFIG_BOOL, offsetof(struct settings, json), NULL, NULL, 0, 0, NULL, "Print one JSON object.", NULL},
};

static const struct config_program program = {
	.name = "dsn-bench",
	.synopsis = "dsn-bench pipeline --bus URL [options]",
	.about = "Start of a pipeline of six warm nodes (real agents, nginx and ffmpeg) until all serve.",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};

/* Nodes: role, index of its agent, id. */
static struct bench_node {
	const char *role;
	size_t agent;
	const char *id;
} nodes[] = {
	{"distributor", 0, NULL}, {"storage", 0, NULL},    {"transcoder", 0, NULL},
	{"transcoder", 1, NULL},  {"transcoder", 1, NULL}, {"transcoder", 1, NULL},
};
#define NODES (sizeof(nodes) / sizeof(nodes[0]))
#define AGENTS 2
#define RENDITIONS 4

static struct error *start_agents(struct fleet *f)
{
	for (size_t a = 0; a < AGENTS; a++) {
		const char *ids[NODES + 1] = {NULL};
		size_t n = 0;
		pid_t pid = 0;

		for (size_t i = 0; i < NODES; i++) {
			if (nodes[i].agent != a)
				continue;
			TRY(fleet_new_id(f, &nodes[i].id));
			ids[n++] = nodes[i].id;
		}
		TRY(fleet_start_agent(f, ids, &pid));
	}
	return NULL;
}

/* Create every node and put it with its ports into the document's list. */
static struct error *create_nodes(struct fleet *f, json_t *list)
{
	for (size_t i = 0; i < NODES; i++) {
		const char *const words[] = {"node", "create", nodes[i].role, nodes[i].id, NULL};
		const char *rtmp = NULL, *http = NULL;
		json_t *answer = NULL, *o = json_object();

		json_array_append_new(list, o);
		TRY(fleet_vcli(f, words, NULL, &answer));
		rtmp = json_string_value(json_object_get(json_object_get(answer, "ports"), "rtmp"));
		http = json_string_value(json_object_get(json_object_get(answer, "ports"), "http"));
		json_put(o, "type", nodes[i].role);
		json_put(o, "node_id", nodes[i].id);
		json_put(o, "ip", "127.0.0.1");
		json_put(o, "port", rtmp ? rtmp : "1935");
		if (http)
			json_put(o, "http_port", http);
		json_decref(answer);
	}
	return NULL;
}

static json_t *rendition(const char *name, int height)
{
	json_t *o = json_object();
	char *size = mem_printf(NULL, "%dx%d", height * 16 / 9 / 2 * 2, height);

	json_put(o, "resolution_name", name);
	json_put(o, "resolution", size);
	json_put_decimal(o, "bitrate", (int64_t)height * 1000);
	mem_free(size);
	return o;
}

/* A public document for one round; `list` is borrowed. */
static json_t *document(const char *job, json_t *list)
{
	static const int heights[RENDITIONS] = {360, 270, 180, 90};
	static const char *const names[RENDITIONS] = {"_360p", "_270p", "_180p", "_90p"};
	json_t *o = json_object(), *p = json_object(), *ladder = json_array();

	for (size_t i = 0; i < RENDITIONS; i++)
		json_array_append_new(ladder, rendition(names[i], heights[i]));
	json_put(o, "apiVersion", "1.00");
	json_put(o, "typeApi", "public");
	json_put(o, "command", "pipeline");
	json_put(o, "subcommand", "start");
	json_put(p, "type_source", "file");
	json_put(p, "job_id", job);
	json_put_decimal(p, "number_of_streams", RENDITIONS);
	json_object_set_new(p, "source", rendition("_src", 480));
	json_object_set_new(p, "transcoding", ladder);
	json_object_set(p, "nodes", list);
	json_object_set_new(o, "pipeline", p);
	return o;
}

/* Every node must really run the job: a fast wrong answer is worth nothing. */
static struct error *check_running(struct fleet *f, const char *job)
{
	json_t *answer = NULL, *node = NULL;
	struct error *e = NULL;
	size_t i = 0;

	TRY(fleet_vcli(f, (const char *const[]){"pipeline", "status", job, NULL}, NULL, &answer));
	json_array_foreach (json_object_get(answer, "nodes"), i, node) {
		const char *state = json_string_value(json_object_get(node, "state"));

		if (!e && (!state || strcmp(state, "running") != 0))
			e = error_new(ERROR_FAILED, "node %s is %s after the start",
				      json_string_value(json_object_get(node, "node_id")), state ? state : "silent");
	}
	if (!e && i != NODES)
		e = error_new(ERROR_FAILED, "%zu of %zu nodes told their status", i, NODES);
	json_decref(answer);
	return e;
}

static struct error *one_round(struct fleet *f, json_t *list, size_t number, double *ret_ms)
{
	char *job = mem_printf(f, "bench%zu", number), *path = mem_printf(f, "%s/%s.json", f->folder, job);
	json_t *d = document(job, list), *answer = NULL;
	char *text = json_text(f, d);
	int64_t us = 0;

	json_decref(d);
	TRY(file_write_atomic(path, text, strlen(text), 0600));
	TRY(fleet_vcli(f, (const char *const[]){"pipeline", "start", path, NULL}, &us, &answer));
	json_decref(answer);
	TRY(check_running(f, job));
	TRY(fleet_vcli(f, (const char *const[]){"pipeline", "close", job, NULL}, NULL, &answer));
	json_decref(answer);
	*ret_ms = (double)us / 1000;
	return NULL;
}

static void report(const struct settings *s, double *ms, size_t rounds)
{
	double median = bench_median(ms, rounds), least = ms[0], most = ms[rounds - 1];
	json_t *o = NULL;

	if (!s->json) {
		printf("pipeline start, %zu warm nodes at %d agents, until all serve (%zu starts)\n\n", NODES, AGENTS,
		       rounds);
		printf("  median    least     most      goal\n");
		printf("  %-6.0f ms %-6.0f ms %-6.0f ms <= %d ms  %s\n", median, least, most, GOAL_MS,
		       median <= GOAL_MS ? "met" : "MISSED");
		return;
	}
	o = json_object();
	json_put(o, "bench", "pipeline");
	json_put_decimal(o, "nodes", NODES);
	json_put_decimal(o, "rounds", (int64_t)rounds);
	bench_put(o, "median_ms", median, 1);
	bench_put(o, "least_ms", least, 1);
	bench_put(o, "most_ms", most, 1);
	json_put_decimal(o, "goal_ms", GOAL_MS);
	json_put(o, "met", median <= GOAL_MS ? "yes" : "no");
	bench_print_json(o);
}

static struct error *measure(struct fleet *f, const struct settings *s)
{
	double ms[MAX_ROUNDS];
	size_t rounds = (size_t)s->rounds;
	json_t *list = json_array();
	struct error *e = start_agents(f);

	if (!e)
		e = create_nodes(f, list);
	for (size_t i = 0; !e && i < rounds; i++)
		e = one_round(f, list, i, &ms[i]);
	json_decref(list);
	if (!e)
		report(s, ms, rounds);
	return e;
}

struct error *bench_pipeline(int argc, char **argv)
{
	void *scope = mem_new(NULL, char);
	struct settings s = {0};
	struct fleet *f = NULL;
	char **words = NULL;
	bool done = false;
	struct error *e = config_load(scope, &program, argc, argv, &s, &words, &done);

	if (!e && !done) {
		const struct fleet_options options = {s.bus, s.password_file, s.ca_file};

		e = fleet_new(&options, &f);
		if (!e) {
			e = measure(f, &s);
			fleet_end(f);
		}
	}
	mem_free(scope);
	return e;
}
