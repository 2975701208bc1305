#include "bench/placement_fleet.h"

#include <stdlib.h>

#include "base/mem.h"

#define NODES_PER_AGENT 3
#define NODES_PER_OWNER 20
#define WEEK_MS INT64_C(604800000)

static const char *const regions[] = {"eu-west",  "eu-east",  "us-east",   "us-west",  "us-south", "sa-east",
				      "ap-south", "ap-north", "ap-south2", "af-south", "me-east",  "oc-east"};
static const char *const labels[] = {"nvme", "ipv6", "audited", "rare"};
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static long below(struct placement_fleet *f, long n)
{
	return nrand48(f->random) % n;
}

/* "rare" has one of two hundred. */
static size_t pick_labels(struct placement_fleet *f, const char *ret_labels[LENGTH(labels)])
{
	size_t count = 0;

	for (size_t i = 0; i < LENGTH(labels); i++) {
		if (below(f, i == LENGTH(labels) - 1 ? 200 : 3) == 0)
			ret_labels[count++] = labels[i];
	}
	return count;
}

static enum place_state pick_state(struct placement_fleet *f)
{
	const long lot = below(f, 100);

	return lot < 10 ? PLACE_TOO_OLD : lot < 15 ? PLACE_OFFLINE : lot < 17 ? PLACE_DRAINING : PLACE_ONLINE;
}

static struct error *add_node(const void *ctx, struct placement_fleet *f, size_t i)
{
	const char *has[LENGTH(labels)];
	const size_t agent = i / NODES_PER_AGENT;
	struct place_facts facts = {
		.id = mem_printf(ctx, "%040zx", i),
		.agent = f->agent_ids[agent],
		.owner = mem_printf(ctx, "0x%040zx", i / NODES_PER_OWNER),
		.role = (enum api_role)(i % API_ROLE_COUNT),
		.version = "1.4.2",
		.region = regions[agent % LENGTH(regions)],
		.labels = has,
		.label_count = pick_labels(f, has),
		.gpu = below(f, 10) == 0,
		.address = mem_printf(ctx, "%zu.%zu.%zu.1", 1 + agent / 65536 % 200, agent / 256 % 256, agent % 256),
		.price = 50 + below(f, 100),
		.policy = place_policy_open,
	};

	TRY(place_node_set(f->fleet, &facts));
	(void)place_node_state(f->fleet, facts.id, pick_state(f));
	for (int k = below(f, 5) == 0 ? PLACE_NEW_OUTCOMES : 0; k < PLACE_NEW_OUTCOMES; k++)
		(void)place_node_outcome(f->fleet, facts.id, below(f, 20) ? PLACE_GOOD : PLACE_BAD, WEEK_MS);
	return NULL;
}

static struct error *beat(struct placement_fleet *f, size_t agent)
{
	struct place_beat b = place_beat_unknown;

	b.capacity = (struct place_amount){1000 * (400 + below(f, 3600)), 1000000 * (100 + below(f, 900))};
	f->blocks_per_s[agent] = b.capacity.blocks_per_s;
	b.load_pm = (int)below(f, 300);
	for (size_t i = 0; i < PLACE_RUNGS; i++)
		b.realtime_pm[i] = (int)(20 * (i + 1) + (size_t)below(f, 500));
	return place_agent_beat(f->fleet, f->agent_ids[agent], &b);
}

struct error *placement_fleet_new(const void *ctx, size_t nodes, unsigned seed, struct placement_fleet **ret_fleet)
{
	struct placement_fleet *f = mem_new(ctx, struct placement_fleet);
	struct error *e = NULL;

	f->random[0] = (unsigned short)seed;
	f->random[1] = (unsigned short)(seed >> 16);
	f->fleet = place_fleet_new(f, seed);
	f->nodes = nodes;
	f->agents = (nodes + NODES_PER_AGENT - 1) / NODES_PER_AGENT;
	f->agent_ids = mem_array(f, char *, f->agents);
	f->blocks_per_s = mem_array(f, int64_t, f->agents);
	for (size_t i = 0; i < f->agents; i++)
		f->agent_ids[i] = mem_printf(f->agent_ids, "%039zxa", i);
	for (size_t i = 0; !e && i < nodes; i++) {
		void *texts = mem_new(NULL, char);

		e = add_node(texts, f, i);
		mem_free(texts);
	}
	for (size_t i = 0; !e && i < f->agents; i++)
		e = beat(f, i);
	if (e)
		mem_free(f);
	else
		*ret_fleet = f;
	return e;
}

struct error *placement_fleet_beat(struct placement_fleet *f)
{
	return beat(f, (size_t)below(f, (long)f->agents));
}

double placement_fleet_promised(const struct placement_fleet *f)
{
	double all = 0, promised = 0;

	for (size_t i = 0; i < f->agents; i++) {
		struct place_amount here = {0, 0};
		int jobs = 0;
		char *node = mem_printf(NULL, "%040zx", i * NODES_PER_AGENT);

		(void)place_node_promised(f->fleet, node, &here, &jobs);
		mem_free(node);
		promised += (double)here.blocks_per_s;
		all += (double)f->blocks_per_s[i] * PLACE_CEILING_PM / 1000;
	}
	return 100 * promised / all;
}

/* What api/plan.c counts for 1080p at 25 frames: a decoder of 204,000 blocks a second, and a ladder below it. */
static const struct place_rendition ladder[] = {
	{720, {90000, 3128000}}, {480, {40500, 1528000}}, {360, {23000, 928000}}};

void placement_fleet_order_next(struct placement_fleet *f, struct placement_fleet_order *o)
{
	*o = (struct placement_fleet_order){
		.wants = {{.role = API_DISTRIBUTOR, .base = {0, 12256000}, .most_nodes = 1},
			  {.role = API_TRANSCODER,
			   .base = {204000, 6128000},
			   .renditions = ladder,
			   .rendition_count = LENGTH(ladder),
			   .most_nodes = LENGTH(ladder)},
			  {.role = API_STORAGE, .base = {0, 5584000}, .most_nodes = 1}},
		.region = regions[below(f, LENGTH(regions))],
		.label = labels[below(f, LENGTH(labels))],
	};
	o->request = (struct place_request){
		.customer = "0x00000000000000000000000000000000000000aa",
		.want_count = LENGTH(o->wants),
		.price_limit = PLACE_NO_PRICE,
		.seed = (uint64_t)nrand48(f->random),
		.now_ms = WEEK_MS,
		.region_count = below(f, 4) == 0,
		.label_count = below(f, 4) == 0,
	};
	o->request.near = o->region;
	if (below(f, 4) == 0)
		o->request.price_limit = 80;
	o->wants[2].standby = o->wants[1].standby = below(f, 5) == 0;
	if (below(f, 100) == 0)
		o->request.price_limit = 0;
	o->request.wants = o->wants;
	o->request.regions = &o->region;
	o->request.labels = &o->label;
}
