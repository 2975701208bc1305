/* How a network grows: one dsnd and one RabbitMQ, and simulated agents of 100, 1,000 and 10,000 nodes that speak to
 * them as dsn-agent does: real messages, real signatures, no media. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "bench/swarm_plot.h"
#include "bench/swarm_run.h"

#define SIZES 16
#define NODES_MOST 20000 /* what dsnd keeps */

struct settings {
	char *bus, *password_file, *ca_file, *broker, *plot;
	char **nodes;
	int64_t broker_port, nodes_per_agent, beat_ms, status_ms, quiet_ms, patience_ms, plans, jobs, at_once;
	bool json;
};

#define ROW(field) offsetof(struct settings, field)

static const struct config_row rows[] = {
	{"nodes", CONFIG_LIST, ROW(nodes), "100", NULL, 0, 0, "N",
	 "nodes of the network; several times for several networks, one after the other", NULL},
	{"nodes-per-agent", CONFIG_INT, ROW(nodes_per_agent), "10", NULL, 1, 500, "N", "nodes of an agent", NULL},
	{"broker", CONFIG_STRING, ROW(broker), NULL, NULL, 0, 0, "SCRIPT",
	 "scripts/broker: a RabbitMQ of its own for each network, which is killed and started again", NULL},
	{"broker-port", CONFIG_INT, ROW(broker_port), "26600", NULL, 1, 65530, "PORT",
	 "of that broker, which takes this port and the four above it", NULL},
	{"bus", CONFIG_STRING, ROW(bus), NULL, NULL, 0, 0, "URL",
	 "a broker that is there already, instead: amqp[s]://[user@]host[:port]/vhost; it is not killed", NULL},
	{"password-file", CONFIG_STRING, ROW(password_file), NULL, NULL, 0, 0, "FILE",
	 "file of mode 0600 with the broker password; else $DSN_BROKER_PASSWORD", NULL},
	{"ca-file", CONFIG_STRING, ROW(ca_file), NULL, NULL, 0, 0, "FILE", "trusted certificates for amqps", NULL},
	{"beat-every", CONFIG_DURATION, ROW(beat_ms), "5s", NULL, 0, 0, "TIME", "between two heartbeats of an agent",
	 NULL},
	{"status-every", CONFIG_DURATION, ROW(status_ms), "5s", NULL, 0, 0, "TIME",
	 "between two statuses of a node that says nothing new; 0s: none", NULL},
	{"quiet", CONFIG_DURATION, ROW(quiet_ms), "20s", NULL, 0, 0, "TIME", "to look at heartbeats alone", NULL},
	{"patience", CONFIG_DURATION, ROW(patience_ms), "10m", NULL, 0, 0, "TIME", "to wait for each step", NULL},
	{"plans", CONFIG_INT, ROW(plans), "20000", NULL, 1, 10000000, "N",
	 "orders to be planned, or as many as can be in 20 s", NULL},
	{"jobs", CONFIG_INT, ROW(jobs), NULL, NULL, 0, 1000, "N",
	 "orders to be carried out; without it one for each ten nodes", NULL},
	{"at-once", CONFIG_INT, ROW(at_once), "8", NULL, 1, 512, "N", "connections that ask dsnd", NULL},
	{"plot", CONFIG_STRING, ROW(plot), NULL, NULL, 0, 0, "FILE.svg", "the growth as curves", NULL},
	{"json", CONFIG_BOOL, ROW(json), NULL, NULL, 0, 0, NULL,
	 "print one JSON object in the end, and what is known earlier on standard error", NULL},
};

static const struct config_program program = {
	.name = "dsn-bench",
	.synopsis = "dsn-bench fleet --broker scripts/broker | --bus URL [options]",
	.about =
		"How one dsnd and one broker bear a network of many nodes: simulated agents with real messages and real signatures, without media. Figures are printed as soon as they are known.",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};

/* --- as JSON --- */

