/* Every filter: it keeps a node out, alone; it is counted; the sentence and the record name it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "manager_fleet.h"

#define NOW_MS 1000000

/* What is wanted of one transcoder, and the node that may not have it. */
struct world {
	void *ctx;
	struct place_fleet *fleet;
	struct place_facts facts;
	struct place_beat beat;
	enum place_state state;
	struct place_rendition renditions[2];
	struct place_want wants[2];
	struct place_excluded excluded;
	struct place_request request;
};

static void world_new(struct world *w)
{
	*w = (struct world){
		.ctx = mem_new(NULL, char),
		.beat = idle_beat(),
		.state = PLACE_ONLINE,
		.renditions = {{1080, {50000, 5000000}}, {480, {20000, 1000000}}},
	};
	w->fleet = place_fleet_new(w->ctx, 1);
	w->facts = facts_of(w->ctx, 1, API_TRANSCODER);
	w->wants[0] = (struct place_want){
		.role = API_TRANSCODER,
		.base = {10000, 6000000},
		.renditions = w->renditions,
		.rendition_count = 2,
		.most_nodes = 1,
	};
	w->request = (struct place_request){
		.customer = "alice",
		.wants = w->wants,
		.want_count = 1,
		.price_limit = PLACE_NO_PRICE,
		.now_ms = NOW_MS,
		.seed = 7,
	};
}

/* The node as it stands in the world. */
static void put(struct world *w)
{
	assert_null(place_node_set(w->fleet, &w->facts));
	assert_true(place_node_state(w->fleet, w->facts.id, w->state));
	assert_null(place_agent_beat(w->fleet, w->facts.agent, &w->beat));
}

static void is_offline(struct world *w)
{
	w->state = PLACE_OFFLINE;
}

static void is_suspect(struct world *w)
{
	w->state = PLACE_SUSPECT;
}

static void is_draining(struct world *w)
{
	w->state = PLACE_DRAINING;
}

static void is_too_old(struct world *w)
{
	w->state = PLACE_TOO_OLD;
}

static void is_older_than_wanted(struct world *w)
{
	w->request.least_version = "1.10.0";
	w->facts.version = "1.9.99";
}

static void has_no_version(struct world *w)
{
	w->request.least_version = "0.0.0";
	w->facts.version = NULL;
}

static void is_barred(struct world *w)
{
	w->state = PLACE_BARRED;
}

static void is_set_aside(struct world *w)
{
	w->state = PLACE_SET_ASIDE;
}

static void has_failed(struct world *w)
{
	put(w);
	for (int i = 0; i < 7; i++)
		assert_true(place_node_outcome(w->fleet, w->facts.id, PLACE_BAD, NOW_MS));
}

static void is_unclear(struct world *w)
{
	put(w);
	for (int i = 0; i < 7; i++)
		assert_true(place_node_outcome(w->fleet, w->facts.id, PLACE_UNCLEAR, NOW_MS));
}

static void is_excluded(struct world *w)
{
	w->excluded = (struct place_excluded){w->facts.id, "failed this input"};
	w->request.excluded = &w->excluded;
	w->request.excluded_count = 1;
}

static void serves_in_other_roles(struct world *w)
{
	w->facts.policy.roles = 1u << API_STORAGE | 1u << API_DISTRIBUTOR;
}

static void serves_others(struct world *w)
{
	static const char *const others[] = {"bob", "carol"};

	w->facts.policy.customers = others;
	w->facts.policy.customer_count = 2;
}

static void is_elsewhere(struct world *w)
{
	static const char *const regions[] = {"eu", "mars"};

	w->facts.region = "us";
	w->request.regions = regions;
	w->request.region_count = 2;
}

static const char *const wanted_labels[] = {"ssd", "tier1"};

static void lacks_a_label(struct world *w)
{
	static const char *const has[] = {"ssd", "tier2"};

	w->facts.labels = has;
	w->facts.label_count = 2;
	w->request.labels = wanted_labels;
	w->request.label_count = 2;
}

static void lacks_a_gpu(struct world *w)
{
	w->request.gpu = true;
}

