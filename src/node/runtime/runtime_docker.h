/* Inside node/: the parts of the docker runtime. For others there is node/runtime/runtime.h.
 *
 * The node's nginx is the container <role>-<node id>; every other unit is a container <role>-<node id>-<unit> that
 * shares the first one's network, so that 127.0.0.1 is the same for all of a node. Labels tell whose a container is:
 *   dsn.node         the node's id
 *   dsn.unit         the unit's name
 *   dsn.fingerprint  of the unit
 *   dsn.network      id and start of the nginx container whose network was joined; a unit that joined an earlier one
 *                    is replaced, since its network is gone
 * Threads: loop thread.
 */
#ifndef DSN_NODE_RUNTIME_RUNTIME_DOCKER_H
#define DSN_NODE_RUNTIME_RUNTIME_DOCKER_H

#include <jansson.h>

#include "base/buf.h"
#include "base/loop.h"
#include "node/runtime/runtime.h"

#define DOCKER_FOLDER "/opt/dsn" /* the node's folder in its containers */
#define DOCKER_LABEL_NODE "dsn.node"
#define DOCKER_LABEL_UNIT "dsn.unit"
#define DOCKER_LABEL_FINGERPRINT "dsn.fingerprint"
#define DOCKER_LABEL_NETWORK "dsn.network"

struct docker_unit;

/* A node's docker runtime. */
struct docker {
	uv_loop_t *loop;
	struct runtime_options options; /* strings are copies, as are those of node */
	struct runtime_node node;
	char *version;   /* "v1.41", agreed with the engine; NULL: not yet */
	char *main_name; /* of the nginx container */
	struct docker_unit *units;
	struct timer *log_timer;
};

/* --- talking to the engine (runtime_docker_engine.c) --- */

struct docker_request {
	const char *method;
	char *path;          /* after the version: "/containers/..." ; freed with the ctx given */
	json_t *body;        /* reference is taken; NULL: none */
	int64_t deadline_ms; /* 0: 30 s */
};

struct docker_answer {
	struct error *error; /* the answer's to free; code ERROR_NOT_FOUND for 404, ERROR_EXISTS for 409 */
	int status;
	const json_t *json; /* NULL when the body is no JSON */
	const char *body;
	size_t len;
};
typedef void docker_answer_fn(const struct docker_answer *a, void *arg);

/* Called once, later, unless ctx is freed before. A status of 400 or more is an error with the engine's own words. */
void docker_call(const void *ctx, struct docker *d, const struct docker_request *r, docker_answer_fn *fn, void *arg);
/* The API version both sides speak, nearest to what we were written for; NULL when there is none. */
char *docker_agree_version(const void *ctx, const char *newest, const char *oldest);
/* User of everything in containers: that of the process runtime's units, or our own. */
void docker_user(const struct docker *d, uid_t *ret_uid, gid_t *ret_gid);

/* --- what a container is (runtime_docker_spec.c) --- */

struct docker_unit {
	struct docker *d;
	struct docker_unit *next, **back; /* the runtime's list; back NULL: not in it */
	char *name, *container;
	const char **argv;
	char *fingerprint, *log_path, *progress_path;
	int64_t log_limit;
	bool main;
	runtime_done_fn *done;
	runtime_exit_fn *exited;
	void *arg;
	char *network; /* DOCKER_LABEL_NETWORK */
	char *id;      /* of the container */
	bool running, ended, stopped;
	int64_t started_ms;
	unsigned conflicts;  /* how often the name was still taken */
	struct timer *timer; /* next look, or the end of a stop's grace */
	struct timer *grace;
	struct child_exit exit;
	struct error *failure; /* of a start, while its container is removed */
};

/* Removing a container takes a moment, during which its name is taken. */
#define DOCKER_CONFLICT_MS 100
#define DOCKER_CONFLICTS 100

/* One request of the unit's; its answer comes with the unit. */
void docker_unit_call(struct docker_unit *u, const char *method, char *path, json_t *body, int64_t deadline_ms,
		      docker_answer_fn *fn);
/* Out of the runtime's list. */
void docker_unit_leave(struct docker_unit *u);
/* Of the engine's answer about a container: does it run, and which run of which nginx container is its network? ctx's.
 */
bool docker_container_runs(const json_t *container);
char *docker_container_network(const void *ctx, const json_t *container);
/* Its container runs: waits for its end, clears up and tells `exited` (runtime_docker_end.c). */
void docker_unit_wait(struct docker_unit *u);

/* Name of a unit's container; ctx's. */
char *docker_container_name(const void *ctx, const struct docker *d, const char *unit, bool main);
/* A host path below the node's folder as containers see it; ERROR_INVALID for another. ctx's. */
struct error *docker_inside(const void *ctx, const struct docker *d, const char *path, char **ret_inside) MUST_CHECK;
/* Body of POST /containers/create; a new reference. */
struct error *docker_container_spec(const struct docker_unit *u, json_t **ret_spec) MUST_CHECK;

/* --- the rest --- */

/* Remove the node's containers by force, but those of the units named in keep (NULL-terminated, may be NULL;
 * runtime_docker_remove.c). */
void docker_remove_all(const void *ctx, struct docker *d, const char *const *keep, runtime_done_fn *done, void *arg);
/* Units (runtime_docker_unit.c, runtime_docker_end.c): as in struct runtime_ops. */
void docker_unit_start(void *self, const void *ctx, const struct runtime_unit_spec *spec, runtime_done_fn *done,
		       runtime_exit_fn *exited, void *arg, void **ret_unit);
void docker_unit_signal(void *self, void *unit, int signum);
void docker_unit_stop(void *self, void *unit, int signum, int64_t grace_ms);
/* Children of a unit's program (runtime_docker_list.c): as in struct runtime_ops. */
void docker_unit_list(void *self, void *unit, runtime_list_fn *fn, void *arg);
/* Those of `parent` in the engine's answer to GET /containers/.../top, which must have been asked for the columns PID,
 * PPID and, last, the arguments; titles are the answer's. ERROR_INVALID says what is wrong with it. */
struct error *docker_children(const void *ctx, const json_t *top, pid_t parent, struct runtime_child **ret_list,
			      size_t *ret_count) MUST_CHECK;
/* Programs run once (runtime_docker_exec.c): as in struct runtime_ops. */
void docker_exec(void *self, const char *const *argv, int64_t deadline_ms, child_run_fn *fn, void *arg);
/* Take the engine's frames of stdout and stderr apart; of stderr the last bytes that fit `err` stay. */
struct error *docker_demux(const char *data, size_t len, struct buf *out, struct buf *err) MUST_CHECK;

#endif
