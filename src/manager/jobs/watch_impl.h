/* What the files of the watch share: nobody else includes it. */
#ifndef DSN_MANAGER_JOBS_WATCH_IMPL_H
#define DSN_MANAGER_JOBS_WATCH_IMPL_H

#include "base/backoff.h"
#include "base/loop.h"
#include "client/request.h"
#include "manager/jobs/evidence.h"
#include "manager/jobs/watch.h"

struct watch_job;

/* One node's part of a job. */
struct watch_part {
	struct watch_job *job;
	struct evidence_node witness;
	enum part_state state;
	int64_t heard_ms;      /* its last sign of life, or when the watch began; monotonic, as all here */
	int64_t complained_ms; /* 0: nobody has since it was heard */
	int64_t asked_ms;
	const char *cause; /* why it is lost though it may be heard: a word (move_rows.h); NULL: it was not heard */
	char *why;         /* of one that is suspect or lost; NULL: silence */
};

struct watch_job {
	struct watch_jobs *watch;
	char *name;
	void *lot; /* all that the parts are made of */
	struct watch_part *parts;
	size_t part_count;
	struct backoff backoff;
	int64_t try_ms; /* when another node is looked for next */
	bool looking;   /* it is under way */
};

struct watch_jobs {
	const struct service_host *host;
	struct runs *runs;
	struct placing *placing;
	struct watch_job **jobs;
	size_t job_count;
	struct watch_part **by_node; /* of all jobs, by node id */
	size_t part_count;
	struct watch_question *questions;
	size_t question_count;
	int64_t began_ms; /* or began anew */
	int64_t tick_ms;  /* the last one */
	int64_t heard_ms; /* when any node was */
	struct client_link_user *bus;
	int64_t up_ms;      /* since when the bus is up; 0: it is not */
	struct timer *soon; /* something was lost: another node is looked for, from the loop */
};

/* watch.c: what the tables of states allow; written to the log. */
void watch_put(struct watch_part *p, enum part_state to);
/* Does it have its place, and nothing against it? It may be draining. */
bool watch_is_here(const struct watch_part *p);
/* Another node is looked for as soon as may be, from the loop. */
void watch_soon(struct watch_job *j);
/* What stood in the way of the job is over by itself, unless a node is still lost or draining. */
void watch_well_again(struct watch_job *j);
/* it is lost, `cause` and `why` as above (`why` is copied). Changes no list. */
void watch_lose(struct watch_part *p, const char *cause, const char *why);
struct watch_job *watch_find(const struct watch_jobs *w, const char *job);
struct watch_part *watch_part_of(struct watch_job *j, const char *node_id);
/* The first of a node's parts in `by_node`, or where it would be. */
size_t watch_first(const struct watch_jobs *w, const char *node_id);
/* What is heard of a node by whatever way. */
void watch_alive(struct watch_jobs *w, const char *node_id, int64_t now_ms);

/* All its nodes have taken what they were told: one that did not start before does now. */
void watch_serves(struct watch_job *j);

/* watch_ask.c: asks the node whether it is there, unless it is being asked. */
void watch_ask(struct watch_jobs *w, const char *node_id);

/* watch_drain.c: has the job a part whose node is to be emptied now? Not while its nodes are being told something. */
bool watch_drains(const struct watch_job *j);

/* watch_replace.c: looks for other nodes for the parts of the job that are lost or draining. */
void watch_replace(struct watch_job *j);
/* A run of a job has told its nodes (run_ended_fn). */
run_ended_fn watch_ran;

#endif
