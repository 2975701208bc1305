/* A login in a browser: a cookie that no script reads, and the proof that a page of ours made the call.
 *
 * The cookie is sent by the browser whoever wrote the page, so a call by cookie is taken only when the browser says
 * that it comes from our own origin (Origin, Sec-Fetch-Site). Threads: loop thread.
 */
#ifndef DSN_MANAGER_COOKIE_H
#define DSN_MANAGER_COOKIE_H

#include "http/origin.h"
#include "http/server.h"

#define COOKIE_TOKEN_MOST 128

/* The token of the request's cookie: "" when there is none. ERROR_INVALID: there are two of that name, so which is
 * meant cannot be told. */
struct error *cookie_token(const struct http_request *r, const struct http_origin *ours,
			   char ret_token[COOKIE_TOKEN_MOST + 1]) MUST_CHECK;
/* ERROR_REFUSED unless the browser says that a page of ours has made the request. A GET without either header is taken:
 * SameSite=Strict keeps the cookie from those of others. */
struct error *cookie_check_origin(const struct http_request *r, const struct http_origin *ours) MUST_CHECK;
/* Gives the cookie, for `seconds`; NULL takes it away. */
void cookie_set(struct http_request *r, const struct http_origin *ours, const char *token, int64_t seconds);

#endif
