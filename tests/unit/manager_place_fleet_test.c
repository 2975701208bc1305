/* The fleet: what it refuses, what it counts, that reputation fades, and that a long run of comings and goings leaves
 * every set as a look at all nodes would make it, and no memory behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "manager/jobs/place_impl.h"
#include "manager_fleet.h"

#define NOW_MS INT64_C(5000000000)

static void bad_facts(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	const struct place_facts good = facts_of(ctx, 1, API_STORAGE);
	const char *long_text = "12345678901234567890123456789012345678901234567890123456789012345"; /* 65 bytes */
	const char *labels[PLACE_MAX_LABELS + 1], *twice[] = {"a", "b", "a"}, *empty[] = {""};
	const char *customers[PLACE_MAX_CUSTOMERS + 1];
	struct place_facts f;

	(void)state;
	for (size_t i = 0; i < LENGTH(labels); i++)
		labels[i] = "x";
	for (size_t i = 0; i < LENGTH(customers); i++)
		customers[i] = "x";
#define REFUSED(message)                                                           \
	do {                                                                       \
		assert_refused(place_node_set(fleet, &f), ERROR_INVALID, message); \
		f = good;                                                          \
	} while (0)
	f = good;
	f.id = NULL;
	REFUSED("has no id");
	f.id = "";
	REFUSED("has no id");
	f.id = long_text;
	REFUSED("its id has 65 bytes; at most 64");
	f.agent = NULL;
	REFUSED("node \"node0001\": has no agent");
	f.owner = "";
	REFUSED("has no owner");
	f.region = long_text;
	REFUSED("its region has 65 bytes");
	f.role = API_ROLE_COUNT;
	REFUSED("its role is 3; 0 to 2");
	f.price = -2;
	REFUSED("its price is -2; -1 to");
	f.labels = labels;
	f.label_count = LENGTH(labels);
	REFUSED("its number of labels is 17; 0 to 16");
	f.labels = twice;
	f.label_count = 3;
	REFUSED("its label \"a\" stands there twice");
	f.labels = empty;
	f.label_count = 1;
	REFUSED("has no label");
	f.policy.ceiling_pm = 0;
	REFUSED("its load ceiling is 0; 1 to 1000");
	f.policy.ceiling_pm = 1001;
	REFUSED("its load ceiling is 1001");
	f.policy.most_jobs = -2;
	REFUSED("its most jobs is -2; -1 to");
	f.policy.customers = customers;
	f.policy.customer_count = LENGTH(customers);
	REFUSED("its number of customers is 65; 0 to 64");
	f.policy.customers = empty;
	f.policy.customer_count = 1;
	REFUSED("has no customer");
#undef REFUSED
	assert_int_equal(place_fleet_nodes(fleet), 0);
	assert_null(place_node_set(fleet, &good));
	assert_int_equal(place_fleet_nodes(fleet), 1);
	mem_free(ctx);
}

static void bad_beats(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct place_beat b = idle_beat();

	(void)state;
	assert_refused(place_agent_beat(fleet, "agent0001", &b), ERROR_NOT_FOUND,
		       "agent \"agent0001\" has no node here");
	join_many(fleet, API_STORAGE, 1, 1);
#define REFUSED(message)                                                                          \
	do {                                                                                      \
		assert_refused(place_agent_beat(fleet, "agent0001", &b), ERROR_INVALID, message); \
		b = idle_beat();                                                                  \
	} while (0)
	b.capacity.blocks_per_s = -2;
	REFUSED("\"agent0001\": its capacity for work is -2; -1 to 1000000000000");
	b.capacity.bps = PLACE_MAX_AMOUNT + 1;
	REFUSED("its capacity of its link is 1000000000001");
	b.load_pm = 1001;
	REFUSED("its load is 1001; 0 to 1000");
	b.jobs_load_pm = -1;
	REFUSED("its load by jobs is -1");
	b.realtime_pm[7] = -2;
	REFUSED("its realtime ratio is -2");
#undef REFUSED
	assert_null(place_agent_beat(fleet, "agent0001", &b));
	mem_free(ctx);
}

static void unknown_nodes(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct place_amount amount = {7, 7};
	int jobs = 7;

	(void)state;
	assert_false(place_node_state(fleet, "nobody", PLACE_ONLINE));
	assert_false(place_node_outcome(fleet, "nobody", PLACE_GOOD, NOW_MS));
	assert_false(place_node_promised(fleet, "nobody", &amount, &jobs));
	assert_int_equal(amount.bps + jobs, 14);
	assert_true(place_node_reputation(fleet, "nobody", NOW_MS) == 0);
	assert_refused(place_node_remove(fleet, "nobody"), ERROR_NOT_FOUND, "\"nobody\" is not known");
	mem_free(ctx);
}

