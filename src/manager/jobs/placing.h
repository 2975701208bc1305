/* Which nodes an order gets, which one stands in for a lost one, and why: the placement (place.h) of a fleet that the
 * registry tells of (feed.h), with what each job has reserved (holdings.h).
 *
 * An order's nodes are held when they are chosen, so that nobody else gets them, and are its own from its row in the
 * database on (placing_keep()). From then on they follow the order's state, which is read from the event log: they are
 * given back when it has failed, stopped or been cancelled, and taken again when it is started again.
 * What is known is at most a second old; placing_refresh() brings it up to date. Threads: loop thread.
 */
#ifndef DSN_MANAGER_JOBS_PLACING_H
#define DSN_MANAGER_JOBS_PLACING_H

#include "api/pipeline.h"
#include "manager/jobs/order_rows.h"
#include "manager/jobs/place.h"
#include "manager/service.h"

struct placing;
struct placing *placing_new(const void *ctx, const struct service_host *host);
/* Before the first plan: what runs already has its nodes. */
struct error *placing_start(struct placing *p) MUST_CHECK;
/* Every second. */
void placing_tick(struct placing *p);

/* The registry has said what has changed, or (away, borrowed) has not. */
typedef void placing_fresh_fn(const struct error *away, void *arg);
/* Asks the registry; `fn` comes once, maybe before this returns, not when p is freed before. */
void placing_refresh(struct placing *p, placing_fresh_fn *fn, void *arg);

struct placing_wish {
	const char *job;                  /* NULL: a plan, nothing is held */
	const char *customer;             /* whom nodes' owners may serve or not */
	const struct api_pipeline *order; /* order_read(); its nodes are not looked at */
};
/* Chooses. *ret_nodes becomes the document's `nodes`, *ret_record the decision (place_plan_json()): new references; the
 * record is there too (else NULL) when no nodes were found; NULL: nobody wants one. ERROR_UNAVAILABLE: it cannot be
 * placed, and what keeps the nodes out; ERROR_LIMIT: it has more renditions than can be placed. */
struct error *placing_order(struct placing *p, const struct placing_wish *wish, json_t **ret_nodes,
			    json_t **ret_record) MUST_CHECK;
/* The order is written down: what it holds does not expire. */
void placing_keep(struct placing *p, const char *job);
/* It was not, or is over. */
void placing_release(struct placing *p, const char *job);
/* What was chosen for it was not written down: it holds what its row says. */
void placing_reread(struct placing *p, const char *job);

/* An order that was stopped or has failed is to start again, on the nodes of its document. ERROR_LIMIT: one of them has
 * no room any more; ERROR_UNAVAILABLE: one was not heard of since this dsnd leads. */
struct error *placing_again(struct placing *p, const char *job, const json_t *document) MUST_CHECK;

/* How a node has done what it was told for an order of this customer (placing_outcome.h). */
void placing_judge(struct placing *p, const char *customer, const char *node_id, bool good);

struct placing_loss {
	const char *job, *customer;
	const json_t *document;                /* the job's public document, with its nodes */
	const char *lost;                      /* node id: one of the nodes, or one that stands in for one */
	const char *why;                       /* for the record */
	const struct place_excluded *excluded; /* further ones that it is not to be, and why */
	size_t excluded_count;
};
/* One node instead of the lost one. *ret_node is the entry for the document's `nodes`, in the place of the one that
 * names the lost one (as node_id or failover_node_id), with all else as it was; the reservation's line has moved to it.
 * *ret_record as above; a decision is written down too (placements.h). New references. ERROR_UNAVAILABLE: there is
 * none, and why; ERROR_NOT_FOUND: the lost one is no node of the job; ERROR_INVALID: the document. */
struct error *placing_replace(struct placing *p, const struct placing_loss *loss, json_t **ret_node,
			      json_t **ret_record) MUST_CHECK;

struct placing_reasons {
	enum api_role role;
	unsigned refusals;            /* 1u << enum place_why; 0: it would do */
	int jobs;                     /* promised on it */
	struct place_amount promised; /* on its machine, by all its nodes */
};
/* What keeps a node from its role's part in such an order, were it asked first; of several parts, from the one that it
 * comes nearest to. ERROR_NOT_FOUND: it is not known. */
struct error *placing_explain(struct placing *p, const struct placing_wish *wish, const char *node,
			      struct placing_reasons *ret) MUST_CHECK;
/* Does this address own the node? A node whose owner is not known is its agent's, or its own (feed_row.h). */
bool placing_is_of(const struct placing *p, const char *node_id, const char *address);
/* Has its owner set the node to maintenance? */
bool placing_drains(const struct placing *p, const char *node_id);
/* Where a node is reached; false: it is not known. As place_node_contact(). */
bool placing_contact(const struct placing *p, const char *node_id, struct place_contact *ret);

/* Jobs that hold nodes, and nodes that are known. */
void placing_count(const struct placing *p, size_t *ret_jobs, size_t *ret_nodes);

#endif
