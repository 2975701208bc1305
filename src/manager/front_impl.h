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
};

void front_text(struct http_request *r, int status, const char *text);
bool front_is_json(const struct http_request *r);
/* Who makes the request, by a bearer token or a cookie; a cookie that is over is nobody's. False: it has been answered
 * with a refusal. */
bool front_who(struct front *f, struct http_request *r, struct caller *ret_caller);

/* /session: POST logs a browser in, DELETE out. */
void front_session(struct front *f, struct http_request *r);
/* The network's description, to everybody. */
void front_describe(struct front *f, struct http_request *r);

#endif
