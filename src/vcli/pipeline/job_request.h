/* Commands about a job to all of its nodes. */
#ifndef DSN_VCLI_PIPELINE_JOB_REQUEST_H
#define DSN_VCLI_PIPELINE_JOB_REQUEST_H

#include "api/command.h"
#include "vcli/bus/request.h"
#include "vcli/pipeline/user_job.h"

/* One request of the verb for each node. The list belongs to ctx. */
struct client_request_list *job_requests(const void *ctx, const struct user_job *j, enum api_verb verb);
/* "storage  <node id>  applied  12 ms", or the reason of a failure. A request_done_fn. */
void job_request_print_line(struct vcli *v, const struct client_request *r, void *arg);

#endif
