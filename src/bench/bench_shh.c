/* Whisper: our nodes beside go-ethereum's, the same loads through the same JSON-RPC in one run. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/json.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "bench/bench_shh.h"
#include "bench/shh_load.h"
#include "bench/shh_net.h"

#define MIB (1024.0 * 1024.0)
#define PING_MS 20000
#define JOIN_MS 240000
#define FLOOD_AT_ONCE 16
#define PEERS_OF_25 6 /* what a node of the network has, at most */

static const struct config_row rows[] = {
	{"geth", CONFIG_STRING, offsetof(struct bench_shh_settings, geth), NULL, NULL, 0, 0, "PROGRAM",
	 "geth 1.9.20, which scripts/geth builds; without it its column stays empty", NULL},
	{"kind", CONFIG_CHOICE, offsetof(struct bench_shh_settings, kind), "both", "both|shhd|geth", 0, 0, NULL,
	 "which nodes to measure", NULL},
	{"part", CONFIG_LIST, offsetof(struct bench_shh_settings, parts), NULL, NULL, 0, 0, "NAME",
	 "ping, network or flood; all when none is named", NULL},
	{"pings", CONFIG_INT, offsetof(struct bench_shh_settings, pings), "50", NULL, 1, 10000, "N",
	 "pings between two nodes, one after the other", NULL},
	{"senders", CONFIG_INT, offsetof(struct bench_shh_settings, senders), "5", NULL, 1, 24, "N",
	 "of the network's 25 nodes", NULL},
	{"seconds", CONFIG_INT, offsetof(struct bench_shh_settings, seconds), "10", NULL, 1, 600, "N", "of each flood",
	 NULL},
	{"ttl", CONFIG_INT, offsetof(struct bench_shh_settings, ttl), "50", NULL, 1, 600, "SECONDS",
	 "of the messages: the work for a message grows with it; 50 is go-ethereum's own", NULL},
	{"nodes", CONFIG_INT, offsetof(struct bench_shh_settings, nodes), "0", NULL, 0, 1000, "N",
	 "instead of all that: how networks of our nodes grow, up to N of them", NULL},
	{"json", CONFIG_BOOL, offsetof(struct bench_shh_settings, json), NULL, NULL, 0, 0, NULL,
	 "print one JSON object", NULL},
};

static const struct config_program program = {
	.name = "dsn-bench",
	.synopsis = "dsn-bench shh [--geth PROGRAM] [options]",
	.about =
		"Whisper nodes under load, shhd beside go-ethereum 1.9.20 in the same run: round trips of two nodes and of a network of 25, memory, and a flood over one hop.",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};

/* What is told; each kind of node has a value or none (NAN). */
enum figure {
	PING,
	PING_P95,
	PING_POST,
	PING_POLLED,
	MEMORY_TWO,
	JOIN,
	NET_SENT,
	NET_ANSWERED,
	NET_MEDIAN,
	NET_P95,
	MEMORY_25,
	FLOOD,
	FLOOD_LOST,
	FLOOD_MEDIAN,
	FLOOD_P99,
	HARD,
	HARD_LOST,
	HARD_MEDIAN,
	HARD_P99,
	FIGURES
};

static const struct figure_row {
	const char *key, *label;
	int decimals;
	char than;   /* '<' at most, '>' at least, 0: no goal */
	double goal; /* of ours */
} figures[FIGURES] = {
	[PING] = {"ping_ms", "two nodes: ping and pong, ms (median)", 1, '<', 10},
	[PING_P95] = {"ping_p95_ms", "  95 % within", 1, 0, 0},
	[PING_POST] = {"ping_post_ms", "  a post takes, ms (median)", 1, 0, 0},
	[PING_POLLED] = {"ping_polled_ms", "  filters polled every 10 ms instead (median)", 1, 0, 0},
	[MEMORY_TWO] = {"memory_mib", "  resident memory of a node, MiB", 1, '<', 12},
	[JOIN] = {"join_s", "25 nodes: all joined over a bootnode after, s", 1, 0, 0},
	[NET_SENT] = {"network_pings", "  pings", 0, 0, 0},
	[NET_ANSWERED] = {"network_answered", "  answered", 0, '>', 72},
	[NET_MEDIAN] = {"network_ms", "  ping and pong, ms (median)", 1, '<', 150},
	[NET_P95] = {"network_p95_ms", "  95 % within", 1, 0, 0},
	[MEMORY_25] = {"network_memory_mib", "  resident memory of a node, MiB", 1, '<', 12},
	[FLOOD] = {"flood_per_s", "flood over one hop, PoW 0.2: posts a second", 0, '>', 2000},
	[FLOOD_LOST] = {"flood_lost", "  lost", 0, '<', 0},
	[FLOOD_MEDIAN] = {"flood_ms", "  delivered, ms (median)", 1, 0, 0},
	[FLOOD_P99] = {"flood_p99_ms", "  99 % within", 1, 0, 0},
	[HARD] = {"flood_hard_per_s", "flood over one hop, PoW 2.0: posts a second", 0, '>', 200},
	[HARD_LOST] = {"flood_hard_lost", "  lost", 0, '<', 0},
	[HARD_MEDIAN] = {"flood_hard_ms", "  delivered, ms (median)", 1, 0, 0},
	[HARD_P99] = {"flood_hard_p99_ms", "  99 % within", 1, 0, 0},
};

