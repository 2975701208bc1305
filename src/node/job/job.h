/* One job at one node: the task as stored, and its units.
 *
 * Life: job_set() with a task and wanted=true -> units run until job_stop() -> draining -> stopped (kept, so that what
 * was stored can be asked for) -> forgotten (node/job/job_end.h).
 * Threads: loop thread.
 */
#ifndef DSN_NODE_JOB_JOB_H
#define DSN_NODE_JOB_JOB_H

#include "api/task.h"
#include "media/probe.h"
#include "media/progress.h"
#include "node/job/stream.h"
#include "node/job/unit.h"
#include "node/node.h"

/* A unit that is asked to end is killed after so long. */
#define JOB_GRACE_MS 3000

struct job {
	struct node *node;
	char *name;
	struct api_task *task;
	char *hash; /* SHA-256 of the canonical task */
	enum job_state state;
	bool wanted;
	bool close; /* forget it when it has stopped */
	int64_t epoch_ms, offset_ms;
	char carried[MEDIA_CARRIED_BYTES];
	struct job_mending mending;
	char *refused;      /* why the source is not taken; NULL: it is, or was not looked at */
	int64_t refused_ms; /* monotonic: when it was found so */
	struct media_verdict *verdict;
	bool probing;
	bool doubted;                                   /* the last look's verdict was doubtful: the next one decides */
	int64_t looked_ms;                              /* monotonic: when a check ended */
	int64_t jumps_told, bridged_told, changes_told; /* of the relay's present run */
	int64_t told_ms;                                /* monotonic: when strays were told of last; 0: not yet */
	bool prepared;
	int64_t drain_ms; /* monotonic: draining since */
	struct timer *timer;
	struct unit **units;
	size_t unit_count;
	struct stream **inputs; /* what is published here for this job */
	bool *finished;         /* storage: end of stream was written, by input */
	char *master;           /* storage: the master playlist as it was written last; NULL: not yet */
	int64_t master_ms;      /* storage, monotonic: when it was looked at last */
	int64_t measured_ms;    /* storage, monotonic: when the first rendition had a segment; 0: none has */
	size_t input_count;
	char *trouble; /* why it could not be prepared; NULL: it was */
	bool classic_busy;
};

/* What a role adds to a job. Adding a role: a row in API_ROLES, and role_<name>.c with these. */
struct role_ops {
	enum api_role role;
	/* Name job_input()s and job_unit()s. */
	void (*units)(struct job *j);
	/* Before units start: folders, playlists. May be NULL. */
	struct error *(*prepare)(struct job *j);
	/* A publisher came to or left input `i`. May be NULL. */
	void (*published)(struct job *j, size_t i);
	void (*unpublished)(struct job *j, size_t i);
	/* Draining begins. May be NULL. */
	void (*draining)(struct job *j);
	/* All units have ended. May be NULL. */
	void (*stopped)(struct job *j);
	void (*tick)(struct job *j, int64_t now_ms);
	/* Remove what was stored. May be NULL. */
	struct error *(*remove)(struct job *j);
	/* Members of the job's status. May be NULL. */
	void (*status)(struct job *j, json_t *status);
	int64_t drain_ms;  /* how long publishers may take to leave */
	const char *entry; /* application where the job's stream arrives: ingest or live */
};

const struct role_ops *role_find(enum api_role role);

struct job *node_job(struct node *n, const char *name);
/* Make or change the job at the node from a stored row (takes nothing). */
struct error *job_set(struct node *n, const struct job_row *row, struct job **ret_job) MUST_CHECK;
/* The node's nginx is up: start what is wanted. */
void job_run(struct job *j);
void job_stop(struct job *j);
/* Stop at once, without waiting for publishers to leave. */
void job_abort(struct job *j);
void job_tick(struct job *j, int64_t now_ms);
/* It is stopped, and none of its units runs any more. */
void job_ended_unseen(struct job *j);
void job_unit_changed(struct job *j);
/* State changes of both modes. */
void job_serves(struct job *j);
void job_has_stopped(struct job *j);
void job_in_trouble(struct job *j, struct error *e);
void job_published(struct job *j, size_t input);
void job_unpublished(struct job *j, size_t input);
/* Index of the input, or -1. */
int job_find_input(const struct job *j, const char *application, const char *name);
/* Serving? If not: why (the caller's error). */
struct error *job_trouble(const struct job *j);
/* What its role names has changed: units that came start, units that went end. */
void job_rename_units(struct job *j);
/* Keep what was learnt of its source. Wanted state is the commands' alone: a job that ends with its agent is wanted. */
void job_store(struct job *j);

/* For roles: */
size_t job_input(struct job *j, const char *application, const char *name);
struct unit *job_unit(struct job *j, const char *what, size_t index, unit_argv_fn *argv, struct stream *input);
/* The program that sends to output `index`, "WHAT-<index + 1>"; a second one, "...-standby", where its failover address
 * gets all as well: that one's use_failover is always true. */
void job_senders(struct job *j, const char *what, size_t index, const struct api_target *target, unit_argv_fn *argv,
		 struct stream *input);
/* rtmp and hls addresses a customer or a publisher uses, without keys. */
json_t *job_endpoint(const struct job *j);

/* Their operations: role_distributor... */
#define ROLE_OPS(value, name) extern const struct role_ops role_##name;
API_ROLES(ROLE_OPS)

#endif
