/* A made-up fleet and orders for it, for `dsn-bench placement`: everything comes from a seed. */
#ifndef DSN_BENCH_PLACEMENT_FLEET_H
#define DSN_BENCH_PLACEMENT_FLEET_H

#include "manager/jobs/place.h"

struct placement_fleet {
	struct place_fleet *fleet;
	size_t nodes, agents;
	unsigned short random[3]; /* nrand48()'s */
	char **agent_ids;
	int64_t *blocks_per_s; /* what each agent has said it can do */
};

/* Twelve regions, an owner for every twenty nodes, three nodes on a machine; a tenth is too old, a twentieth away, a
 * fifth new. Belongs to ctx. */
struct error *placement_fleet_new(const void *ctx, size_t nodes, unsigned seed,
				  struct placement_fleet **ret_fleet) MUST_CHECK;
/* The next agent speaks: its load has changed. */
struct error *placement_fleet_beat(struct placement_fleet *f) MUST_CHECK;

/* Work that is promised, of all the work that the owners' ceilings allow, in percent. */
double placement_fleet_promised(const struct placement_fleet *f);

/* An order of a distributor, a ladder of three renditions and a storage: every other one with limits (region, label,
 * price, standby), one of a hundred that nobody can do. */
struct placement_fleet_order {
	struct place_want wants[3];
	struct place_request request;
	const char *region, *label;
};
void placement_fleet_order_next(struct placement_fleet *f, struct placement_fleet_order *ret_order);

#endif
