/* Commands to nodes or agents, and their results, gathered until all are there or the time is over. */
#ifndef DSN_VCLI_REQUEST_H
#define DSN_VCLI_REQUEST_H

#include "api/command.h"
#include "bus/message.h"
#include "vcli/vcli.h"

struct request {
	const char *to;   /* address, 40 hex digits */
	const char *role; /* for lines and JSON; NULL: not known */
	json_t *body;     /* owned by the list (requests_new()) */
	/* what became of it */
	bool done;
	struct error *error; /* owned; NULL: applied */
	bool away;           /* of a lasting list: it does not answer (or nobody serves it), and is to learn it later */
	bool gone;           /* away, and nobody has such a mailbox */
	const char *held;    /* away, since the transport takes nothing for now: why; owned by the list. Or NULL */
	json_t *data;        /* owned; what the result carries, may be NULL */
	int64_t took_ms;
	/* inside request.c */
	struct request_gather *gather;
	struct message *message, *probe;
	bool sent;  /* the transport has it safely, see bus_sent_fn */
	bool alive; /* has answered the probe */
};

struct request_list {
	struct request *items;
	size_t count;
	bool lasting; /* wanted states: who gives no sign of life is not waited for, and no failure */
};

/* An empty list; freed with mem_free() together with bodies and outcomes. */
struct request_list *requests_new(const void *ctx);
/* `to` and `role` are copied, the reference to body is taken. */
void requests_add(struct request_list *l, const char *to, const char *role, json_t *body);

typedef void request_done_fn(struct vcli *v, const struct request *r, void *arg);
/* Send all and wait for all results, for v->timeout_ms. `each` (may be NULL) is called as each is decided. Fails only
 * when the broker was never reached; otherwise look at the outcomes. Lost connections are bridged: what has no result
 * yet is sent again with the same id, which has no second effect. */
struct error *requests_run(struct vcli *v, struct request_list *l, request_done_fn *each, void *arg) MUST_CHECK;
/* NULL when all were applied, else an error with the first failure's code that names every node that failed and why. */
struct error *requests_failure(const struct request_list *l, const char *what) MUST_CHECK;
/* {"node_id":..,"role":..,"state":"applied|failed","took":"<ms>","error":{..}} with the members of the data put over
 * it. New reference. */
json_t *request_json(const struct request *r);
json_t *requests_json(const struct request_list *l);
/* {"code":..,"message":..}; new reference. */
json_t *request_error_json(const struct error *e);

/* One command to one participant; data (may be NULL) is a new reference. */
struct error *request_one(struct vcli *v, const char *to, json_t *body, json_t **ret_data) MUST_CHECK;
/* How long a command of this run stays valid. */
int64_t request_ttl_ms(const struct vcli *v);

#endif
