/* The way in over HTTP: POST /rpc (jsonrpc2.h) for whom a bearer token or a browser's cookie names, /session to log a
 * browser in and out, /peer for other dsnd of this network (remote_wire.h), GET /events for what happens, GET
 * /network.json, /healthz, /readyz and /metrics for all who reach it. It listens on the loopback interface only: what
 * stands in front of the network has TLS.
 *
 * Bounds: those of http/server.h; a call's JSONRPC2_BYTES. Threads: loop thread.
 */
#ifndef DSN_MANAGER_FRONT_H
#define DSN_MANAGER_FRONT_H

#include <uv.h>

#include "http/origin.h"
#include "http/server.h"
#include "manager/caller.h"
#include "manager/method.h"
#include "rpc/metrics.h"
#include "store/db.h"

struct front;

struct front_options {
	const char *listen; /* "127.0.0.1:8640", "[::1]:8640"; port 0: a free one */
	/* What is served; all outlive it. */
	struct methods *methods;
	struct callers *callers;
	const char *peer_token; /* who shows it at /peer is another dsnd of this network; NULL: there is none */
	struct metrics *metrics;
	struct db *(*db)(void *arg); /* whose event log is told; NULL while it is not open */
	void *db_arg;
	const struct http_origin *origin;  /* where clients find it; read from the first request on */
	int64_t login_ms;                  /* how long a login holds */
	struct error *(*ready)(void *arg); /* NULL: ready; or why not, which is taken */
	/* What is not as it should be though it is ready: a text of ctx, or NULL. */
	char *(*degraded)(const void *ctx, void *arg);
	void *ready_arg;
	/* Other paths: false: nobody's. */
	bool (*page)(struct http_request *r, void *arg);
	void *page_arg;
};

/* ERROR_INVALID unless `text` is an address of this machine's own and a port; for config_row.check. */
struct error *front_check_listen(const char *text) MUST_CHECK;
struct error *front_open(const void *ctx, uv_loop_t *loop, const struct front_options *options,
			 struct front **ret_front) MUST_CHECK;
int front_port(const struct front *f);

#endif
