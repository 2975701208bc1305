/* What a run's nodes have answered, as its caller and the order are to know it. Threads: any. */
#ifndef DSN_MANAGER_JOBS_RUN_ANSWERS_H
#define DSN_MANAGER_JOBS_RUN_ANSWERS_H

#include "client/request.h"
#include "manager/jobs/order_rows.h"

/* Of each: `node_id`, `role`, `state` (applied, away, failed), and of one that has failed `why`. A new reference. */
json_t *run_outcomes(const struct client_request_list *all);
/* In words; belongs to ctx. NULL: none has failed. */
char *run_first_failure(const void *ctx, const struct client_request_list *all);
size_t run_count_away(const struct client_request_list *all);
/* Where the distributor takes the stream in, and where the storage shows it: they know their paths. */
void run_learn_addresses(struct order_row *row, const struct client_request_list *all);

#endif
