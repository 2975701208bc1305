/* Plans: who gets the parts, in which order of preference, and that the indexes lose nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/json.h"
#include "manager/jobs/place_impl.h"
#include "manager_fleet.h"

#define NOW_MS 1000000

static const struct place_rendition ladder[] = {
	{1080, {60000, 5000000}}, {720, {30000, 3000000}}, {480, {15000, 1000000}}};

/* An order of all roles. */
static const struct place_want whole[] = {
	{.role = API_DISTRIBUTOR, .base = {0, 12000000}, .most_nodes = 1},
	{.role = API_TRANSCODER,
	 .base = {20000, 6000000},
	 .renditions = ladder,
	 .rendition_count = LENGTH(ladder),
	 .most_nodes = 1},
	{.role = API_STORAGE, .base = {0, 9000000}, .most_nodes = 1, .standby = true},
};

static struct place_request request_of(const struct place_want *wants, size_t count)
{
	return (struct place_request){
		.customer = "alice",
		.wants = wants,
		.want_count = count,
		.price_limit = PLACE_NO_PRICE,
		.now_ms = NOW_MS,
		.seed = 1,
	};
}

static struct place_plan *plan_of(const void *ctx, struct place_fleet *fleet, const struct place_request *request)
{
	struct place_plan *plan = NULL;

	assert_null(place_plan_make(ctx, fleet, request, &plan));
	return plan;
}

static void empty_fleet(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct place_request request = request_of(whole, 3);
	struct place_plan *plan = plan_of(ctx, fleet, &request);

	(void)state;
	assert_false(plan->placed);
	assert_int_equal(plan->part_count, 0);
	assert_int_equal(plan->lack.counts.of, 0);
	assert_int_equal(plan->lack.give, 0);
	assert_string_equal(place_lack_text(ctx, &request, &plan->lack),
			    "distributor: there is no node of this role; a supplier has to join one");
	mem_free(ctx);
}

static void an_order(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	const struct place_excluded excluded[] = {{"node0000", "failed this input"}, {"unheard", NULL}};
	struct place_request request = request_of(whole, 3);
	struct place_plan *plan;
	json_t *record, *parts;

	(void)state;
	join_many(fleet, API_DISTRIBUTOR, 0, 2);
	join_many(fleet, API_TRANSCODER, 10, 5);
	join_many(fleet, API_STORAGE, 20, 2);
	request.excluded = excluded;
	request.excluded_count = 2;
	plan = plan_of(ctx, fleet, &request);
	assert_true(plan->placed);
	assert_int_equal(plan->part_count, 4);
	assert_string_equal(plan->parts[0].node, "node0001");
	assert_string_equal(plan->parts[0].agent, "agent0001");
	assert_string_equal(plan->parts[0].owner, "owner0001");
	assert_int_equal(plan->parts[0].price, 100);
	assert_int_equal(plan->parts[1].role, API_TRANSCODER);
	assert_int_equal(plan->parts[1].renditions, 7);
	assert_int_equal(plan->parts[1].amount.blocks_per_s, 125000);
	assert_int_equal(plan->parts[1].amount.bps, 15000000);
	assert_int_equal(plan->parts[2].standby_of, SIZE_MAX);
	assert_int_equal(plan->parts[3].standby_of, 2);
	record = place_plan_json(plan);
	assert_string_equal(json_string_value(json_object_get(record, "placed")), "yes");
	assert_string_equal(json_string_value(json_array_get(json_object_get(record, "remarks"), 0)),
			    "node0000 is excluded: failed this input");
	assert_string_equal(json_string_value(json_array_get(json_object_get(record, "remarks"), 1)),
			    "unheard is excluded: the order says so");
	parts = json_object_get(record, "parts");
	assert_int_equal(json_array_size(parts), 4);
	assert_int_equal(json_array_size(json_object_get(json_array_get(parts, 1), "candidates")), 5);
	assert_string_equal(json_string_value(json_object_get(json_array_get(parts, 3), "standby_of")), "2");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(json_array_get(parts, 0), "counts"), "of")), "2");
	json_decref(record);
	mem_free(ctx);
}

