/* The public pipeline document: what a customer orders, and the plan made of it.
 * Extensions [ext] are optional; docs/api.md lists every field. */
#ifndef DSN_API_PIPELINE_H
#define DSN_API_PIPELINE_H

#include "api/task.h"

struct api_pipeline_node {
	enum api_role role;
	char *node_id, *ip, *failover_ip; /* failover_ip may be NULL */
	char *failover_node_id;           /* [ext] or NULL */
	int port, failover_port;          /* [ext] RTMP, 1935 */
	bool has_port;                    /* [ext] "port" was given */
	int http_port;                    /* [ext] HLS of a storage; 8080 */
	bool classic;                     /* [ext] "mode":"classic" */
	bool has_mode;                    /* [ext] "mode" was given */
	double cores;                     /* [ext] for the plan: what the machine has; 0: unknown */
	int64_t bandwidth_bps;            /* [ext] for the plan: of its network link; 0: unknown */
	size_t *renditions;               /* [ext] indices into transcoding; default: transcoder i makes rendition i */
	size_t rendition_count;
};

struct api_pipeline_rendition {
	char *name; /* "_1080p" */
	struct api_size size;
	int64_t bitrate_bps;
	char *codec; /* [ext] of a rendition; libx264 */
};

struct api_pipeline {
	char *job;
	char *type_source; /* "file", "live" */
	struct api_pipeline_rendition source;
	struct api_pipeline_rendition *renditions;
	size_t rendition_count;
	struct api_pipeline_node *nodes;
	size_t node_count;
	int source_fps; /* [ext] source.fps, for the plan; 25 */
	bool modes;     /* [ext] a node has "mode": the private form then names the mode of every node */
	/* [ext] "output" */
	char *preset; /* NULL: unset */
	int64_t audio_bps;
	int fragment_s; /* 0: unset (5) */
	bool normalise;
	bool keep_all;
	json_t *document; /* as received */
};

/* Refuses what is malformed and what contradicts itself; a refusal may name several places, "; " between them. */
struct error *api_pipeline_read(const void *ctx, const json_t *document, struct api_pipeline **ret_pipeline) MUST_CHECK;

/* The private document made of a public one: one task per node in the order of `nodes`, then [ext] one per failover
 * node (the same task as of the node it stands in for, which "failover_of" names). A 1.00 document gives a pure 1.00
 * private document. New reference. */
struct error *api_pipeline_private(const struct api_pipeline *p, json_t **ret_document) MUST_CHECK;
/* Add per-hop secrets [ext] "key" to a private document: for each receiving node a random key, told to it and to its
 * publishers; a failover node shares the key of the node it stands in for. Classic nodes have no keys. The
 * distributor's own key (for the customer) is returned, NULL when it is classic; belongs to ctx. */
struct error *api_private_add_keys(const void *ctx, json_t *document, char **ret_ingest_key) MUST_CHECK;

/* Tasks of a private document (or of a t45 task list whose command files are read from `folder`): (node id, message).
 * Every message has been read once, so a refusal names the task and the place in it. A t45 list names queues
 * (`enode`, 128 hex digits), not node ids. */
struct api_task_message {
	const char *node_id;
	json_t *message; /* belongs to ctx (or the document) */
};
struct error *api_private_tasks(const void *ctx, const json_t *document, const char *folder,
				struct api_task_message **ret_tasks, size_t *ret_count) MUST_CHECK;

#endif
