/* Another dsnd of this network, which hosts services that this process does not: calls of their methods go there over
 * HTTP (remote_wire.h), with a token that both know, and are answered as if they had been made here. Who has made a
 * call is told too: the other one believes whoever shows the token.
 *
 * It is asked every REMOTE_LOOK_MS what it is (the method peer.describe). While it cannot be reached, is of another
 * network, or has another identity, calls are refused at once (ERROR_UNAVAILABLE), and it is tried again after
 * REMOTE_AGAIN_MS, then after longer times. Connections are kept, REMOTE_CONNECTIONS at most.
 *
 * A call that was under way when the connection broke may have been made: its answer says so. Threads: loop thread.
 */
#ifndef DSN_MANAGER_REMOTE_H
#define DSN_MANAGER_REMOTE_H

#include <uv.h>

#include "http/server.h"
#include "manager/method.h"
#include "manager/service.h"

#define REMOTE_LOOK_MS 2000
#define REMOTE_AGAIN_MS 250
#define REMOTE_AGAIN_MOST_MS 2000
#define REMOTE_CONNECTIONS 64
#define REMOTE_SERVICE_MS 10000 /* for a call of a service of ours: it asks again */
#define REMOTE_CALL_MS 300000   /* for somebody's: an order is answered when its nodes serve */

struct remote;

struct remote_options {
	const char *url;                       /* "http://127.0.0.1:8641": this machine, or https:// */
	const char *token;                     /* borrowed; never logged */
	const struct service_network *network; /* borrowed: the other one is to be of it */
};

/* ERROR_INVALID: no URL of a dsnd, or one without TLS to another machine: the token would cross it in the clear. */
struct error *remote_check_url(const char *url) MUST_CHECK;
/* Asks it at once. */
struct error *remote_new(const void *ctx, uv_loop_t *loop, const struct remote_options *options,
			 struct remote **ret_peer) MUST_CHECK;
const char *remote_url(const struct remote *p);
/* NULL: it can be called; or why it cannot, borrowed. Before the first answer it is tried. */
const struct error *remote_trouble(const struct remote *p);
/* Does it host this service, and lead it, as far as is known? */
bool remote_leads(const struct remote *p, const char *service);

/* Makes the call there; ends c, now or later. */
void remote_call(struct remote *p, struct method_call *c);
/* Has it answer a GET, HEAD or OPTIONS, and passes that on: for what everybody may read. */
void remote_page(struct remote *p, struct http_request *r);

#endif
