/* What the files of the way in share. Private to manager/front*.c. */
#ifndef DSN_MANAGER_FRONT_IMPL_H
#define DSN_MANAGER_FRONT_IMPL_H

#include "http/server.h"
#include "manager/front.h"

struct front {
	struct front_options options;
	struct http_server *server;
	struct http_budget budget, answer_budget;
	uint64_t requests, refused;
	struct front_events *events;
};

void front_text(struct http_request *r, int status, const char *text);
/* The bearer token that is shown; NULL: none, "": one of another scheme. */
const char *front_bearer(const struct http_request *r);
bool front_is_json(const struct http_request *r);
/* Is it a POST of JSON? False: it has been answered. */
bool front_is_call(struct http_request *r);
/* A jsonrpc2_reply_fn: answers the request. */
void front_reply(const char *text, size_t n, void *request);
/* Who makes the request, by a bearer token or a cookie; a cookie that is over is nobody's. `fn` comes at once or later,
 * or not: then it has been answered with a refusal. */
typedef void front_who_fn(struct front *f, struct http_request *r, const struct caller *caller);
void front_who(struct front *f, struct http_request *r, front_who_fn *fn);

/* /session: POST logs a browser in, DELETE out. */
void front_session(struct front *f, struct http_request *r);
/* GET /events: what happens, as it happens. */
void front_events(struct front *f, struct http_request *r);
void front_events_open(struct front *f, uv_loop_t *loop);
/* How many events a look reads for each of so many streams that are behind. */
size_t front_events_share(size_t behind);
void front_events_measure(struct metrics_text *t, const struct front *f);

/* POST /peer: calls that another dsnd of this network passes on (remote_wire.h). */
void front_remote(struct front *f, struct http_request *r);

/* The network's description, to everybody. */
void front_describe(struct front *f, struct http_request *r);

#endif
