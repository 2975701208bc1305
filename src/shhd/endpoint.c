#include "shhd/endpoint.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/server.h"
#include "http/websocket.h"
#include "shhd/admission.h"
#include "shhd/metrics.h"
#include "shhd/shhd.h"

/* A post may mine for long; after this long the HTTP client's answer is given up. */
#define ANSWER_MS 600000
#define BUDGET_BODIES 4 /* of the largest that is taken: what all clients together may have under way */
#define BUDGET_QUEUES 2 /* of what one client may leave unread: what all together may */

struct endpoint {
	struct shhd *daemon;
	struct admission *admission;
	struct http_server *http, *ws; /* ws: on a port of its own, or NULL */
	struct http_budget budget, answer_budget;
	struct endpoint_client *clients;
	struct endpoint_counters counters;
};

struct endpoint_client {
	struct endpoint_client *next, **link;
	struct endpoint *endpoint;
	struct websocket *ws;
	struct jsonrpc_session *session;
	struct subscription *subscriptions;
};

static int client_destroy(struct endpoint_client *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->endpoint->counters.clients--;
	return 0;
}

static void on_ws_reply(const char *text, size_t n, void *arg)
{
	struct endpoint_client *c = arg;

	if (n)
		error_free(websocket_send(c->ws, true, text, n));
}

static void on_message(struct websocket *ws, const char *bytes, size_t n, bool text, void *arg)
{
	struct endpoint_client *c = arg;

	(void)ws;
	(void)text;
	if (!jsonrpc_serve(c->endpoint->daemon->rpc, c->session, bytes, n, on_ws_reply, c))
		websocket_hold(c->ws);
}

static void on_begun(void *arg)
{
	struct endpoint_client *c = arg;

	websocket_go_on(c->ws);
}

static void on_closed(struct websocket *ws, unsigned code, const char *reason, void *arg)
{
	struct endpoint_client *c = arg;

	(void)ws;
	c->endpoint->counters.ws_slow += code == WEBSOCKET_POLICY;
	c->endpoint->counters.ws_broken += code == WEBSOCKET_PROTOCOL_ERROR || code == WEBSOCKET_NOT_UTF8 ||
					   code == WEBSOCKET_TOO_LARGE || code == WEBSOCKET_TRY_LATER;
	log_debug("rpc.closed", "code=%u reason=%s", code, log_q(reason));
	mem_free(c);
}

static const struct websocket_events events = {.message = on_message, .closed = on_closed};

static void refuse(struct endpoint *ep, struct http_request *r, int status, const char *text)
{
	ep->counters.ws_refused++;
	http_respond(r, status, "text/plain; charset=utf-8", text, strlen(text));
}

static void accept_client(struct endpoint *ep, struct http_request *r)
{
	const struct shhd_settings *s = ep->daemon->settings;
	const struct websocket_options options = {.message_limit = (size_t)s->body_limit,
						  .queue_limit = (size_t)s->queue_limit,
						  .budget = &ep->budget,
						  .queue_budget = &ep->answer_budget,
						  .turns = ep->daemon->turns};
	struct endpoint_client *c;
	struct error *e;

	if (ep->counters.clients >= (size_t)s->connections) {
		refuse(ep, r, 503, "too many clients\n");
		return;
	}
	c = mem_new(ep, struct endpoint_client);
	c->endpoint = ep;
	c->next = ep->clients;
	c->link = &ep->clients;
	if (c->next)
		c->next->link = &c->next;
	ep->clients = c;
	ep->counters.clients++;
	talloc_set_destructor(c, client_destroy);
	e = websocket_accept(c, ep->daemon->loop, r, &options, &events, c, &c->ws);
	if (e) {
		refuse(ep, r, 400, e->message);
		error_free(e);
		mem_free(c);
		return;
	}
	ep->counters.ws_opened++;
	c->session = jsonrpc_session_new(c, ep->daemon->rpc, c);
	jsonrpc_session_on_begun(c->session, on_begun);
}

static void on_http_reply(const char *text, size_t n, void *arg)
{
	http_respond(arg, 200, "application/json", text, n);
}