static void states_are_counted(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct place_facts facts = facts_of(ctx, 1, API_TRANSCODER);

	(void)state;
	assert_null(place_node_set(fleet, &facts));
	assert_int_equal(place_fleet_count(fleet, API_TRANSCODER, PLACE_OFFLINE), 1);
	for (enum place_state s = 0; s < PLACE_STATES; s++) {
		assert_true(place_node_state(fleet, facts.id, s));
		assert_int_equal(place_fleet_count(fleet, API_TRANSCODER, s), 1);
		assert_non_null(place_state_name(s));
		/* New facts leave the state. */
		facts.region = s % 2 ? "us" : NULL;
		assert_null(place_node_set(fleet, &facts));
		assert_int_equal(place_fleet_count(fleet, API_TRANSCODER, s), 1);
	}
	facts.role = API_STORAGE;
	assert_null(place_node_set(fleet, &facts));
	assert_int_equal(place_fleet_count(fleet, API_TRANSCODER, PLACE_STATES - 1), 0);
	assert_int_equal(place_fleet_count(fleet, API_STORAGE, PLACE_STATES - 1), 1);
	assert_null(place_node_remove(fleet, facts.id));
	assert_int_equal(place_fleet_nodes(fleet), 0);
	mem_free(ctx);
}

static void rungs(void **state)
{
	static const struct {
		int height;
		const char *name;
	} rows[] = {{1, "240"},   {240, "240"},   {241, "360"},   {576, "720"},
		    {720, "720"}, {1080, "1080"}, {2160, "2160"}, {8192, "2160"}};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		assert_string_equal(place_rung_name(place_rung(rows[i].height)), rows[i].name);
}

/* One failure weighs half as much after a week; time alone makes no node better than a stranger. */
static void reputation_fades(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	const char *id = "node0001";

	(void)state;
	join_many(fleet, API_STORAGE, 1, 1);
	assert_true(fabs(place_node_reputation(fleet, id, NOW_MS) - 0.8) < 1e-9);
	for (int i = 0; i < 8; i++)
		assert_true(place_node_outcome(fleet, id, PLACE_BAD, NOW_MS));
	assert_true(fabs(place_node_reputation(fleet, id, NOW_MS) - 8.0 / 18) < 1e-6);
	assert_true(fabs(place_node_reputation(fleet, id, NOW_MS + PLACE_HALF_LIFE_MS) - 8.0 / 14) < 1e-6);
	assert_true(fabs(place_node_reputation(fleet, id, NOW_MS + 60 * PLACE_HALF_LIFE_MS) - 0.8) < 1e-6);
	/* An outcome told late, or a clock that is behind, does not weigh more. */
	assert_true(fabs(place_node_reputation(fleet, id, NOW_MS - 5000) - 8.0 / 18) < 1e-6);
	assert_true(place_node_outcome(fleet, id, PLACE_GOOD, NOW_MS + PLACE_HALF_LIFE_MS));
	assert_true(fabs(place_node_reputation(fleet, id, NOW_MS + PLACE_HALF_LIFE_MS) - 9.0 / 15) < 1e-6);
	assert_true(place_node_outcome(fleet, id, PLACE_UNCLEAR, NOW_MS + PLACE_HALF_LIFE_MS));
	assert_true(fabs(place_node_reputation(fleet, id, NOW_MS + PLACE_HALF_LIFE_MS) - 9.0 / 15) < 1e-6);
	mem_free(ctx);
}

/* The only node of a machine gets new facts: what the machine has said stays, and goes with its last node. */
static void a_machines_words(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct place_facts facts = facts_of(ctx, 1, API_STORAGE);

	(void)state;
	join(fleet, &facts);
	assert_true(fleet->nodes[place_node_find(fleet, facts.id)].open);
	facts.price = 7;
	assert_null(place_node_set(fleet, &facts));
	assert_true(fleet->nodes[place_node_find(fleet, facts.id)].open);
	assert_null(place_node_remove(fleet, facts.id));
	assert_null(place_node_set(fleet, &facts));
	assert_true(place_node_state(fleet, facts.id, PLACE_ONLINE));
	assert_false(fleet->nodes[place_node_find(fleet, facts.id)].open);
	mem_free(ctx);
}

/* --- the long run --- */

#define STEPS 20000
#define NODES 60

static const char *const places[] = {"eu", "us", NULL}, *const marks[] = {"a", "b", "c", "d"};

static bool stands_in(const struct place_set *set, uint32_t node)
{
	size_t times = 0;

	for (uint32_t i = 0; i < set->count; i++)
		times += set->rows[i] == node;
	assert_in_range(times, 0, 1);
	return times == 1;
}