/* The same of the same; another seed, other nodes. */
static void seeds(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct place_request request = request_of(&whole[0], 1);
	unsigned times[200] = {0};
	size_t different = 0;

	(void)state;
	join_many(fleet, API_DISTRIBUTOR, 0, 200);
	for (uint64_t seed = 0; seed < 400; seed++) {
		struct place_plan *a, *b;
		json_t *record_a, *record_b;

		request.seed = seed;
		a = plan_of(ctx, fleet, &request);
		b = plan_of(ctx, fleet, &request);
		record_a = place_plan_json(a);
		record_b = place_plan_json(b);
		assert_true(json_equal(record_a, record_b));
		json_decref(record_a);
		json_decref(record_b);
		assert_int_equal(a->parts[0].candidate_count, PLACE_CANDIDATES);
		different += times[strtoul(a->parts[0].node + 4, NULL, 10)]++ == 0;
	}
	/* 400 draws of 200 equal nodes leave (1 - 1/200)^400, 13 %, out. */
	assert_in_range(different, 150, 190);
	mem_free(ctx);
}

/* Two nodes that differ in one thing: the better one gets the part, and only that term tells them apart. */
struct pair {
	struct place_fleet *fleet;
	struct place_facts better, worse;
	struct place_beat better_beat, worse_beat;
	struct place_want wants[2];
	struct place_request request;
};

static void costs_less(struct pair *p)
{
	p->worse.price = 101;
}

static void asks_for_nothing(struct pair *p)
{
	p->better.price = PLACE_NO_PRICE;
}

static void has_more_room(struct pair *p)
{
	p->worse_beat.load_pm = 100;
}

static void has_more_link(struct pair *p)
{
	p->worse_beat.capacity.bps = MACHINE_BPS / 4;
}

static void is_faster(struct pair *p)
{
	p->better_beat.realtime_pm[place_rung(720)] = 300;
	p->worse_beat.realtime_pm[place_rung(720)] = 350;
}

static void is_known_to_be_fast(struct pair *p)
{
	p->better_beat.realtime_pm[place_rung(720)] = 399; /* not measured counts as 400 */
}

static void has_failed_less(struct pair *p)
{
	assert_true(place_node_outcome(p->fleet, "worse", PLACE_BAD, NOW_MS));
	assert_true(place_node_outcome(p->fleet, "better", PLACE_GOOD, NOW_MS));
}

static void has_failed_long_ago(struct pair *p)
{
	assert_true(place_node_outcome(p->fleet, "better", PLACE_BAD, NOW_MS - 2 * PLACE_HALF_LIFE_MS));
	assert_true(place_node_outcome(p->fleet, "worse", PLACE_BAD, NOW_MS));
}

static void is_near(struct pair *p)
{
	p->request.near = "eu";
	p->worse.region = "us";
}

/* The distributor's. */
static void is_in_the_neighbours_region(struct pair *p)
{
	p->request.near = "us";
	p->worse.region = "us";
	p->request.wants = p->wants;
	p->request.want_count = 2;
}

static void is_of_another_owner(struct pair *p)
{
	p->worse.owner = "owner0001";
	p->request.wants = p->wants;
	p->request.want_count = 2;
}

static void is_in_another_net(struct pair *p)
{
	p->worse.address = "10.0.1.77";
	p->request.wants = p->wants;
	p->request.want_count = 2;
}

static const struct {
	enum place_term term;
	void (*prefer)(struct pair *p);
} preferences[] = {
	{PLACE_TERM_PRICE, costs_less},           {PLACE_TERM_PRICE, asks_for_nothing},
	{PLACE_TERM_LOAD, has_more_room},         {PLACE_TERM_LOAD, has_more_link},
	{PLACE_TERM_REALTIME, is_faster},         {PLACE_TERM_REALTIME, is_known_to_be_fast},
	{PLACE_TERM_REPUTATION, has_failed_less}, {PLACE_TERM_REPUTATION, has_failed_long_ago},
	{PLACE_TERM_LOCALITY, is_near},           {PLACE_TERM_LOCALITY, is_in_the_neighbours_region},
	{PLACE_TERM_OWNERS, is_of_another_owner}, {PLACE_TERM_NETS, is_in_another_net},
};

