/* HTTP POSTs of JSON on the libuv loop (libcurl), over connections that are kept. Private to chain/.
 *
 * No redirects, no cookies, no proxies; http and https only. Threads: loop thread.
 */
#ifndef DSN_CHAIN_POST_H
#define DSN_CHAIN_POST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

#define POST_CONNECTIONS 8    /* to one host, at most */
#define POST_HEAD_BYTES 65536 /* of an answer's heads and trailers, at most */

struct post_client;
struct post_client *post_client_new(const void *ctx, uv_loop_t *loop);

struct post;
/* `e` is borrowed, or NULL: the answer had status 200 and the body is here, borrowed. ERROR_TIMEOUT: no whole answer
 * within the deadline; ERROR_LIMIT: a body over the limit, or a head over POST_HEAD_BYTES; ERROR_UNAVAILABLE: no
 * connection, or another status. */
typedef void post_fn(const struct error *e, const char *body, size_t n, void *arg);

/* `once`: on a connection of its own; on a kept one that turns out to be dead, libcurl would send it a second time.
 * `body` is copied. `fn` comes once, in a later turn of the loop; freeing the post or ctx earlier gives it up. `fn`
 * must not free the client. */
struct post *post_start(const void *ctx, struct post_client *p, const char *url, const char *body, size_t n,
			size_t limit, int64_t deadline_ms, bool once, post_fn *fn, void *arg);

/* "https://host:8545": what may be shown of a URL (a path or a password may be a credential). ERROR_INVALID: no URL of
 * http or https. Belongs to ctx. */
struct error *post_check_url(const void *ctx, const char *url, char **ret_label) MUST_CHECK;

#endif