static void is_dear(struct world *w)
{
	w->request.price_limit = 99;
}

static void misses_real_time(struct world *w)
{
	w->beat.realtime_pm[place_rung(1080)] = 801;
}

static void has_no_room_for_work(struct world *w)
{
	w->beat.capacity.blocks_per_s = 99999; /* of which 80 % */
}

static void is_loaded_by_others(struct world *w)
{
	w->beat.load_pm = 721;
}

static void has_no_room_on_its_link(struct world *w)
{
	w->beat.capacity.bps = 11999999;
}

static void is_to_stay_idle(struct world *w)
{
	w->facts.policy.ceiling_pm = 79;
}

static void takes_no_job(struct world *w)
{
	w->facts.policy.most_jobs = 0;
}

static void has_not_spoken(struct world *w)
{
	w->beat = (struct place_beat){0};
}

static void is_strange(struct world *w)
{
	w->state = PLACE_STRANGE;
}

static void does_not_serve(struct world *w)
{
	w->state = PLACE_NOT_SERVING;
}

static void has_no_ports(struct world *w)
{
	w->state = PLACE_NO_PORTS;
}

static const struct {
	const char *name;
	void (*spoil)(struct world *w);
	enum place_why why;
	const char *sentence;
} rows[] = {
	{"offline", is_offline, PLACE_WHY_OFFLINE, "1 are offline; 1 would do with nodes that come back"},
	{"suspect", is_suspect, PLACE_WHY_SUSPECT, "1 were not heard of lately"},
	{"draining", is_draining, PLACE_WHY_DRAINING, "1 are in maintenance"},
	{"too old", is_too_old, PLACE_WHY_TOO_OLD, "1 are too old; 1 would do with an update"},
	{"older than wanted", is_older_than_wanted, PLACE_WHY_TOO_OLD, "1 are too old"},
	{"no version", has_no_version, PLACE_WHY_TOO_OLD, "1 are too old"},
	{"barred", is_barred, PLACE_WHY_BARRED, "1 are barred"},
	{"set aside", is_set_aside, PLACE_WHY_SET_ASIDE, "1 are set aside"},
	{"another's", is_strange, PLACE_WHY_STRANGE, "1 are without this dsnd as --manager"},
	{"not serving", does_not_serve, PLACE_WHY_NOT_SERVING, "1 are not serving yet"},
	{"no ports", has_no_ports, PLACE_WHY_NO_PORTS, "1 are without ports to reach them"},
	{"bad", has_failed, PLACE_WHY_REPUTATION, "1 have failed too often"},
	{"unclear", is_unclear, PLACE_WHY_REPUTATION, "1 have failed too often"},
	{"excluded", is_excluded, PLACE_WHY_EXCLUDED, "1 are excluded by the order"},
	{"other roles", serves_in_other_roles, PLACE_WHY_ROLE, "1 are not to serve in this role"},
	{"other customers", serves_others, PLACE_WHY_CUSTOMER, "1 do not serve this customer"},
	{"elsewhere", is_elsewhere, PLACE_WHY_REGION, "1 are in other regions; 1 would do with another region"},
	{"label", lacks_a_label, PLACE_WHY_LABELS, "1 lack a label"},
	{"gpu", lacks_a_gpu, PLACE_WHY_GPU, "1 have no GPU"},
	{"dear", is_dear, PLACE_WHY_PRICE,
	 "1 are dearer than the limit of 99; 1 would do with a higher price limit, from 100 on"},
	{"slow", misses_real_time, PLACE_WHY_REALTIME, "1 are too slow"},
	{"work", has_no_room_for_work, PLACE_WHY_ROOM, "1 have no room"},
	{"loaded", is_loaded_by_others, PLACE_WHY_ROOM, "1 have no room"},
	{"link", has_no_room_on_its_link, PLACE_WHY_ROOM, "1 have no room"},
	{"ceiling", is_to_stay_idle, PLACE_WHY_ROOM, "1 have no room"},
	{"jobs", takes_no_job, PLACE_WHY_ROOM, "1 have no room"},
	{"silent", has_not_spoken, PLACE_WHY_ROOM, "1 have no room"},
};

