/* A small fleet for the tests of placement and reservations. */
#ifndef DSN_TESTS_MANAGER_FLEET_H
#define DSN_TESTS_MANAGER_FLEET_H

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "manager/jobs/place.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define MACHINE_BLOCKS 1000000
#define MACHINE_BPS 100000000

/* Any node, which takes everything: of a machine and an owner of its own. `n` tells it from others. */
static inline struct place_facts facts_of(const void *ctx, unsigned n, enum api_role role)
{
	return (struct place_facts){
		.id = mem_printf(ctx, "node%04u", n),
		.agent = mem_printf(ctx, "agent%04u", n),
		.owner = mem_printf(ctx, "owner%04u", n),
		.role = role,
		.version = "1.2.3",
		.region = "eu",
		.address = mem_printf(ctx, "10.%u.%u.1", n / 250, n % 250),
		.price = 100,
		.policy = place_policy_open,
	};
}

/* An idle machine. */
static inline struct place_beat idle_beat(void)
{
	struct place_beat beat = place_beat_unknown;

	beat.capacity = (struct place_amount){MACHINE_BLOCKS, MACHINE_BPS};
	return beat;
}

/* Known, online, and idle. */
static inline void join(struct place_fleet *fleet, const struct place_facts *facts)
{
	const struct place_beat beat = idle_beat();

	assert_null(place_node_set(fleet, facts));
	assert_true(place_node_state(fleet, facts->id, PLACE_ONLINE));
	assert_null(place_agent_beat(fleet, facts->agent, &beat));
}

/* It has proved itself: no longer new. */
static inline void prove(struct place_fleet *fleet, const char *id, int64_t now_ms)
{
	for (int i = 0; i < PLACE_NEW_OUTCOMES; i++)
		assert_true(place_node_outcome(fleet, id, PLACE_GOOD, now_ms));
}

static inline void join_many(struct place_fleet *fleet, enum api_role role, unsigned from, unsigned count)
{
	void *ctx = mem_new(NULL, char);

	for (unsigned i = from; i < from + count; i++) {
		const struct place_facts facts = facts_of(ctx, i, role);

		join(fleet, &facts);
	}
	mem_free(ctx);
}

static inline void assert_refused(struct error *e, enum error_code code, const char *message)
{
	if (!e)
		fail_msg("taken; \"%s\" was to be refused", message);
	if (e->code != code || !strstr(e->message, message))
		fail_msg("%d: \"%s\" in place of \"%s\"", e->code, e->message, message);
	error_free(e);
}

/* Nothing is lost in counting: of all nodes each was refused by one filter. */
static inline void assert_all_counted(const struct place_counts *c)
{
	size_t sum = 0;

	for (size_t i = 0; i < PLACE_WHYS; i++) {
		sum += c->refused[i];
		assert_true(c->alone[i] <= c->refused[i]);
	}
	assert_int_equal(sum, c->of);
	assert_int_equal(c->looked, c->of);
}

#endif
