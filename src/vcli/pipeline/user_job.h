/* What this user knows of a job: its nodes, the documents, and the publisher's key, in DIR/jobs/JOB.json (mode 0600).
 */
#ifndef DSN_VCLI_PIPELINE_USER_JOB_H
#define DSN_VCLI_PIPELINE_USER_JOB_H

#include "api/pipeline.h"
#include "vcli/vcli.h"

struct user_job_node {
	char *node_id;
	char *role;
};

struct user_job {
	char *name;
	struct user_job_node *nodes; /* in the document's order */
	size_t node_count;
	struct api_node_task *tasks; /* of each node, what is sent to it; NULL: read from the job's file */
	json_t *document;            /* as the user wrote it, with the ports that he left to the nodes; owned */
	json_t *sent;                /* the private document with keys; owned */
	char *folder;                /* of a t45 task list: where its command files are */
	char *key;                   /* publisher's; NULL: none asked */
	char *url;                   /* rtmp://host:port/application, NULL: not known */
	char *watch;                 /* http://host:port/hls/JOB.m3u8, NULL: not known */
	int fragment_s;
	bool stored; /* read from, or written to, the file */
};

/* Make a job from FILE: a public or private pipeline document, or a t45 task list. Keys are added to a public one, or
 * taken from the job's file when that was made from an equal document. Belongs to ctx. */
struct error *user_job_from_file(const void *ctx, struct vcli *v, const char *path,
				 struct user_job **ret_job) MUST_CHECK;
/* The same with `settle` in the place of endpoints_from_known(): it may change a public document before that is read,
 * and sees another one only when that can be read. */
typedef struct error *user_job_settle_fn(struct vcli *v, json_t *document);
struct error *user_job_from_file_settled(const void *ctx, struct vcli *v, const char *path, user_job_settle_fn *settle,
					 struct user_job **ret_job) MUST_CHECK;
bool user_job_is_public(const json_t *document);
/* Read the job's file; `name` may be the beginning of one job's only. ERROR_NOT_FOUND names what to do. */
struct error *user_job_load(const void *ctx, const struct client_state_options *state, const char *name,
			    struct user_job **ret_job) MUST_CHECK;
/* The argument JOB|FILE of a command: the job of that id, or a file. */
struct error *user_job_find(const void *ctx, struct vcli *v, const char *text, struct user_job **ret_job) MUST_CHECK;
struct error *user_job_store(const struct client_state_options *state, const struct user_job *j) MUST_CHECK;
/* Forget the job's file. */
struct error *user_job_forget(const struct client_state_options *state, const struct user_job *j) MUST_CHECK;
/* Path of the job's file. */
struct error *user_job_path(const void *ctx, const struct client_state_options *state, const char *name,
			    char **ret_path) MUST_CHECK;
/* Ids of all jobs with a file, sorted, NULL-terminated. */
struct error *user_job_names(const void *ctx, const struct client_state_options *state, char ***ret_names) MUST_CHECK;

#endif
