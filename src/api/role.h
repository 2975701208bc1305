/* What the api room knows of each role; of use inside the api room only. */
#ifndef DSN_API_ROLE_H
#define DSN_API_ROLE_H

#include "api/pipeline.h"

/* A pipeline on its way into tasks: who sends to whom is looked up here. */
struct api_hops {
	const struct api_pipeline *p;
	char **keys; /* of p->nodes; NULL: none */
};
/* The first node of that role; there is one. */
const struct api_pipeline_node *api_hops_node(const struct api_hops *h, enum api_role role);
/* What a publisher of `variant` is told of the node `to`. */
void api_hops_target(const struct api_hops *h, const struct api_pipeline_node *to, const char *variant,
		     struct api_task *t, struct api_target *target);

struct api_role_ops {
	const char *name;
	/* Fill `t`, whose core and settings are set, with the part of node `n` in the pipeline. */
	void (*plan)(const struct api_hops *h, const struct api_pipeline_node *n, struct api_task *t);
	/* Put the role's section, and the settings that it alone has, into the message. */
	void (*write)(const struct api_task *t, json_t *msg);
};

extern const struct api_role_ops api_role_distributor, api_role_transcoder, api_role_storage;

const struct api_role_ops *api_role_ops(enum api_role role);

#endif
