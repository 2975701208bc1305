/* How many orders a fleet of thousands takes a second, on one core: each is planned, held and committed, between the
 * heartbeats that such a fleet sends; the oldest job ends when so many run. Beside it the same plans made by looking at
 * every node of a role. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/config.h"
#include "base/json.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "bench/placement_fleet.h"
#include "manager/jobs/reserve.h"

#define GOAL_PER_S 1500
#define GOAL_P99_MS 20
#define JOBS_PER_NODE 1 /* so many run for each node before the oldest ends */
#define MAX_SCANS 300
#define BEATS_PER_ORDER 2 /* 10,000 nodes on 3,334 machines: 667 a second */
#define HOLD_MS 30000

struct settings {
	int64_t nodes, orders, seed;
	bool json;
};

static const struct config_row rows[] = {
	{"nodes", CONFIG_INT, offsetof(struct settings, nodes), "10000", NULL, 100, 1000000, "N", "nodes in the fleet",
	 NULL},
	{"orders", CONFIG_INT, offsetof(struct settings, orders), "50000", NULL, 100, 10000000, "N",
	 "orders, one after the other", NULL},
	{"seed", CONFIG_INT, offsetof(struct settings, seed), "1", NULL, 0, UINT32_MAX, "N",
	 "of the fleet and the orders: the same seed, the same run", NULL},
	{"json", CONFIG_BOOL, offsetof(struct settings, json), NULL, NULL, 0, 0, NULL, "print one JSON object", NULL},
};

static const struct config_program program = {
	.name = "dsn-bench",
	.synopsis = "dsn-bench placement [options]",
	.about = "Orders a second that find their nodes in a large fleet, beside a look at every node.",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};

/* Times in microseconds of processor time. */
struct times {
	double *us;
	size_t count;
};

struct run {
	struct placement_fleet *f;
	struct reserve_book *book;
	uint64_t *jobs; /* a ring of what runs */
	size_t job_room, first, running;
	struct times placed, refused, scans, same;
	double spent_us, beats_us;
	size_t beats, parts, looked;
	int64_t fleet_bytes;
};

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int64_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	char line[128] = "";
	const char *second;

	if (!file)
		return 0;
	second = fgets(line, sizeof(line), file) ? strchr(line, ' ') : NULL;
	fclose(file);
	return second ? strtoll(second, NULL, 10) * sysconf(_SC_PAGESIZE) : 0;
}

static int ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double at_percent(struct times *t, int percent)
{
	if (t->count == 0)
		return 0;
	qsort(t->us, t->count, sizeof(*t->us), ascending);
	return t->us[(t->count - 1) * (size_t)percent / 100];
}

static void put(struct times *t, double us)
{
	t->us[t->count++] = us;
}

static struct times times_new(const void *ctx, size_t most)
{
	return (struct times){mem_array(ctx, double, most), 0};
}

static struct error *beats(struct run *r)
{
	const double from = cpu_us();

	for (int i = 0; i < BEATS_PER_ORDER; i++)
		TRY(placement_fleet_beat(r->f));
	r->beats += BEATS_PER_ORDER;
	r->beats_us += cpu_us() - from;
	return NULL;
}

static void end_oldest(struct run *r)
{
	(void)reserve_release(r->book, r->jobs[r->first]);
	r->first = (r->first + 1) % r->job_room;
	r->running--;
}

/* One order from the plan to the commitment. */
static struct error *place(struct run *r, const struct placement_fleet_order *o)
{
	struct place_plan *plan = NULL;
	double from, us;
	uint64_t id = 0;

	if (r->running == r->job_room)
		end_oldest(r);
	from = cpu_us();
	TRY(place_plan_make(r->f, r->f->fleet, &o->request, &plan));
	if (plan->placed) {
		TRY(reserve_hold_plan(r->book, "0200000000000000000001", plan, HOLD_MS, &id));
		TRY(reserve_commit(r->book, id));
	}
	us = cpu_us() - from;
	r->spent_us += us;
	put(plan->placed ? &r->placed : &r->refused, us);
	for (size_t i = 0; i < plan->part_count; i++)
		r->looked += plan->parts[i].counts.looked;
	r->parts += plan->part_count;
	if (plan->placed)
		r->jobs[(r->first + r->running++) % r->job_room] = id;
	mem_free(plan);
	return NULL;
}

/* The plan alone, with the indexes and without. */
static struct error *scan(struct run *r, struct placement_fleet_order *o)
{
	struct place_plan *plan = NULL;
	double from = cpu_us();

	TRY(place_plan_make(r->f, r->f->fleet, &o->request, &plan));
	if (plan->placed)
		put(&r->same, cpu_us() - from);
	o->request.candidates = PLACE_EVERY;
	from = cpu_us();
	TRY(place_plan_make(r->f, r->f->fleet, &o->request, &plan));
	if (plan->placed)
		put(&r->scans, cpu_us() - from);
	return NULL;
}

