/* Which nodes an order gets. Threads: any. */
#ifndef DSN_MANAGER_JOBS_CHOOSE_H
#define DSN_MANAGER_JOBS_CHOOSE_H

#include "api/pipeline.h"

/* `known` is what nodes.list answers, `p` the order (order_read()). *ret_nodes becomes the document's `nodes` (a new
 * reference): a distributor, a storage, and a transcoder for each rendition; of those that fit, the ones with the
 * fewest jobs, no two of them at one address. ERROR_UNAVAILABLE: it cannot be placed, by which role, and how many nodes
 * were kept out by what. */
struct error *choose_nodes(const json_t *known, const struct api_pipeline *p, json_t **ret_nodes) MUST_CHECK;

/* One node for the place of node `lost` in a job's public document: as choose_nodes() picks them, but none of the
 * document's own and none of `excluded`. *ret_node is a new reference. ERROR_UNAVAILABLE as there. */
struct error *choose_replacement(const json_t *known, const json_t *document, const char *lost,
				 const char *const *excluded, size_t excluded_count, json_t **ret_node) MUST_CHECK;

#endif
