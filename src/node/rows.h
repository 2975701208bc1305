/* What the agent's database keeps of nodes and jobs (node/store.h). */
#ifndef DSN_NODE_ROWS_H
#define DSN_NODE_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/task.h"
#include "media/progress.h"
#include "node/runtime/runtime.h"

struct node_row {
	char *id;
	char *name; /* NULL: none */
	enum api_role role;
	char *runtime, *mode, *image;
	char **mounts; /* "host:container", NULL-terminated */
	size_t mount_count;
	int64_t memory_bytes;
	double cpus;
	struct runtime_port rtmp, http; /* http.host_port 0: none */
	int control_port;
	bool maintenance;
};

/* How the source is mended on its way, once that is decided (media/normalise.h). */
struct job_mending {
	int64_t bps;     /* 0: it is not mended; -1: its bit rate is unknown */
	int fps;         /* 0: pictures as they come */
	bool copy_video; /* only the sound is encoded */
};

struct job_row {
	char *node_id, *job;
	json_t *task;                      /* owned reference */
	bool running;                      /* wanted */
	int64_t epoch_ms;                  /* wall clock of the first publish; 0: none yet */
	int64_t offset_ms;                 /* the relay's time line */
	char carried[MEDIA_CARRIED_BYTES]; /* what the last relay published (media/progress.h); "": unknown */
	struct job_mending mending;
};

#endif