static void check_alone(size_t row, size_t candidates)
{
	struct world w;
	struct place_plan *plan = NULL;
	json_t *record, *refused = NULL;
	char *text;

	world_new(&w);
	w.request.candidates = candidates;
	rows[row].spoil(&w);
	put(&w);
	assert_null(place_plan_make(w.ctx, w.fleet, &w.request, &plan));
	if (plan->placed)
		fail_msg("%s: has got the part", rows[row].name);
	if (plan->lack.counts.refused[rows[row].why] != 1 || plan->lack.counts.alone[rows[row].why] != 1)
		fail_msg("%s: is not counted", rows[row].name);
	assert_all_counted(&plan->lack.counts);
	assert_int_equal(plan->lack.give, 1u << rows[row].why);
	text = place_lack_text(w.ctx, &w.request, &plan->lack);
	if (strncmp(text, "transcoder: of 1, ", 18) != 0 || !strstr(text, rows[row].sentence))
		fail_msg("%s: \"%s\"", rows[row].name, text);
	record = place_plan_json(plan);
	assert_int_equal(json_unpack(record, "{s:{s:{s:o}}}", "lack", "counts", "refused", &refused), 0);
	assert_string_equal(json_string_value(json_object_get(refused, place_why_name(rows[row].why))), "1");
	json_decref(record);
	mem_free(w.ctx);
}

static void keeps_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		check_alone(i, 0);
		check_alone(i, PLACE_EVERY);
	}
}

/* Beside it stands one that nothing is the matter with: that one gets the part. */
static void lets_others_through(void **state)
{
	static const char *const customers[] = {"bob", "alice"};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct world w;
		struct place_facts good;
		struct place_plan *plan = NULL;

		world_new(&w);
		w.request.candidates = PLACE_EVERY;
		rows[i].spoil(&w);
		put(&w);
		good = facts_of(w.ctx, 2, API_TRANSCODER);
		good.version = "1.10.0";
		good.labels = wanted_labels;
		good.label_count = 2;
		good.gpu = true;
		good.price = 99;
		good.policy.customers = customers;
		good.policy.customer_count = 2;
		join(w.fleet, &good);
		assert_null(place_plan_make(w.ctx, w.fleet, &w.request, &plan));
		if (!plan->placed || strcmp(plan->parts[0].node, good.id) != 0)
			fail_msg("%s: the sound node has not got the part", rows[i].name);
		assert_int_equal(plan->parts[0].counts.refused[rows[i].why], 1);
		assert_int_equal(plan->parts[0].candidate_count, 1);
		mem_free(w.ctx);
	}
}

/* A node without a price costs nothing; one without an address is nobody's neighbour; known limits hold exactly. */
static void borders(void **state)
{
	struct world w;
	struct place_plan *plan = NULL;

	(void)state;
	world_new(&w);
	w.facts.price = PLACE_NO_PRICE;
	w.request.price_limit = 0;
	w.request.least_version = w.facts.version;
	w.beat.capacity = (struct place_amount){100000, 12000000};
	w.beat.realtime_pm[place_rung(1080)] = 800;
	w.beat.realtime_pm[place_rung(2160)] = 5000; /* is not asked for */
	put(&w);
	assert_null(place_plan_make(w.ctx, w.fleet, &w.request, &plan));
	assert_true(plan->placed);
	assert_int_equal(plan->parts[0].amount.blocks_per_s, 80000);
	assert_int_equal(plan->parts[0].amount.bps, 12000000);
	w.beat.capacity = (struct place_amount){PLACE_UNKNOWN, PLACE_UNKNOWN};
	put(&w);
	assert_null(place_plan_make(w.ctx, w.fleet, &w.request, &plan));
	assert_true(plan->placed);
	mem_free(w.ctx);
}

