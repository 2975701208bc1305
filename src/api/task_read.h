/* How a task comes to be, and the two generations of config messages; of use inside the api room only. */
#ifndef DSN_API_TASK_READ_H
#define DSN_API_TASK_READ_H

#include "api/task.h"

/* With the defaults of what a message need not say. */
struct api_task *api_task_new(const void *ctx, enum api_role role);
/* Once all members are set: leaves out outputs that say the same as an earlier one, and refuses at `at` what no node
 * could do. */
struct error *api_task_settle(struct api_task *t, const struct json_place *at) MUST_CHECK;
/* The stream's name at a target, and its application there, by the target's mode and the application that the document
 * names (NULL: none). Job, variant and mode are set. */
void api_target_settle(struct api_task *t, struct api_target *target, char *application);

/* Fill `t` (role and defaults are set) from API 1.00's msg, or from a t45 config message. */
struct error *api_task_read_100(struct api_task *t, const json_t *msg, const struct json_place *at) MUST_CHECK;
struct error *api_task_read_t45(struct api_task *t, const json_t *msg, const struct json_place *at) MUST_CHECK;

/* Parts of 1.00's messages: what every output has. */
struct error *api_target_read(struct api_task *t, const json_t *o, const struct json_place *at,
			      struct api_target *target) MUST_CHECK;

/* Parts of the forerunner's messages. {"proto","application","name","port"}: of `input`, and the first members of an
 * output. */
struct error *api_t45_stream(struct api_task *t, const json_t *o, const struct json_place *at, char **ret_application,
			     char **ret_name, int *ret_port) MUST_CHECK;
struct error *api_t45_input(struct api_task *t, const json_t *msg, const struct json_place *at) MUST_CHECK;
struct error *api_t45_target(struct api_task *t, const json_t *o, const struct json_place *at,
			     struct api_target *target) MUST_CHECK;
/* A size, with an x between the numbers or, as the forerunner's own files have it, a multiplication sign. */
struct error *api_t45_size(struct api_task *t, const json_t *o, const struct json_place *at,
			   struct api_size *ret_size) MUST_CHECK;
/* The forerunner writes variants without the underscore that parts them from the stream's name. */
char *api_t45_variant(const void *ctx, const char *variant);

/* "BANDWIDTH=...,RESOLUTION=..." of an HLS variant. */
char *api_variant_params(const void *ctx, int64_t bandwidth_bps, struct api_size size);

#endif