/* Every set holds whom it should, at the place that the node knows. */
static void sets_are_right(const struct place_fleet *fleet, const bool *there)
{
	size_t nodes = 0, open = 0, in_sets = 0;

	for (unsigned i = 0; i < NODES; i++) {
		char id[16];
		const struct place_node *n;
		uint32_t node;

		snprintf(id, sizeof(id), "node%04u", i);
		node = place_node_find(fleet, id);
		assert_int_equal(node != PLACE_NONE, there[i]);
		if (!there[i])
			continue;
		n = &fleet->nodes[node];
		nodes++;
		assert_int_equal(n->is_new, n->outcomes < PLACE_NEW_OUTCOMES);
		open += n->open;
		assert_int_equal(n->open, n->state == PLACE_ONLINE && !place_node_full(fleet, n));
		assert_true(stands_in(&fleet->of_role[n->role], node));
		assert_int_equal(fleet->of_role[n->role].rows[n->at[PLACE_AT_ROLE]], node);
		assert_int_equal(stands_in(&fleet->with_gpu, node), n->gpu);
		for (unsigned k = 0; k < 2; k++) {
			const bool here = n->open && n->is_new == (k == 1);

			assert_int_equal(stands_in(&fleet->open[n->role][k], node), here);
			assert_int_equal(stands_in(&fleet->in_region[n->region].open[n->role][k], node), here);
		}
		for (size_t k = 0; k < n->label_count; k++)
			assert_int_equal(fleet->with_label[n->labels[k].word].rows[n->labels[k].at], node);
	}
	for (unsigned role = 0; role < API_ROLE_COUNT; role++)
		in_sets += fleet->open[role][0].count + fleet->open[role][1].count;
	assert_int_equal(in_sets, open);
	assert_int_equal(place_fleet_nodes(fleet), nodes);
}

static void come(struct place_fleet *fleet, unsigned i, uint64_t *random)
{
	void *ctx = mem_new(NULL, char);
	struct place_facts facts = facts_of(ctx, i, (enum api_role)place_random(random, API_ROLE_COUNT));
	const size_t first = place_random(random, LENGTH(marks));

	facts.agent = mem_printf(ctx, "agent%u", (unsigned)place_random(random, 9));
	facts.owner = mem_printf(ctx, "owner%u", (unsigned)place_random(random, 9));
	facts.region = places[place_random(random, LENGTH(places))];
	facts.labels = &marks[first];
	facts.label_count = place_random(random, LENGTH(marks) - first + 1);
	facts.gpu = place_random(random, 2);
	facts.policy.customers = &marks[first];
	facts.policy.customer_count = place_random(random, 2);
	assert_null(place_node_set(fleet, &facts));
	mem_free(ctx);
}

static void beat(struct place_fleet *fleet, uint64_t *random)
{
	struct place_beat b = idle_beat();
	struct error *e;
	char agent[16];

	b.load_pm = (int)place_random(random, 1001);
	snprintf(agent, sizeof(agent), "agent%u", (unsigned)place_random(random, 9));
	e = place_agent_beat(fleet, agent, &b);
	assert_true(!e || e->code == ERROR_NOT_FOUND);
	error_free(e);
}

static void comings_and_goings(void **state)
{
	const char *given = getenv("DSN_TEST_SEED");
	uint64_t random = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	struct place_fleet *fleet = place_fleet_new(NULL, 1);
	bool there[NODES] = {false};

	(void)state;
	print_message("DSN_TEST_SEED=%llu\n", (unsigned long long)random);
	for (int step = 0; step < STEPS; step++) {
		const unsigned i = (unsigned)place_random(&random, NODES);
		char id[16];

		snprintf(id, sizeof(id), "node%04u", i);
		switch (place_random(&random, 6)) {
		case 0:
		case 1:
			come(fleet, i, &random);
			there[i] = true;
			break;
		case 2:
			if (there[i])
				assert_null(place_node_remove(fleet, id));
			there[i] = false;
			break;
		case 3:
			assert_int_equal(place_node_state(fleet, id, (enum place_state)place_random(&random, 2)),
					 there[i]);
			break;
		case 4:
			beat(fleet, &random);
			break;
		default:
			assert_int_equal(place_node_outcome(fleet, id, PLACE_GOOD, NOW_MS + step), there[i]);
		}
		if (step % 16 == 0)
			sets_are_right(fleet, there);
	}
	mem_free(fleet);
}

/* Names that nobody bears any more cost nothing: a stranger cannot fill the memory with them. */
static void names_are_forgotten(void **state)
{
	struct place_fleet *fleet = place_fleet_new(NULL, 1);
	size_t after_first = 0;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		void *ctx = mem_new(NULL, char);
		struct place_facts facts = facts_of(ctx, i, API_STORAGE);
		const char *label = mem_printf(ctx, "label%u", i), *customer = mem_printf(ctx, "customer%u", i);

		facts.region = mem_printf(ctx, "region%u", i);
		facts.labels = &label;
		facts.label_count = 1;
		facts.policy.customers = &customer;
		facts.policy.customer_count = 1;
		join(fleet, &facts);
		assert_null(place_node_remove(fleet, facts.id));
		if (i == 0)
			after_first = talloc_total_size(fleet);
		mem_free(ctx);
	}
	assert_int_equal(talloc_total_size(fleet), after_first);
	mem_free(fleet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_facts),
		cmocka_unit_test(bad_beats),
		cmocka_unit_test(unknown_nodes),
		cmocka_unit_test(states_are_counted),
		cmocka_unit_test(rungs),
		cmocka_unit_test(reputation_fades),
		cmocka_unit_test(a_machines_words),
		cmocka_unit_test(comings_and_goings),
		cmocka_unit_test(names_are_forgotten),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
