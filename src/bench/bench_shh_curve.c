/* How a network of our nodes grows: each a process of its own, joined over one bootnode; messages from one to all. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "bench/bench_shh.h"
#include "bench/shh_load.h"
#include "http/client.h"

#define STEPS 4 /* N/8, N/4, N/2, N */
#define MESSAGES 20
#define EACH_MS 10000
#define JOIN_MS 240000
#define MAX_PEERS 8
#define MIB (1024.0 * 1024.0)
#define TEXT_LIMIT ((size_t)1 << 20)

struct step {
	size_t nodes;
	double join_s, peers, memory_mib, bytes_per_message;
	struct shh_load_spread spread;
};

/* The value of a counter without labels in Prometheus' text format. */
static double counter(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = text; (at = strstr(at, name)); at += n) {
		if ((at == text || at[-1] == '\n') && at[n] == ' ')
			return strtod(at + n, NULL);
	}
	return 0;
}

/* Bytes that all nodes sent to their peers so far. */
static struct error *bytes_sent(struct shh_net *n, double *ret_bytes)
{
	double sum = 0;

	for (size_t i = 0; i < n->count; i++) {
		const struct http_exchange x = {.host = "127.0.0.1",
						.port = n->nodes[i]->port,
						.method = "GET",
						.path = "/metrics",
						.limit = TEXT_LIMIT};
		const struct http_answer *a = http_fetch_sync(n->nodes[i], &x);

		if (a->error)
			return error_copy(a->error);
		if (a->status != 200)
			return error_new(ERROR_FAILED, "/metrics answered %d", a->status);
		sum += counter(a->body, "shhd_bytes_sent_total");
	}
	*ret_bytes = sum;
	return NULL;
}

static struct error *measure(struct shh_net *n, const struct bench_shh_settings *s, struct step *step)
{
	/* Little work: how messages spread is asked, not how they are mined. */
	const struct shh_load load = {.pow_target = 0.25, .ttl_s = s->ttl};
	struct shh_net_start start = {.discovery = true, .max_peers = MAX_PEERS};
	int64_t began_ms = clock_mono_ms();
	double before = 0, after = 0;

	TRY(shh_net_start(n, SHH_OURS, &start, 1));
	start.bootnode = n->nodes[0]->enode;
	TRY(shh_net_start(n, SHH_OURS, &start, step->nodes - 1));
	TRY(shh_net_joined(n, JOIN_MS, &step->peers));
	step->join_s = (double)(clock_mono_ms() - began_ms) / 1e3;
	TRY(bytes_sent(n, &before));
	TRY(shh_load_spread(n, &load, MESSAGES, EACH_MS, &step->spread));
	TRY(bytes_sent(n, &after));
	step->bytes_per_message = (after - before) / (double)(step->nodes * MESSAGES);
	TRY(shh_net_joined(n, JOIN_MS, &step->peers));
	TRY(shh_net_memory(n, &step->memory_mib));
	step->memory_mib /= MIB;
	shh_net_clear(n);
	return NULL;
}

static void print_table(const struct step *steps, size_t count)
{
	printf("%d messages of %d bytes from one node to all, up to %d peers a node\n\n", MESSAGES, SHH_PAYLOAD,
	       MAX_PEERS);
	printf("%6s %8s %6s %12s %10s %10s %10s %16s %10s\n", "nodes", "join s", "peers", "delivered", "median ms",
	       "p95 ms", "max ms", "B/node/message", "MiB/node");
	for (size_t i = 0; i < count; i++) {
		const struct step *s = &steps[i];

		printf("%6zu %8.1f %6.1f %5zu/%-6zu %10.1f %10.1f %10.1f %16.0f %10.1f\n", s->nodes, s->join_s,
		       s->peers, s->spread.received, s->spread.wanted, s->spread.delivery.median,
		       s->spread.delivery.p95, s->spread.delivery.max, s->bytes_per_message, s->memory_mib);
	}
}

static void print_json(const struct step *steps, size_t count)
{
	json_t *o = json_object(), *list = json_array();

	json_put(o, "bench", "shh-nodes");
	for (size_t i = 0; i < count; i++) {
		const struct step *s = &steps[i];
		json_t *row = json_object();

		json_put_decimal(row, "nodes", (int64_t)s->nodes);
		bench_put(row, "join_s", s->join_s, 1);
		bench_put(row, "peers", s->peers, 1);
		json_put_decimal(row, "wanted", (int64_t)s->spread.wanted);
		json_put_decimal(row, "received", (int64_t)s->spread.received);
		bench_put(row, "median_ms", s->spread.delivery.median, 1);
		bench_put(row, "p95_ms", s->spread.delivery.p95, 1);
		bench_put(row, "max_ms", s->spread.delivery.max, 1);
		bench_put(row, "bytes_per_node_and_message", s->bytes_per_message, 0);
		bench_put(row, "memory_mib", s->memory_mib, 1);
		json_array_append_new(list, row);
	}
	json_object_set_new(o, "steps", list);
	bench_print_json(o);
}

struct error *bench_shh_curve(struct shh_net *n, const struct bench_shh_settings *s)
{
	struct step steps[STEPS] = {0};
	size_t count = 0;

	for (int i = 0; i < STEPS; i++) {
		size_t nodes = (size_t)s->nodes >> (STEPS - 1 - i);
		struct error *e;

		if (nodes < 2)
			continue;
		steps[count].nodes = nodes;
		e = measure(n, s, &steps[count]);
		if (!e && shh_net_interrupted)
			e = error_new(ERROR_FAILED, "interrupted");
		if (e)
			return error_wrap(e, "%zu nodes", nodes);
		count++;
	}
	(s->json ? print_json : print_table)(steps, count);
	return NULL;
}
