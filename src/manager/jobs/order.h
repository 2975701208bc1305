/* A customer's order: the public document of API 1.00 without `pipeline.nodes` and without `pipeline.job_id`, which
 * dsnd adds. Threads: any. */
#ifndef DSN_MANAGER_JOBS_ORDER_H
#define DSN_MANAGER_JOBS_ORDER_H

#include "api/pipeline.h"

#define ORDER_BYTES 65536 /* of the document as compact text */

/* The order as a pipeline whose nodes are made up, one transcoder for each rendition; belongs to ctx. ERROR_INVALID
 * names the place of what is wrong. */
struct error *order_read(const void *ctx, const json_t *document, struct api_pipeline **ret_pipeline) MUST_CHECK;
/* The public document of a job: the order with its id and its nodes (their reference is taken). New reference. */
json_t *order_complete(const json_t *document, const char *job, json_t *nodes);

#endif