static struct error *measure(const void *ctx, const struct settings *set, struct run *r)
{
	const size_t orders = (size_t)set->orders, scans = orders < MAX_SCANS ? orders : MAX_SCANS;
	const int64_t before = resident_bytes();
	struct placement_fleet_order o;

	TRY(placement_fleet_new(ctx, (size_t)set->nodes, (unsigned)set->seed, &r->f));
	r->fleet_bytes = resident_bytes() - before;
	r->book = reserve_book_new(ctx, r->f->fleet);
	r->job_room = (size_t)set->nodes * JOBS_PER_NODE;
	r->jobs = mem_array(ctx, uint64_t, r->job_room);
	r->placed = times_new(ctx, orders);
	r->refused = times_new(ctx, orders);
	r->scans = times_new(ctx, scans);
	r->same = times_new(ctx, scans);
	for (size_t i = 0; i < orders; i++) {
		TRY(beats(r));
		placement_fleet_order_next(r->f, &o);
		TRY(place(r, &o));
	}
	for (size_t i = 0; i < scans; i++) {
		placement_fleet_order_next(r->f, &o);
		TRY(scan(r, &o));
	}
	return NULL;
}

static void print(const struct settings *set, struct run *r)
{
	const size_t all = r->placed.count + r->refused.count;
	const double per_s = (double)r->placed.count / r->spent_us * 1e6;
	const double p99_ms = at_percent(&r->placed, 99) / 1e3;
	const double ratio = at_percent(&r->scans, 50) / (at_percent(&r->same, 50) + 1e-9);
	json_t *o = json_pack("{s:s}", "bench", "placement");

	json_put_decimal(o, "nodes", set->nodes);
	json_put_decimal(o, "orders", (int64_t)all);
	bench_put(o, "placed_percent", 100.0 * (double)r->placed.count / (double)all, 1);
	bench_put(o, "promised_percent", placement_fleet_promised(r->f), 1);
	bench_put(o, "orders_per_second", per_s, 0);
	bench_put(o, "nodes_per_second", (double)r->parts / r->spent_us * 1e6, 0);
	bench_put(o, "p50_us", at_percent(&r->placed, 50), 1);
	bench_put(o, "p99_us", p99_ms * 1e3, 1);
	bench_put(o, "refused_p50_us", at_percent(&r->refused, 50), 1);
	bench_put(o, "refused_p99_us", at_percent(&r->refused, 99), 1);
	bench_put(o, "looked_per_node", (double)r->looked / (double)r->parts, 1);
	bench_put(o, "scan_p50_us", at_percent(&r->scans, 50), 1);
	bench_put(o, "scan_ratio", ratio, 1);
	bench_put(o, "beats_per_second", (double)r->beats / r->beats_us * 1e6, 0);
	json_put_decimal(o, "fleet_bytes", r->fleet_bytes);
	json_put_decimal(o, "goal_per_second", GOAL_PER_S);
	if (set->json) {
		bench_print_json(o);
		return;
	}
	printf("placement of %zu orders on %lld nodes, %.1f %% found their nodes\nwork promised at the end: %.0f %%\n\n",
	       all, (long long)set->nodes, 100.0 * (double)r->placed.count / (double)all,
	       placement_fleet_promised(r->f));
	printf("  orders placed a second, one core  %8.0f   goal: >= %d  %s\n", per_s, GOAL_PER_S,
	       per_s >= GOAL_PER_S ? "met" : "MISSED");
	printf("  an order, 50 %% and 99 %%           %5.0f us, %5.0f us   goal: 99 %% <= %d ms  %s\n",
	       at_percent(&r->placed, 50), p99_ms * 1e3, GOAL_P99_MS, p99_ms <= GOAL_P99_MS ? "met" : "MISSED");
	printf("  a refusal, which counts all        %5.0f us, %5.0f us\n", at_percent(&r->refused, 50),
	       at_percent(&r->refused, 99));
	printf("  nodes looked at for each found     %8.1f\n", (double)r->looked / (double)r->parts);
	printf("  the same by looking at all nodes   %5.0f us, %.1f times as long\n", at_percent(&r->scans, 50), ratio);
	printf("  heartbeats a second                %8.0f\n", (double)r->beats / r->beats_us * 1e6);
	printf("  memory of the fleet                %8.1f MiB, %lld bytes a node\n\n",
	       (double)r->fleet_bytes / 1048576, (long long)(r->fleet_bytes / set->nodes));
	json_decref(o);
}

struct error *bench_placement(int argc, char **argv)
{
	struct settings set = {0};
	struct run r = {0};
	void *ctx = mem_new(NULL, char);
	char **words;
	bool done = false;
	struct error *e = config_load(ctx, &program, argc, argv, &set, &words, &done);

	if (!e && !done && words[0])
		e = error_new(ERROR_INVALID, "\"%s\": takes options only; see --help", words[0]);
	if (!e && !done)
		e = measure(ctx, &set, &r);
	if (!e && !done)
		print(&set, &r);
	mem_free(ctx);
	return e;
}
