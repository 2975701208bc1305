/* What the files of placing.h share: nobody else includes it. */
#ifndef DSN_MANAGER_JOBS_PLACING_IMPL_H
#define DSN_MANAGER_JOBS_PLACING_IMPL_H

#include "manager/jobs/feed.h"
#include "manager/jobs/holdings.h"
#include "manager/jobs/placing.h"
#include "manager/jobs/placing_outcome.h"

struct placing_waiter {
	placing_fresh_fn *fn;
	void *arg;
};

struct placing {
	const struct service_host *host;
	struct place_fleet *fleet;
	struct feed *feed;
	struct holdings *holdings;
	struct placing_outcomes *outcomes;
	bool asking;
	struct placing_waiter *waiters;
	size_t waiter_count;
	int64_t event; /* the last one that is done */
};

/* What all of placing's requests have in common; borrows both. */
struct place_request placing_request(const char *customer, const struct api_wishes *wishes);
/* The wants of an order whose ladder is made by `transcoders` nodes: a distributor, those, a storage. `*ret_groups`:
 * which renditions each of them makes. All belong to ctx. */
struct error *placing_wants(const void *ctx, const struct api_pipeline *p, size_t transcoders,
			    struct place_want **ret_wants, size_t *ret_count, uint64_t **ret_groups) MUST_CHECK;
/* What each node of the document is to carry, standbys too; belongs to ctx. */
struct error *placing_lines(const void *ctx, const json_t *document, struct reserve_line **ret_lines,
			    size_t *ret_count) MUST_CHECK;
/* A node as an entry of the document's `nodes`, or (failover) as what stands in for one. */
void placing_put_node(const struct placing *p, json_t *entry, const char *id);
void placing_put_standby(const struct placing *p, json_t *entry, const char *id);

#endif