static void check_preference(size_t row)
{
	void *ctx = mem_new(NULL, char);
	struct pair p = {
		.fleet = place_fleet_new(ctx, 1),
		.better = facts_of(ctx, 10, API_TRANSCODER),
		.worse = facts_of(ctx, 20, API_TRANSCODER),
		.better_beat = idle_beat(),
		.worse_beat = idle_beat(),
		.wants = {whole[0], whole[1]},
		.request = request_of(&whole[1], 1),
	};

	p.better.id = "better";
	p.worse.id = "worse";
	join_many(p.fleet, API_DISTRIBUTOR, 1, 1); /* in eu, by owner0001, at 10.0.1.1 */
	join(p.fleet, &p.better);
	join(p.fleet, &p.worse);
	preferences[row].prefer(&p);
	assert_null(place_node_set(p.fleet, &p.better));
	assert_null(place_node_set(p.fleet, &p.worse));
	assert_null(place_agent_beat(p.fleet, p.better.agent, &p.better_beat));
	assert_null(place_agent_beat(p.fleet, p.worse.agent, &p.worse_beat));
	for (uint64_t seed = 0; seed < 20; seed++) {
		const struct place_part *part;
		struct place_plan *plan;

		p.request.seed = seed;
		plan = plan_of(ctx, p.fleet, &p.request);
		assert_true(plan->placed);
		part = &plan->parts[plan->part_count - 1];
		if (strcmp(part->node, "better") != 0)
			fail_msg("row %zu: the worse has got the part", row);
		assert_int_equal(part->candidate_count, 2);
		assert_true(part->candidates[0].score > part->candidates[1].score);
		for (size_t i = 0; i < PLACE_TERMS; i++) {
			const double a = part->candidates[0].terms[i], b = part->candidates[1].terms[i];

			assert_true(a >= 0 && a <= 1 && b >= 0 && b <= 1);
			if (i == preferences[row].term ? a <= b : a != b)
				fail_msg("row %zu: %s is %f and %f", row, place_weights[i].name, a, b);
		}
	}
	mem_free(ctx);
}

static void weights(void **state)
{
	bool seen[PLACE_TERMS] = {false};

	(void)state;
	for (size_t i = 0; i < LENGTH(preferences); i++) {
		check_preference(i);
		seen[preferences[i].term] = true;
	}
	for (size_t i = 0; i < PLACE_TERMS; i++) {
		assert_true(seen[i]);
		assert_true(place_weights[i].weight > 0);
		assert_non_null(place_weights[i].why);
	}
}

/* Equals get the part in turn, by lot. */
static void ties(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct place_request request = request_of(&whole[0], 1);
	unsigned first = 0;

	(void)state;
	join_many(fleet, API_DISTRIBUTOR, 1, 2);
	for (request.seed = 0; request.seed < 200; request.seed++) {
		const struct place_plan *plan = plan_of(ctx, fleet, &request);

		assert_true(plan->parts[0].candidates[0].score == plan->parts[0].candidates[1].score);
		first += strcmp(plan->parts[0].node, "node0001") == 0;
	}
	assert_in_range(first, 70, 130);
	mem_free(ctx);
}

/* No node makes all: the renditions are divided, each once, and each node decodes. */
static void divided(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct place_want want = whole[1];
	struct place_request request = request_of(&want, 1);
	struct place_beat beat = idle_beat();
	struct place_plan *plan;

	(void)state;
	join_many(fleet, API_TRANSCODER, 1, 3);
	beat.capacity.blocks_per_s = 100001; /* 80 %: the largest with its decoder, or both others with theirs */
	for (int i = 1; i <= 3; i++) {
		char agent[16];

		snprintf(agent, sizeof(agent), "agent%04d", i);
		assert_null(place_agent_beat(fleet, agent, &beat));
	}
	plan = plan_of(ctx, fleet, &request);
	assert_false(plan->placed);
	assert_int_equal(plan->lack.counts.refused[PLACE_WHY_ROOM], 3);
	assert_int_equal(plan->lack.renditions, 7);
	want.most_nodes = 2;
	plan = plan_of(ctx, fleet, &request);
	assert_true(plan->placed);
	assert_int_equal(plan->part_count, 2);
	assert_int_equal(plan->parts[0].renditions, 1);
	assert_int_equal(plan->parts[0].amount.blocks_per_s, 80000);
	assert_int_equal(plan->parts[1].renditions, 6);
	assert_int_equal(plan->parts[1].amount.blocks_per_s, 65000);
	/* For each a standby: one is missing. */
	want.standby = true;
	plan = plan_of(ctx, fleet, &request);
	assert_false(plan->placed);
	assert_int_equal(plan->part_count, 3);
	assert_int_equal(plan->lack.standby_of, 1);
	join_many(fleet, API_TRANSCODER, 4, 1);
	assert_null(place_agent_beat(fleet, "agent0004", &beat));
	plan = plan_of(ctx, fleet, &request);
	assert_true(plan->placed);
	assert_int_equal(plan->parts[2].renditions, 1);
	assert_int_equal(plan->parts[3].renditions, 6);
	assert_int_equal(plan->parts[3].standby_of, 1);
	mem_free(ctx);
}