static void on_request(struct http_request *r, void *arg)
{
	struct endpoint *ep = arg;
	const char *method = http_request_method(r), *body;
	size_t n;

	ep->counters.http_requests++;
	if (!strcmp(http_request_path(r), "/metrics")) {
		struct buf *text = metrics_text(r, ep->daemon);

		http_respond(r, 200, "text/plain; version=0.0.4; charset=utf-8", text->data, text->len);
		return;
	}
	if (websocket_wanted(r)) {
		accept_client(ep, r);
		return;
	}
	admission_cors(ep->admission, r);
	body = http_request_body(r, &n);
	if (!strcmp(method, "OPTIONS") || (!strcmp(method, "GET") && !n))
		http_respond(r, 200, NULL, "", 0);
	else
		(void)jsonrpc_serve(ep->daemon->rpc, NULL, body, n, on_http_reply, r); /* one at a time by itself */
}

static int on_admit(struct http_request *r, const char **ret_text, void *arg)
{
	struct endpoint *ep = arg;
	int status = admission_judge(ep->admission, r, ret_text);

	if (status) {
		ep->counters.http_refused++;
		log_debug("rpc.refused", "status=%d path=%s", status, log_q(http_request_path(r)));
	}
	return status;
}

static struct error *listen_on(struct endpoint *ep, int64_t port, struct http_server **ret_server)
{
	const struct shhd_settings *s = ep->daemon->settings;
	const struct http_listen listen = {
		.address = s->rpc_address,
		.port = (int)port,
		.body_limit = (size_t)s->body_limit,
		.answer_ms = ANSWER_MS,
		.connections = (unsigned)s->connections,
		.budget = &ep->budget,
		.answer_budget = &ep->answer_budget,
		.admit = on_admit,
	};

	return port < 0 ? NULL : http_server_open(ep, ep->daemon->loop, &listen, on_request, ep, ret_server);
}

struct error *endpoint_open(const void *ctx, struct shhd *d, struct endpoint **ret_endpoint)
{
	struct endpoint *ep = mem_new(ctx, struct endpoint);
	struct error *e;

	ep->daemon = d;
	ep->answer_budget.limit = BUDGET_QUEUES * (size_t)d->settings->queue_limit;
	ep->budget.limit = BUDGET_BODIES * (size_t)d->settings->body_limit;
	e = admission_open(ep, d->settings, &ep->admission);
	if (!e)
		e = listen_on(ep, d->settings->rpc_port, &ep->http);
	if (!e)
		e = listen_on(ep, d->settings->ws_port, &ep->ws);
	if (e) {
		mem_free(ep);
		return e;
	}
	*ret_endpoint = ep;
	return NULL;
}

int endpoint_rpc_port(const struct endpoint *ep)
{
	return ep->http ? http_server_port(ep->http) : -1;
}

int endpoint_ws_port(const struct endpoint *ep)
{
	return ep->ws ? http_server_port(ep->ws) : -1;
}

void endpoint_close(struct endpoint *ep)
{
	mem_free(ep->http);
	mem_free(ep->ws);
	ep->http = ep->ws = NULL;
	for (struct endpoint_client *c = ep->clients; c; c = c->next)
		websocket_close(c->ws, WEBSOCKET_GOING_AWAY, "shutting down");
}

bool endpoint_client_send(struct endpoint_client *c, const char *text, size_t n)
{
	struct error *e = websocket_send(c->ws, true, text, n);
	bool sent = !e;

	error_free(e);
	c->endpoint->counters.notifications += sent;
	return sent;
}

struct subscription **endpoint_client_subscriptions(struct endpoint_client *c)
{
	return &c->subscriptions;
}

void endpoint_count(const struct endpoint *ep, struct endpoint_counters *ret_counters)
{
	*ret_counters = ep->counters;
	for (enum http_breach b = 0; b < HTTP_BREACHES; b++)
		ret_counters->breaches[b] =
			(ep->http ? http_server_count(ep->http, b) : 0) + (ep->ws ? http_server_count(ep->ws, b) : 0);
}
