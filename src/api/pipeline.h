/* The public pipeline document: what a customer orders, and the plan made of it.
 * Extensions [ext] are optional; docs/api.md lists every field. */
#ifndef DSN_API_PIPELINE_H
#define DSN_API_PIPELINE_H

#include "api/task.h"
#include "api/wishes.h"

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
	bool normalise, has_normalise;
	bool keep_all, has_keep; /* has_: was given */
	struct api_wishes wishes;
	json_t *document; /* as received */
};

/* Refuses what is malformed and what contradicts itself; a refusal may name several places, "; " between them. */
struct error *api_pipeline_read(const void *ctx, const json_t *document, struct api_pipeline **ret_pipeline) MUST_CHECK;

/* What is sent to one node. */
struct api_node_task {
	const char *node_id;     /* of a t45 list: its queue (`enode`, 128 hex digits) */
	const char *failover_of; /* [ext] the node it stands in for; NULL: none */
	struct api_task *task;   /* task->document is the message */
};

/* The keys of the hops [ext]: each receiving node has a random secret, which it and its publishers are told; a failover
 * node shares that of the node it stands in for. Classic nodes have none. The distributor's own is the customer's. */
enum api_hop_keys {
	API_KEYS_NONE, /* to be looked at: nothing is refused */
	API_KEYS_NEW,  /* to be sent: a message that no node could take is refused, as if it were read */
};

/* What a public pipeline comes to: one task per node in the order of `nodes`, then [ext] one per failover node (the
 * same task as of the node it stands in for). Each is encoded once, here. The list belongs to ctx and is all that it
 * holds. A 1.00 document gives pure 1.00 messages. */
struct error *api_pipeline_tasks(const void *ctx, const struct api_pipeline *p, enum api_hop_keys keys,
				 struct api_node_task **ret_tasks, size_t *ret_count) MUST_CHECK;
/* The same for a job that goes on with other nodes: who had a task in `before` keeps its key, and the customer's key is
 * that of `before`'s distributor; others get new ones. What has not changed is encoded as it was. */
struct error *api_pipeline_tasks_again(const void *ctx, const struct api_pipeline *p,
				       const struct api_node_task *before, size_t before_count,
				       struct api_node_task **ret_tasks, size_t *ret_count) MUST_CHECK;
/* The private document of these tasks, made of their messages, which it shares. New reference. */
json_t *api_pipeline_private(const struct api_pipeline *p, const struct api_node_task *tasks, size_t count);

/* The tasks of a private document, or of a t45 task list whose command files are read from `folder`. Every message is
 * read once, so a refusal names the task and the place in it. The list belongs to ctx and holds the document. */
struct error *api_private_tasks(const void *ctx, const json_t *document, const char *folder,
				struct api_node_task **ret_tasks, size_t *ret_count) MUST_CHECK;

#endif
