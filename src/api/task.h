/* A task: what one node is to do for one job, read from the private form (API 1.00 `msg`, or a t45 config message).
 *
 * This is the only form the node and media rooms work with. Borrowed strings: all belong to the task.
 * Extensions of ours are marked [ext]: optional members of the private document, absent in a 1.00 document.
 */
#ifndef DSN_API_TASK_H
#define DSN_API_TASK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

/* The roles, in one place. ROW(VALUE, name): api/role_<name>.c has what documents say of it, node/job/role_<name>.c
 * what a node does. */
#define API_ROLES(ROW)                \
	ROW(DISTRIBUTOR, distributor) \
	ROW(TRANSCODER, transcoder)   \
	ROW(STORAGE, storage)
#define API_ROLE_WORDS "distributor, transcoder or storage" /* for people */

#define API_ROLE_VALUE(value, name) API_##value,
enum api_role { API_ROLES(API_ROLE_VALUE) API_ROLE_COUNT };
const char *api_role_name(enum api_role role);
/* The name of a role; the error names `at`. */
struct error *api_role_parse(const char *word, const struct json_place *at, enum api_role *ret_role) MUST_CHECK;

#define API_MAX_OUTPUTS 64
#define API_MAX_VARIANTS 32

/* Applications of a managed node: where customers publish, and where nodes publish to each other. */
#define API_INGEST "ingest"
#define API_LIVE "live"

struct api_size {
	int width, height; /* pixels, 16..8192 */
};

/* Where a stream goes. */
struct api_target {
	char *ip;          /* IPv4, IPv6 or host name */
	char *failover_ip; /* or NULL */
	int port;          /* "port" [ext] (t45: its port); 1935 */
	int failover_port; /* "failover_port" [ext]; same as port */
	bool always;       /* "failover" [ext]: the failover address gets all from the beginning, not on failures */
	char *application; /* RTMP application at the target where the document fixes one: t45's, a transcoder's
			      "application" other than the job id, or by "mode" [ext]; NULL: by the node's mode */
	char *mode;        /* "mode" [ext] of the node there, "managed" | "classic"; NULL: not said */
	char *stream;      /* RTMP stream name: job id followed by the variant */
	char *variant;     /* "_720p", "" for the bare copy to a transcoder */
	char *key;         /* "key" [ext]: publisher's secret at the target; or NULL */
};

/* One rendition a transcoder makes. */
struct api_rendition {
	struct api_target target;
	char *codec;         /* "libx264" or an encoder of the narrow table in api/grammar.h */
	int64_t bitrate_bps; /* video */
	struct api_size size;
	char *preset;      /* [ext] x264 preset; NULL: the node's default */
	int64_t audio_bps; /* [ext] 0: copy the source's audio */
};

struct api_hls_variant {
	char *variant; /* "_720p" */
	int64_t bandwidth_bps;
	struct api_size size;
	char *params; /* as written: BANDWIDTH=...,RESOLUTION=... */
};

struct api_hls {
	int fragment_s; /* 1..60 */
	int playlist_length_s;
	char *naming;              /* "timestamp", "sequential", "system" */
	int naming_granularity_ms; /* 0: unset */
	char *slicing;             /* "aligned", "plain" */
	bool keep_all;             /* "keep" [ext] "all" (managed default) or "window" */
	bool has_keep;             /* "keep" was given */
	struct api_hls_variant *variants;
	size_t variant_count;
};

struct api_task {
	enum api_role role;
	char *job;           /* application and stream name: [0-9A-Za-z_-]{1,64} */
	char *source_stream; /* stream name that arrives here: job (t45: input.name) */
	char *application;   /* RTMP application in classic mode: job (t45: input.application) */
	int listen_port;     /* "listen" of nginx-rtmp-core */
	bool t45;            /* came in the forerunner format */
	char *mode;          /* "mode" [ext] "managed" | "classic" that the plan was made for; NULL: any */
	bool live;
	char *key;      /* "key" [ext]: secret that publishers to THIS node must show; NULL: none asked */
	int fragment_s; /* "fragment" [ext] of the target storage (transcoder, distributor); 5 */
	bool has_fragment;
	bool normalise; /* "normalise" [ext] on|off: mend a source that HLS cannot store, or refuse it; on */
	bool has_normalise;
	struct api_target *outputs; /* distributor: each once */
	size_t output_count;
	size_t equal_outputs;             /* left out, since an earlier output says the same */
	struct api_rendition *renditions; /* transcoder: one in 1.00, several by [ext] "outputs" */
	size_t rendition_count;
	struct api_hls hls; /* storage */
	json_t *document;   /* the message itself, as received or, of a planned task, as encoded (owned reference) */
};

/* Read a config message (either generation) at `at`; every refusal names its place. */
struct error *api_task_read(const void *ctx, const json_t *msg, const struct json_place *at,
			    struct api_task **ret_task) MUST_CHECK;

#endif
