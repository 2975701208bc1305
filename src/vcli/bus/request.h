/* The command line's way to ask: commands to nodes or agents (client/request.h), waited for. */
#ifndef DSN_VCLI_BUS_REQUEST_H
#define DSN_VCLI_BUS_REQUEST_H

#include "client/request.h"
#include "vcli/vcli.h"

typedef void request_done_fn(struct vcli *v, const struct client_request *r, void *arg);
/* Send all and wait for all results, for v->timeout_ms. `each` (may be NULL) is called as each is decided. Fails only
 * when the broker was never reached; otherwise look at the outcomes. */
struct error *requests_run(struct vcli *v, struct client_request_list *l, request_done_fn *each, void *arg) MUST_CHECK;
/* NULL when all were applied, else an error with the first failure's code that names every node that failed and why. */
struct error *requests_failure(const struct client_request_list *l, const char *what) MUST_CHECK;
/* {"node_id":..,"role":..,"state":"applied|failed","took":"<ms>","error":{..}} with the members of the data put over
 * it. New reference. */
json_t *request_json(const struct client_request *r);
json_t *requests_json(const struct client_request_list *l);
/* {"code":..,"message":..}; new reference. */
json_t *request_error_json(const struct error *e);

/* One command to one participant; data (may be NULL) is a new reference. */
struct error *request_one(struct vcli *v, const char *to, json_t *body, json_t **ret_data) MUST_CHECK;
/* How long a command of this run stays valid. */
int64_t request_ttl_ms(const struct vcli *v);

#endif
