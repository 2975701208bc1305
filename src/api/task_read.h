/* The two generations of config messages; of use inside the api room only. */
#ifndef DSN_API_TASK_READ_H
#define DSN_API_TASK_READ_H

#include "api/task.h"

/* Fill `t` (role and defaults are set) from API 1.00's msg, or from a t45 config message. */
struct error *api_task_read_100(struct api_task *t, const json_t *msg, const struct json_place *at) MUST_CHECK;
struct error *api_task_read_t45(struct api_task *t, const json_t *msg, const struct json_place *at) MUST_CHECK;

/* "BANDWIDTH=...,RESOLUTION=..." of an HLS variant. */
char *api_variant_params(const void *ctx, int64_t bandwidth_bps, struct api_size size);

#endif