/* A standby beside its node. `spoil` changes the second node. */
static void check_standby(unsigned apart, enum place_why why, void (*spoil)(struct world *w))
{
	struct world w;
	struct place_facts first;
	struct place_plan *plan = NULL;
	char *text;

	world_new(&w);
	first = w.facts;
	w.facts = facts_of(w.ctx, 2, API_TRANSCODER);
	join(w.fleet, &first);
	put(&w);
	w.wants[0].standby = true;
	w.request.apart = apart;
	assert_null(place_plan_make(w.ctx, w.fleet, &w.request, &plan));
	assert_true(plan->placed);
	assert_int_equal(plan->part_count, 2);
	assert_int_equal(plan->parts[1].standby_of, 0);
	assert_string_not_equal(plan->parts[0].node, plan->parts[1].node);
	spoil(&w);
	put(&w);
	assert_null(place_plan_make(w.ctx, w.fleet, &w.request, &plan));
	assert_false(plan->placed);
	assert_int_equal(plan->lack.standby_of, 0);
	assert_int_equal(plan->lack.counts.refused[PLACE_WHY_USED], 1);
	assert_int_equal(plan->lack.counts.refused[why], 1);
	assert_int_equal(plan->lack.give, 1u << why);
	text = place_lack_text(w.ctx, &w.request, &plan->lack);
	assert_int_equal(strncmp(text, "standby of a transcoder: of 2, 1 have a part", 44), 0);
	/* Where it is not asked for, only the machine counts. */
	w.request.apart = 0;
	assert_null(place_plan_make(w.ctx, w.fleet, &w.request, &plan));
	assert_int_equal(plan->placed, why != PLACE_WHY_AGENT);
	mem_free(w.ctx);
}

static void on_the_same_agent(struct world *w)
{
	w->facts.agent = "agent0001";
}

static void of_the_same_owner(struct world *w)
{
	w->facts.owner = "owner0001";
}

static void in_the_same_net(struct world *w)
{
	w->facts.address = "10.0.1.200";
}

static void standbys(void **state)
{
	(void)state;
	check_standby(0, PLACE_WHY_AGENT, on_the_same_agent);
	check_standby(PLACE_APART_OWNER, PLACE_WHY_OWNER, of_the_same_owner);
	check_standby(PLACE_APART_NET, PLACE_WHY_NET, in_the_same_net);
}

static void nets(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} pairs[] = {
		{"192.0.2.1", "192.0.2.254", true},           {"192.0.2.1", "192.0.3.1", false},
		{"2001:db8:1:1::1", "2001:db8:1:2::1", true}, {"2001:db8:1::1", "2001:db8:2::1", false},
		{"::ffff:192.0.2.9", "192.0.2.1", true},      {"::c000:201", "192.0.2.1", false},
		{"example.org", "example.org", false},        {NULL, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(pairs); i++) {
		struct world w;
		struct place_facts other;
		struct place_plan *plan = NULL;

		world_new(&w);
		w.wants[0].standby = true;
		w.request.apart = PLACE_APART_NET;
		w.facts.address = pairs[i].a;
		other = facts_of(w.ctx, 2, API_TRANSCODER);
		other.address = pairs[i].b;
		put(&w);
		join(w.fleet, &other);
		assert_null(place_plan_make(w.ctx, w.fleet, &w.request, &plan));
		if (plan->placed == pairs[i].same)
			fail_msg("%s and %s", pairs[i].a, pairs[i].b);
		mem_free(w.ctx);
	}
}

/* One node for two parts of a role. */
static void nobody_twice(void **state)
{
	struct world w;
	struct place_plan *plan = NULL;

	(void)state;
	world_new(&w);
	put(&w);
	w.wants[1] = w.wants[0];
	w.request.want_count = 2;
	assert_null(place_plan_make(w.ctx, w.fleet, &w.request, &plan));
	assert_false(plan->placed);
	assert_int_equal(plan->part_count, 1);
	assert_int_equal(plan->lack.want, 1);
	assert_int_equal(plan->lack.give, 1u << PLACE_WHY_USED);
	assert_string_equal(place_why_mend(PLACE_WHY_USED), "more nodes of the role");
	mem_free(w.ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_out), cmocka_unit_test(lets_others_through),
		cmocka_unit_test(borders),   cmocka_unit_test(standbys),
		cmocka_unit_test(nets),      cmocka_unit_test(nobody_twice),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
