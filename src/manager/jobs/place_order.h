/* What an order's document asks of nodes: the wants of a placement. Threads: any. */
#ifndef DSN_MANAGER_JOBS_PLACE_ORDER_H
#define DSN_MANAGER_JOBS_PLACE_ORDER_H

#include "api/pipeline.h"
#include "manager/jobs/place.h"

struct place_order_options {
	size_t transcoders;           /* the ladder is made by at most so many nodes, each with a decoder; 1 or more */
	bool standby[API_ROLE_COUNT]; /* roles that have one */
};

/* One want for each role, in the stream's order: a distributor that sends the source to all of them, the ladder, a
 * storage that takes all of it. Rendition i of the ladder is p->renditions[i]; work is counted as api/plan.h counts it;
 * the pipeline's nodes are not looked at. *ret_wants has API_ROLE_COUNT of them and belongs to ctx. ERROR_LIMIT: more
 * renditions than PLACE_MAX_RENDITIONS. */
struct error *place_order_wants(const void *ctx, const struct api_pipeline *p,
				const struct place_order_options *options, struct place_want **ret_wants) MUST_CHECK;

#endif
