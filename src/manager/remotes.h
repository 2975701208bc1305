/* Services that other processes host (--peer SERVICE=URL), so that the caller of a method does not see where it runs:
 * their rows stand in the table of methods like those of our own services, and begin by remote_call(). Where a service
 * is named several times, the one that leads it is called.
 *
 * Rows of services that neither this process nor a peer of it hosts are there too, and refuse with the network's URL.
 * Threads: loop thread.
 */
#ifndef DSN_MANAGER_REMOTES_H
#define DSN_MANAGER_REMOTES_H

#include "manager/remote.h"

#define REMOTES_EACH 4 /* processes that may host the same service */

struct remotes;

struct remotes_options {
	char **words;      /* of --peer, "jobs=http://127.0.0.1:8642", ends with NULL; NULL: none */
	const char *token; /* of --peer-token-file; NULL with no words */
	const struct service_ops *const *known;
	char **hosted; /* by this process, ends with NULL; NULL: all */
	const struct service_network *network;
};

/* One word of --peer. */
struct error *remotes_check(const char *word) MUST_CHECK;
/* Is it one of these; NULL: of all? */
bool remotes_named(char **names, const char *name);
/* ERROR_NOT_FOUND: no such service; ERROR_EXISTS: it is hosted here. ERROR_INVALID: a service of this process calls one
 * that is neither here nor at a peer. `options` and what it has outlive it; `all` too. */
struct error *remotes_open(const void *ctx, uv_loop_t *loop, struct methods *all, const struct remotes_options *options,
			   struct remotes **ret_peers) MUST_CHECK;
/* Which cannot be called, and why; NULL: all can. */
struct error *remotes_health(const struct remotes *p) MUST_CHECK;
/* Passes on a request for a path of one of these services; false: it is none of theirs. */
bool remotes_request(struct remotes *p, struct http_request *r);
void remotes_measure(struct metrics_text *t, const struct remotes *p);

#endif
