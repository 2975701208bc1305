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
/* Who makes the request, by a bearer token or a cookie; a cookie that is over is nobody's. False: it has been answered
 * with a refusal. */
bool front_who(struct front *f, struct http_request *r, struct caller *ret_caller);

/* /session: POST logs a browser in, DELETE out. */
void front_session(struct front *f, struct http_request *r);
/* GET /events: what happens, as it happens. */
void front_events(struct front *f, struct http_request *r);
void front_events_open(struct front *f, uv_loop_t *loop);
/* How many events a look reads for each of so many streams that are behind. */
size_t front_events_share(size_t behind);
void front_events_measure(struct metrics_text *t, const struct front *f);

/* The network's description, to everybody. */
void front_describe(struct front *f, struct http_request *r);

#endif