/* Two parts that fit on a machine one by one, but not together, are not put there together. */
static void one_machine(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	const struct place_want wants[] = {
		{.role = API_TRANSCODER, .base = {500000, 0}, .most_nodes = 1},
		{.role = API_TRANSCODER, .base = {500000, 0}, .most_nodes = 1},
	};
	struct place_request request = request_of(wants, 2);

	(void)state;
	for (unsigned i = 1; i <= 2; i++) {
		struct place_facts facts = facts_of(ctx, i, API_TRANSCODER);

		facts.agent = "machine";
		join(fleet, &facts);
	}
	assert_false(plan_of(ctx, fleet, &request)->placed);
	assert_int_equal(plan_of(ctx, fleet, &request)->lack.counts.refused[PLACE_WHY_ROOM], 1);
	join_many(fleet, API_TRANSCODER, 3, 1);
	for (request.seed = 0; request.seed < 20; request.seed++)
		assert_true(plan_of(ctx, fleet, &request)->placed);
	/* Where there is room for both, it is there for the next plan too: a plan takes nothing. */
	assert_null(place_node_remove(fleet, "node0003"));
	assert_null(place_agent_beat(fleet, "machine", &(struct place_beat){.capacity = {1250000, PLACE_UNKNOWN}}));
	for (request.seed = 0; request.seed < 20; request.seed++)
		assert_true(plan_of(ctx, fleet, &request)->placed);
	mem_free(ctx);
}

/* New nodes are asked first for a small share; else those that have proved themselves, while there are any. */
static void share_of_the_new(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct place_request request = request_of(&whole[0], 1);
	unsigned got = 0;

	(void)state;
	join_many(fleet, API_DISTRIBUTOR, 0, 20);
	for (unsigned i = 0; i < 10; i++)
		prove(fleet, mem_printf(ctx, "node%04u", i), NOW_MS);
	for (request.seed = 0; request.seed < 2000; request.seed++) {
		const struct place_plan *plan = plan_of(ctx, fleet, &request);
		const bool is_new = strcmp(plan->parts[0].node, "node0010") >= 0;

		assert_int_equal(plan->parts[0].for_new, is_new);
		assert_int_equal(plan->parts[0].candidates[0].new_node, is_new);
		got += is_new;
	}
	/* 2 % of 2000, give or take four standard deviations. */
	assert_in_range(got, 15, 65);
	for (unsigned i = 0; i < 10; i++)
		assert_true(place_node_state(fleet, mem_printf(ctx, "node%04u", i), PLACE_DRAINING));
	assert_true(plan_of(ctx, fleet, &request)->placed);
	mem_free(ctx);
}