typedef double values[FIGURES];

static bool wanted(const struct bench_shh_settings *s, const char *part)
{
	if (!s->parts || !s->parts[0])
		return true;
	for (char **p = s->parts; *p; p++) {
		if (!strcmp(*p, part))
			return true;
	}
	return false;
}

static struct error *two_nodes(struct shh_net *n, enum shh_net_kind kind)
{
	const struct shh_net_start start = {0};

	TRY(shh_net_start(n, kind, &start, 2));
	return shh_net_meet(n);
}

static struct error *measure_ping(struct shh_net *n, enum shh_net_kind kind, const struct bench_shh_settings *s,
				  double *v)
{
	struct shh_load load = {.pow_target = 1.0, .ttl_s = s->ttl};
	struct shh_load_pings pings = {0};
	size_t count = (size_t)s->pings;

	TRY(two_nodes(n, kind));
	TRY(shh_load_ping(n, &load, 1, count, 1, PING_MS, &pings));
	v[PING] = pings.round_trip.median;
	v[PING_P95] = pings.round_trip.p95;
	v[PING_POST] = pings.post.median;
	load.poll_ms = 10;
	TRY(shh_load_ping(n, &load, 1, count, 1, PING_MS, &pings));
	v[PING_POLLED] = pings.round_trip.median;
	TRY(shh_net_memory(n, &v[MEMORY_TWO]));
	v[MEMORY_TWO] /= MIB;
	shh_net_clear(n);
	return NULL;
}

static struct error *measure_network(struct shh_net *n, enum shh_net_kind kind, const struct bench_shh_settings *s,
				     double *v)
{
	const struct shh_load load = {.pow_target = 1.0, .ttl_s = s->ttl};
	struct shh_net_start start = {.discovery = true, .max_peers = PEERS_OF_25};
	struct shh_load_pings pings = {0};
	int64_t began_ms = clock_mono_ms();
	double peers = 0;

	TRY(shh_net_start(n, kind, &start, 1));
	start.bootnode = n->nodes[0]->enode;
	TRY(shh_net_start(n, kind, &start, 24));
	TRY(shh_net_joined(n, JOIN_MS, &peers));
	v[JOIN] = (double)(clock_mono_ms() - began_ms) / 1e3;
	TRY(shh_load_ping(n, &load, (size_t)s->senders, 72, 24, PING_MS, &pings));
	v[NET_SENT] = (double)pings.sent;
	v[NET_ANSWERED] = (double)pings.answered;
	v[NET_MEDIAN] = pings.round_trip.median;
	v[NET_P95] = pings.round_trip.p95;
	TRY(shh_net_memory(n, &v[MEMORY_25]));
	v[MEMORY_25] /= MIB;
	shh_net_clear(n);
	return NULL;
}

static struct error *measure_flood(struct shh_net *n, enum shh_net_kind kind, const struct bench_shh_settings *s,
				   double *v)
{
	static const struct {
		double pow;
		enum figure first;
	} floods[] = {{0.2, FLOOD}, {2.0, HARD}};

	for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
		const struct shh_load load = {.pow_target = floods[i].pow, .ttl_s = s->ttl};
		struct shh_load_flood flood = {0};
		double *at = v + floods[i].first;

		TRY(two_nodes(n, kind));
		TRY(shh_load_flood(n, &load, FLOOD_AT_ONCE, s->seconds * 1000, &flood));
		at[0] = flood.per_second;
		at[1] = (double)(flood.posted - flood.received);
		at[2] = flood.delivery.median;
		at[3] = flood.delivery.p99;
		shh_net_clear(n);
	}
	return NULL;
}

