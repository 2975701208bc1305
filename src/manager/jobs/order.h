/* A customer's order: the public document of API 1.00 without `pipeline.nodes` and without `pipeline.job_id`, which
 * dsnd adds. Threads: any. */
#ifndef DSN_MANAGER_JOBS_ORDER_H
#define DSN_MANAGER_JOBS_ORDER_H

#include "api/pipeline.h"

#define ORDER_BYTES 65536   /* of the document as compact text */
#define ORDER_START_DAYS 30 /* ahead, at most */
#define ORDER_END_DAYS 366

/* The order as a pipeline whose nodes are made up, one transcoder for each rendition; belongs to ctx. ERROR_INVALID
 * names the place of what is wrong. */
struct error *order_read(const void *ctx, const json_t *document, struct api_pipeline **ret_pipeline) MUST_CHECK;
/* May it begin and end then? ERROR_INVALID names the place, from `pipeline` on. */
struct error *order_check_times(const struct api_wishes *wishes, int64_t now_ms) MUST_CHECK;
/* Is it one that can be read, and begins later than now? */
bool order_is_for_later(const json_t *document, int64_t now_ms);
/* What was ordered, of the document of a job: without its id and its nodes. New reference. */
json_t *order_bare(const json_t *document);
/* Has the document of a job nodes? One that was scheduled and never began has none. */
bool order_has_nodes(const json_t *document);
/* The public document of a job: the order with its id and its nodes (their reference is taken). New reference. */
json_t *order_complete(const json_t *document, const char *job, json_t *nodes);

#endif