/* Of thousands a plan looks at few: where most would do, and where few have what is asked for. */
static void looks_at_few(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	static const char *const rare = "rare", *const mars = "mars";
	struct place_request request = request_of(whole, 3);
	struct place_plan *plan;

	(void)state;
	join_many(fleet, API_DISTRIBUTOR, 0, 1000);
	join_many(fleet, API_TRANSCODER, 1000, 1000);
	join_many(fleet, API_STORAGE, 2000, 1000);
	for (unsigned i = 0; i < 3000; i += 100) {
		struct place_facts facts = facts_of(ctx, i, (enum api_role)(i / 1000));

		facts.labels = &rare;
		facts.label_count = 1;
		facts.region = "mars";
		facts.gpu = true;
		assert_null(place_node_set(fleet, &facts));
	}
	plan = plan_of(ctx, fleet, &request);
	assert_true(plan->placed);
	for (size_t i = 0; i < plan->part_count; i++) {
		assert_int_equal(plan->parts[i].counts.of, 1000);
		assert_int_equal(plan->parts[i].counts.online, 1000);
		assert_in_range(plan->parts[i].counts.looked, PLACE_CANDIDATES, PLACE_CANDIDATES + 2);
	}
	request.labels = &rare;
	request.label_count = 1;
	for (request.seed = 0; request.seed < 20; request.seed++) {
		plan = plan_of(ctx, fleet, &request);
		assert_true(plan->placed);
		assert_in_range(plan->parts[1].counts.looked, 1, 10);
		/* Nodes of all roles have it; each part gets one of its own. */
		for (size_t i = 0; i < plan->part_count; i++)
			assert_int_equal(strtol(plan->parts[i].node + 4, NULL, 10) / 1000, plan->parts[i].role);
	}
	request.label_count = 0;
	request.regions = &mars;
	request.region_count = 1;
	plan = plan_of(ctx, fleet, &request);
	assert_true(plan->placed);
	assert_in_range(plan->parts[1].counts.looked, 1, 10);
	request.region_count = 0;
	request.gpu = true;
	plan = plan_of(ctx, fleet, &request);
	assert_true(plan->placed);
	assert_in_range(plan->parts[1].counts.looked, 1, 10);
	assert_in_range(plan->parts[2].counts.looked, PLACE_CANDIDATES, PLACE_CANDIDATES + 2);
	/* The neighbours' region first, for half of them. */
	request.gpu = false;
	request.near = "mars";
	plan = plan_of(ctx, fleet, &request);
	assert_true(plan->parts[0].candidates[0].terms[PLACE_TERM_LOCALITY] == 1);
	assert_true(plan->parts[1].candidates[0].terms[PLACE_TERM_LOCALITY] == 1);
	mem_free(ctx);
}

/* The sentence of a fleet where many things are the matter; what gives is what the customer has in hand. */
static void counted_reasons(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct place_want want = whole[1];
	struct place_request request = request_of(&want, 1);
	struct place_plan *plan;

	(void)state;
	want.base.blocks_per_s = 700000;
	request.price_limit = 50;
	for (unsigned i = 0; i < 12; i++) {
		struct place_facts facts = facts_of(ctx, i, API_TRANSCODER);

		facts.price = i < 9 ? 10 : 60 + i;
		join(fleet, &facts);
		if (i < 5) /* and without room too */
			assert_true(place_node_state(fleet, facts.id, PLACE_TOO_OLD));
		if (i >= 9) {
			const struct place_beat unlimited = place_beat_unknown;

			assert_null(place_agent_beat(fleet, facts.agent, &unlimited));
		}
	}
	plan = plan_of(ctx, fleet, &request);
	assert_false(plan->placed);
	assert_all_counted(&plan->lack.counts);
	assert_int_equal(plan->lack.counts.alone[PLACE_WHY_TOO_OLD], 0);
	assert_int_equal(plan->lack.counts.alone[PLACE_WHY_ROOM], 4);
	assert_int_equal(plan->lack.give_nodes, 3);
	assert_int_equal(plan->lack.give_price, 69);
	assert_string_equal(
		place_lack_text(ctx, &request, &plan->lack),
		"transcoder: of 12, 5 are too old, 3 are dearer than the limit of 50, 4 have no room; 3 would do "
		"with a higher price limit, from 69 on");
	/* Where nothing alone would do, the fewest together. */
	want.base.blocks_per_s = 0;
	want.rendition_count = 0;
	for (unsigned i = 5; i < 12; i++)
		assert_true(
			place_node_state(fleet, mem_printf(ctx, "node%04u", i), i < 9 ? PLACE_BARRED : PLACE_DRAINING));
	request.price_limit = 5;
	plan = plan_of(ctx, fleet, &request);
	assert_int_equal(plan->lack.give, 1u << PLACE_WHY_TOO_OLD | 1u << PLACE_WHY_PRICE);
	assert_non_null(strstr(place_lack_text(ctx, &request, &plan->lack),
			       "; 5 would do with an update of the nodes, and a higher price limit, from 10 on"));
	mem_free(ctx);
}