static json_t *result_json(const struct swarm_run_result *r)
{
	json_t *o = json_object();
	const struct {
		const char *key;
		double value;
		int decimals;
	} figures[] = {
		{"served_s", r->served_s, 2},
		{"known_s", r->known_s, 2},
		{"messages_per_node_s", r->beat_messages, 3},
		{"bytes_per_node_s", r->beat_bytes, 1},
		{"idle_dsnd_cores", r->idle_dsnd_cores, 3},
		{"idle_broker_cores", r->idle_broker_cores, 3},
		{"plans_per_s", r->plans_per_s, 0},
		{"places_per_s", r->places_per_s, 0},
		{"plan_p50_ms", r->plan_p50_ms, 2},
		{"plan_p99_ms", r->plan_p99_ms, 2},
		{"orders_per_s", r->orders_per_s, 0},
		{"order_p50_ms", r->order_p50_ms, 1},
		{"order_p99_ms", r->order_p99_ms, 1},
		{"noted_first_s", r->noted_first_s, 2},
		{"noted_last_s", r->noted_last_s, 2},
		{"work_off_s", r->work_off_s, 2},
		{"dispatch_p50_s", r->dispatch_p50_s, 2},
		{"dispatch_most_s", r->dispatch_most_s, 2},
		{"broker_boot_s", r->broker_boot_s, 2},
		{"broker_served_s", r->broker_served_s, 2},
		{"dsnd_known_s", r->dsnd_known_s, 2},
		{"dsnd_mib", r->dsnd_mib, 1},
		{"broker_mib", r->broker_mib, 1},
	};

	json_put_decimal(o, "nodes", (int64_t)r->nodes);
	json_put_decimal(o, "agents", (int64_t)r->agents);
	json_put_decimal(o, "mailboxes", (int64_t)r->mailboxes);
	json_put_decimal(o, "jobs", (int64_t)r->jobs);
	json_put_decimal(o, "lost_nodes", (int64_t)r->lost_nodes);
	json_put_decimal(o, "lost_places", (int64_t)r->lost_parts);
	json_put_decimal(o, "jobs_hit", (int64_t)r->jobs_hit);
	json_put_decimal(o, "jobs_not_whole", (int64_t)r->jobs_not_whole);
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		bench_put(o, figures[i].key, figures[i].value, figures[i].decimals);
	return o;
}

/* --- all of them --- */

static struct error *read_sizes(const struct settings *set, size_t ret_sizes[SIZES], size_t *ret_count)
{
	*ret_count = 0;
	for (char **p = set->nodes; *p; p++) {
		char *end = NULL;
		const long n = strtol(*p, &end, 10);

		if (end == *p || *end || n < 3 || n > NODES_MOST)
			return error_new(ERROR_INVALID, "--nodes: \"%.40s\": 3 to %d, please", *p, NODES_MOST);
		if (*ret_count == SIZES)
			return error_new(ERROR_INVALID, "--nodes: at most %d of them, please", SIZES);
		ret_sizes[(*ret_count)++] = (size_t)n;
	}
	return NULL;
}

static struct error *write_plot(const char *path, const struct swarm_run_result *results, size_t count)
{
	char *text = swarm_plot(NULL, results, count);
	struct error *e = file_write_atomic(path, text, strlen(text), 0644);

	mem_free(text);
	return e;
}

static struct error *measure(const struct settings *set)
{
	const struct swarm_run_options options = {.broker = set->broker,
						  .broker_port = set->broker_port,
						  .bus = set->bus,
						  .password_file = set->password_file,
						  .ca_file = set->ca_file,
						  .nodes_per_agent = set->nodes_per_agent,
						  .beat_ms = set->beat_ms,
						  .status_ms = set->status_ms,
						  .quiet_ms = set->quiet_ms,
						  .patience_ms = set->patience_ms,
						  .plans = set->plans,
						  .jobs = set->jobs,
						  .at_once = set->at_once,
						  .out = set->json ? stderr : stdout};
	json_t *list = json_array();
	struct swarm_run_result results[SIZES];
	size_t sizes[SIZES], count = 0;
	uv_loop_t loop;
	struct error *e = read_sizes(set, sizes, &count);

	log_set_level(LOG_LEVEL_ERROR); /* a thousand agents would tell of a broker that is killed */
	uv_loop_init(&loop);
	for (size_t i = 0; !e && i < count; i++) {
		e = swarm_run(&loop, &options, sizes[i], &results[i]);
		json_array_append_new(list, result_json(&results[i]));
	}
	loop_drain(&loop);
	uv_loop_close(&loop);
	if (!e && set->plot)
		e = write_plot(set->plot, results, count);
	if (!e && set->json)
		bench_print_json(json_pack("{s:s,s:O}", "bench", "fleet", "results", list));
	json_decref(list);
	return e;
}

static struct error *check(const struct settings *set, char **words)
{
	if (words[0])
		return error_new(ERROR_INVALID, "\"%s\": takes options only; see --help", words[0]);
	if (!set->bus == !set->broker)
		return error_new(
			ERROR_INVALID,
			"--broker scripts/broker for a RabbitMQ of its own, or --bus URL: one of them, please");
	if (set->beat_ms < 100)
		return error_new(ERROR_INVALID, "--beat-every: 100ms at least, please");
	return NULL;
}

struct error *bench_fleet(int argc, char **argv)
{
	struct settings set = {0};
	void *ctx = mem_new(NULL, char);
	char **words;
	bool done = false;
	struct error *e = config_load(ctx, &program, argc, argv, &set, &words, &done);

	if (!e && !done)
		e = check(&set, words);
	if (!e && !done)
		e = measure(&set);
	mem_free(ctx);
	return e;
}