static const struct part {
	const char *name;
	struct error *(*measure)(struct shh_net *n, enum shh_net_kind kind, const struct bench_shh_settings *s,
				 double *v);
} parts[] = {
	{"ping", measure_ping},
	{"network", measure_network},
	{"flood", measure_flood},
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static struct error *measure(struct shh_net *n, enum shh_net_kind kind, const struct bench_shh_settings *s, double *v)
{
	for (size_t i = 0; i < PARTS; i++) {
		struct error *e = wanted(s, parts[i].name) ? parts[i].measure(n, kind, s, v) : NULL;

		if (!e && shh_net_interrupted)
			e = error_new(ERROR_FAILED, "interrupted");
		if (e)
			return error_wrap(e, "%s, %s", shh_net_kind_names[kind], parts[i].name);
	}
	return NULL;
}

static struct error *check(const struct bench_shh_settings *s)
{
	if (!s->geth && !strcmp(s->kind, "geth"))
		return error_new(ERROR_INVALID, "--geth PROGRAM is missing; scripts/geth builds it");
	for (char **p = s->parts; p && *p; p++) {
		bool known = false;

		for (size_t i = 0; i < PARTS; i++)
			known = known || !strcmp(*p, parts[i].name);
		if (!known)
			return error_new(ERROR_INVALID, "--part %s: one of ping, network, flood", *p);
	}
	return NULL;
}

static bool met(const struct figure_row *f, double value)
{
	return f->than == '<' ? value <= f->goal : value >= f->goal;
}

static void print_table(const struct bench_shh_settings *s, values *v)
{
	printf("Whisper, messages of %d bytes, time to live %" PRId64 " s\n\n%-50s", SHH_PAYLOAD, s->ttl, "");
	for (int k = 0; k < SHH_KINDS; k++)
		printf(" %12s", shh_net_kind_names[k]);
	printf("  goal\n");
	for (size_t i = 0; i < FIGURES; i++) {
		const struct figure_row *f = &figures[i];

		if (isnan(v[SHH_OURS][i]) && isnan(v[SHH_GETH][i]))
			continue;
		printf("%-50s", f->label);
		for (int k = 0; k < SHH_KINDS; k++) {
			if (isnan(v[k][i]))
				printf(" %12s", "-");
			else
				printf(" %12.*f", f->decimals, v[k][i]);
		}
		if (f->than && !isnan(v[SHH_OURS][i]))
			printf("  %s %.0f %s", f->than == '<' ? "<=" : ">=", f->goal,
			       met(f, v[SHH_OURS][i]) ? "met" : "MISSED");
		putchar('\n');
	}
}

static void print_json(const struct bench_shh_settings *s, values *v)
{
	static const char *const keys[SHH_KINDS] = {"shhd", "geth"};
	json_t *o = json_object(), *goals = json_object();

	json_put(o, "bench", "shh");
	json_put_decimal(o, "ttl_s", s->ttl);
	for (int k = 0; k < SHH_KINDS; k++) {
		json_t *column = json_object();

		for (size_t i = 0; i < FIGURES; i++) {
			if (!isnan(v[k][i]))
				bench_put(column, figures[i].key, v[k][i], figures[i].decimals);
		}
		json_object_set_new(o, keys[k], column);
	}
	for (size_t i = 0; i < FIGURES; i++) {
		if (figures[i].than && !isnan(v[SHH_OURS][i]))
			json_put(goals, figures[i].key, met(&figures[i], v[SHH_OURS][i]) ? "yes" : "no");
	}
	json_object_set_new(o, "met", goals);
	bench_print_json(o);
}

static struct error *compare(struct shh_net *n, const struct bench_shh_settings *s)
{
	values v[SHH_KINDS];

	for (int k = 0; k < SHH_KINDS; k++) {
		for (size_t i = 0; i < FIGURES; i++)
			v[k][i] = NAN;
	}
	if (strcmp(s->kind, "geth") != 0)
		TRY(measure(n, SHH_OURS, s, v[SHH_OURS]));
	if (s->geth && strcmp(s->kind, "shhd") != 0)
		TRY(measure(n, SHH_GETH, s, v[SHH_GETH]));
	(s->json ? print_json : print_table)(s, v);
	return NULL;
}

struct error *bench_shh(int argc, char **argv)
{
	void *scope = mem_new(NULL, char);
	struct bench_shh_settings s = {0};
	struct shh_net *n = NULL;
	char **words = NULL;
	bool done = false;
	struct error *e = config_load(scope, &program, argc, argv, &s, &words, &done);

	if (!e && !done)
		e = check(&s);
	if (!e && !done)
		e = shh_net_new(s.geth, &n);
	if (n) {
		e = s.nodes ? bench_shh_curve(n, &s) : compare(n, &s);
		shh_net_end(n);
	}
	mem_free(scope);
	return e;
}
