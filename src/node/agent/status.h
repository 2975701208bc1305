/* What is told of nodes, jobs and units, in results and in status messages; docs/api.md has the members.
 * All values are strings, arrays or objects. New references. */
#ifndef DSN_NODE_AGENT_STATUS_H
#define DSN_NODE_AGENT_STATUS_H

#include "node/agent/agent_impl.h"
#include "node/job/job.h"

json_t *status_node(struct node *n, bool with_decisions);
json_t *status_node_row(struct node *n); /* a line of `node list` */
json_t *status_job(struct job *j);
json_t *status_job_row(struct job *j); /* a line of `pipeline list` */
json_t *status_units(struct unit *const *units, size_t count);

/* Status messages: of all nodes, or of those that have changed since. */
void status_send_all(struct agent *a);
void status_send_changed(struct agent *a);

#endif
