/* Encoding tasks; of use inside the api room only. */
#ifndef DSN_API_TASK_WRITE_H
#define DSN_API_TASK_WRITE_H

#include "api/task.h"

/* API 1.00's config message that says what the members of the task do, so that reading it gives an equal task. Not for
 * a t45 task, whose targets 1.00 cannot name. New reference. */
json_t *api_task_write(const struct api_task *t);

/* Parts for the roles. The application that a target fixes beside what its mode says; NULL: none. */
const char *api_target_application(const struct api_task *t, const struct api_target *target);
/* Where it is: ip, failover_ip, what differs from 1.00's fixed ports, mode. */
void api_target_write_address(const struct api_target *target, json_t *o);
void api_target_write_key(const struct api_target *target, json_t *o);
void api_task_write_fragment(const struct api_task *t, json_t *msg);

#endif
