/* Who has failed whom lately. A node that did not start one customer's order is not his next choice for an hour, while
 * others would do; and it loses good name (place_fleet.h), by each customer's word once an hour at most, since what
 * failed may have been the order's fault: who gives bad orders keeps nodes from himself, not from others. The same for
 * good name. In memory: another dsnd begins without.
 *
 * Bounds: PLACING_OUTCOMES, the oldest gives way. Threads: loop thread.
 */
#ifndef DSN_MANAGER_JOBS_PLACING_OUTCOME_H
#define DSN_MANAGER_JOBS_PLACING_OUTCOME_H

#include "manager/jobs/place.h"

#define PLACING_OUTCOMES 4096
#define PLACING_OUTCOME_MS 3600000

struct placing_outcomes;
struct placing_outcomes *placing_outcomes_new(const void *ctx);
/* True: it counts for the node's name. */
bool placing_outcomes_add(struct placing_outcomes *all, const char *customer, const char *node, bool good,
			  int64_t now_ms);
/* Those that have failed this customer; belong to ctx. */
struct place_excluded *placing_outcomes_bad(const void *ctx, const struct placing_outcomes *all, const char *customer,
					    int64_t now_ms, size_t *ret_count);

#endif