/* Why did my node get nothing? All that keeps it out, or that others did better. */
static void explained(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	const struct place_excluded excluded = {"node0010", NULL};
	struct place_request request = request_of(whole, 3);
	unsigned refusals = 99;

	(void)state;
	join_many(fleet, API_DISTRIBUTOR, 0, 1);
	join_many(fleet, API_TRANSCODER, 10, 2);
	assert_refused(place_node_explain(fleet, &request, 1, "nobody", &refusals), ERROR_NOT_FOUND, "\"nobody\"");
	assert_refused(place_node_explain(fleet, &request, 3, "node0010", &refusals), ERROR_INVALID, "no wants[3]");
	assert_refused(place_node_explain(fleet, &request, 1, "node0000", &refusals), ERROR_INVALID,
		       "\"node0000\" is a distributor; wants[1] asks for a transcoder");
	assert_int_equal(refusals, 99);
	assert_null(place_node_explain(fleet, &request, 1, "node0010", &refusals));
	assert_int_equal(refusals, 0);
	assert_true(place_node_state(fleet, "node0010", PLACE_DRAINING));
	request.excluded = &excluded;
	request.excluded_count = 1;
	request.price_limit = 1;
	assert_null(place_node_explain(fleet, &request, 1, "node0010", &refusals));
	assert_int_equal(refusals, 1u << PLACE_WHY_DRAINING | 1u << PLACE_WHY_EXCLUDED | 1u << PLACE_WHY_PRICE);
	/* What one request excludes, the next does not. */
	request.excluded_count = 0;
	assert_null(place_node_explain(fleet, &request, 1, "node0010", &refusals));
	assert_int_equal(refusals, 1u << PLACE_WHY_DRAINING | 1u << PLACE_WHY_PRICE);
	/* Nor is what one plan uses used in the next. */
	request = request_of(&whole[0], 1);
	assert_string_equal(plan_of(ctx, fleet, &request)->parts[0].node, "node0000");
	request.excluded = &(const struct place_excluded){"node0000", NULL};
	request.excluded_count = 1;
	assert_null(place_node_explain(fleet, &request, 0, "node0000", &refusals));
	assert_int_equal(refusals, 1u << PLACE_WHY_EXCLUDED);
	mem_free(ctx);
}

/* Random fleets and orders: whom the indexes find, a look at everybody finds, and the other way round. */
static void indexes_lose_nobody(void **state)
{
	static const char *const regions[] = {"eu", "us", "asia"}, *const labels[] = {"ssd", "tier1", "rare"};
	uint64_t random = 4711;
	size_t placed = 0;

	(void)state;
	for (int turn = 0; turn < 400; turn++) {
		void *ctx = mem_new(NULL, char);
		struct place_fleet *fleet = place_fleet_new(ctx, (uint32_t)turn);
		const unsigned nodes = 1 + (unsigned)place_random(&random, 30);
		const char *at = regions[place_random(&random, 3)], *label = labels[place_random(&random, 3)];
		struct place_want want = {.role = API_TRANSCODER, .base = {200000, 1000}, .most_nodes = 1};
		struct place_request request = request_of(&want, 1);
		struct place_plan *few, *all;

		for (unsigned i = 0; i < nodes; i++) {
			struct place_facts facts = facts_of(ctx, i, (enum api_role)place_random(&random, 2));
			struct place_beat beat = idle_beat();

			facts.region = regions[place_random(&random, 3)];
			facts.labels = &labels[place_random(&random, 3)];
			facts.label_count = (size_t)place_random(&random, 2);
			facts.gpu = place_random(&random, 3) == 0;
			facts.price = (int64_t)place_random(&random, 200);
			join(fleet, &facts);
			beat.load_pm = (int)place_random(&random, 1001);
			assert_null(place_agent_beat(fleet, facts.agent, &beat));
			if (place_random(&random, 2))
				prove(fleet, facts.id, NOW_MS);
			assert_true(place_node_state(fleet, facts.id, (enum place_state)place_random(&random, 3)));
		}
		request.regions = &at;
		request.region_count = (size_t)place_random(&random, 2);
		request.labels = &label;
		request.label_count = place_random(&random, 4) == 0;
		request.gpu = place_random(&random, 4) == 0;
		request.price_limit = place_random(&random, 2) ? PLACE_NO_PRICE : 100;
		request.near = regions[place_random(&random, 3)];
		request.seed = place_random(&random, UINT64_MAX);
		few = plan_of(ctx, fleet, &request);
		request.candidates = PLACE_EVERY;
		all = plan_of(ctx, fleet, &request);
		assert_int_equal(few->placed, all->placed);
		placed += few->placed;
		if (!few->placed)
			assert_all_counted(&few->lack.counts);
		mem_free(ctx);
	}
	assert_in_range(placed, 100, 300);
}

