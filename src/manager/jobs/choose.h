/* Which nodes an order gets. Threads: any. */
#ifndef DSN_MANAGER_JOBS_CHOOSE_H
#define DSN_MANAGER_JOBS_CHOOSE_H

#include "api/pipeline.h"

/* `known` is what nodes.list answers, `p` the order (order_read()). *ret_nodes becomes the document's `nodes` (a new
 * reference): a distributor, a storage, and a transcoder for each rendition; of those that fit, the ones with the
 * fewest jobs, no two of them at one address. ERROR_UNAVAILABLE: it cannot be placed, by which role, and how many nodes
 * were kept out by what. */
struct error *choose_nodes(const json_t *known, const struct api_pipeline *p, json_t **ret_nodes) MUST_CHECK;

#endif
