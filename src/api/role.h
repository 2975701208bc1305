/* What documents say of each role: a file role_<name>.c for each row of API_ROLES; of use inside the api room only. */
#ifndef DSN_API_ROLE_H
#define DSN_API_ROLE_H

#include "api/plan.h"

/* A pipeline on its way into tasks. */
struct api_hops {
	const struct api_pipeline *p;
	char **keys;   /* of p->nodes; NULL: none */
	bool failover; /* the task is for the node that stands in */
};
/* What a publisher of `variant` is told of the node `to`. */
void api_hops_target(const struct api_hops *h, const struct api_pipeline_node *to, const char *variant,
		     struct api_task *t, struct api_target *target);
/* The first node of that role; there is one. */
const struct api_pipeline_node *api_pipeline_node_of(const struct api_pipeline *p, enum api_role role);
/* Does what stands in for the node get all that the node gets, from the beginning? A transcoder's does where it has a
 * storage of its own to send to: it is the storage's standby then. */
bool api_pipeline_sends_always(const struct api_pipeline *p, const struct api_pipeline_node *to);
/* One stream from a node (NULL: the customer) to another. */
void api_plan_hop(struct api_plan *plan, const struct api_pipeline *p, const struct api_pipeline_node *from,
		  const struct api_pipeline_node *to, const char *variant, int64_t bps);
/* The one ordered, or the agent's. */
const char *api_plan_preset(const struct api_pipeline *p);

/* Adding a role: a row in API_ROLES, and these. */
struct api_role_ops {
	const char *const *members; /* that a message may have: a storage with ffmpeg outputs would be a mistake */
	/* Read the role's own section of API 1.00's message; core and settings have been read. */
	struct error *(*read)(struct api_task *t, const json_t *msg, const struct json_place *at);
	/* Read the forerunner's message, or refuse it where the forerunner has none. */
	struct error *(*read_t45)(struct api_task *t, const json_t *msg, const struct json_place *at);
	size_t least, most; /* how many a pipeline has */
	/* Fill `t`, whose core and settings are set, with the part of node `n` in the pipeline. */
	void (*plan)(const struct api_hops *h, const struct api_pipeline_node *n, struct api_task *t);
	/* Put the role's section, and the settings that it alone has, into the message. */
	void (*write)(const struct api_task *t, json_t *msg);
	/* An api_plan_hop() for each stream that comes to node `n` from the customer, and that it sends. NULL: none. */
	void (*hops)(struct api_plan *plan, const struct api_pipeline *p, const struct api_pipeline_node *n);
	/* Add what it costs beside passing its streams on. NULL: nothing. */
	void (*load)(const struct api_pipeline *p, struct api_plan_node *n);
};

const struct api_role_ops *api_role_ops(enum api_role role);

#define API_ROLE_OPS(value, name) extern const struct api_role_ops api_role_##name;
API_ROLES(API_ROLE_OPS)

#endif