static void bad_requests(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct place_rendition bad_rendition = {720, {PLACE_MAX_AMOUNT + 1, 0}}, many[PLACE_MAX_RENDITIONS + 1];
	struct place_want want[PLACE_MAX_WANTS + 1];
	struct place_plan *plan = NULL;
	struct place_request good = request_of(want, 1), r;

	(void)state;
	memset(many, 0, sizeof(many));
	for (size_t i = 0; i < LENGTH(want); i++)
		want[i] = whole[0];
#define REFUSED(message) assert_refused(place_plan_make(ctx, fleet, &r, &plan), ERROR_INVALID, message)
	r = good;
	r.want_count = 0;
	REFUSED("has 0 wants; 1 to 40");
	r.want_count = PLACE_MAX_WANTS + 1;
	REFUSED("has 41 wants");
	r = good;
	r.region_count = PLACE_MAX_REGIONS + 1;
	REFUSED("has 9 regions; 0 to 8");
	r = good;
	r.label_count = PLACE_MAX_LABELS + 1;
	REFUSED("has 17 labels");
	r = good;
	r.excluded_count = PLACE_MAX_EXCLUDED + 1;
	REFUSED("has 257 excluded nodes");
	r = good;
	r.candidates = PLACE_RECORDED + 1;
	REFUSED("has 17 candidates; 0 to 16");
	r = good;
	r.price_limit = -2;
	REFUSED("a price limit below 0");
	r = good;
	r.least_version = "1.2";
	REFUSED("\"1.2\" is none; it looks like 1.2.3");
	r.least_version = "1.2.70000";
	REFUSED("is none");
	r.least_version = "1.2.3.4";
	REFUSED("is none");
	r.least_version = "";
	REFUSED("is none");
	r.least_version = "1..3";
	REFUSED("is none");
	r.least_version = "1.2.3-rc1";
	REFUSED("is none");
	r = good;
	want[0].role = API_ROLE_COUNT;
	REFUSED("wants[0]: there is no such role");
	want[0] = whole[0];
	want[0].most_nodes = 0;
	REFUSED("wants[0]: most_nodes is 0; at least 1");
	want[0] = whole[0];
	want[0].base.bps = -1;
	REFUSED("wants[0]: its base is not between 0 and 1000000000000");
	want[0] = whole[0];
	want[0].renditions = &bad_rendition;
	want[0].rendition_count = 1;
	REFUSED("wants[0]: its rendition is not between");
	want[0].renditions = many;
	want[0].rendition_count = PLACE_MAX_RENDITIONS + 1;
	REFUSED("wants[0]: has 65 renditions; at most 64");
	want[0].rendition_count = PLACE_MAX_RENDITIONS;
	want[0].most_nodes = SIZE_MAX;
	want[0].standby = true;
	want[1] = want[0];
	r.want_count = 2;
	REFUSED("has 256 parts; 1 to 128");
	assert_null(plan);
	r.want_count = 1;
	assert_null(place_plan_make(ctx, fleet, &r, &plan));
	mem_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_fleet),  cmocka_unit_test(an_order),
		cmocka_unit_test(seeds),        cmocka_unit_test(weights),
		cmocka_unit_test(ties),         cmocka_unit_test(divided),
		cmocka_unit_test(one_machine),  cmocka_unit_test(share_of_the_new),
		cmocka_unit_test(looks_at_few), cmocka_unit_test(counted_reasons),
		cmocka_unit_test(explained),    cmocka_unit_test(indexes_lose_nobody),
		cmocka_unit_test(bad_requests),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
