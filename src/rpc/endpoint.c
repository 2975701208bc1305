#include "rpc/endpoint.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/server.h"
#include "http/websocket.h"
#include "rpc/jsonrpc.h"
#include "rpc/metrics.h"

/* A post may mine for long; after this long the HTTP client's answer is given up. */
#define ANSWER_MS 600000
#define BUDGET_BODIES 4 /* of the largest that is taken: what all clients together may have under way */
#define BUDGET_QUEUES 2 /* of what one client may leave unread: what all together may */

struct endpoint {
	uv_loop_t *loop;
	struct endpoint_config config;
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
	if (!jsonrpc_serve(c->endpoint->config.rpc, c->session, bytes, n, on_ws_reply, c))
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
	const struct endpoint_config *config = &ep->config;
	const struct websocket_options options = {.message_limit = config->body_limit,
						  .queue_limit = config->queue_limit,
						  .budget = &ep->budget,
						  .queue_budget = &ep->answer_budget,
						  .turns = ep->config.turns};
	struct endpoint_client *c;
	struct error *e;

	if (ep->counters.clients >= config->connections) {
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
	e = websocket_accept(c, ep->loop, r, &options, &events, c, &c->ws);
	if (e) {
		refuse(ep, r, 400, e->message);
		error_free(e);
		mem_free(c);
		return;
	}
	ep->counters.ws_opened++;
	c->session = jsonrpc_session_new(c, ep->config.rpc, c);
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
		struct buf *text = metrics_write(r, ep->config.metrics);

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
		(void)jsonrpc_serve(ep->config.rpc, NULL, body, n, on_http_reply, r); /* one at a time by itself */
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

static struct error *listen_on(struct endpoint *ep, int port, struct http_server **ret_server)
{
	const struct endpoint_config *config = &ep->config;
	const struct http_listen listen = {
		.address = config->rules.address,
		.port = port,
		.body_limit = config->body_limit,
		.answer_ms = ANSWER_MS,
		.connections = config->connections,
		.budget = &ep->budget,
		.answer_budget = &ep->answer_budget,
		.admit = on_admit,
	};

	return port < 0 ? NULL : http_server_open(ep, ep->loop, &listen, on_request, ep, ret_server);
}

static void write_metrics(struct metrics_text *t, void *arg);

struct error *endpoint_open(const void *ctx, uv_loop_t *loop, const struct endpoint_config *config,
			    struct endpoint **ret_endpoint)
{
	struct endpoint *ep = mem_new(ctx, struct endpoint);
	struct error *e;

	ep->loop = loop;
	ep->config = *config;
	ep->answer_budget.limit = BUDGET_QUEUES * config->queue_limit;
	ep->budget.limit = BUDGET_BODIES * config->body_limit;
	e = admission_open(ep, &config->rules, &ep->admission);
	if (!e)
		e = listen_on(ep, config->rpc_port, &ep->http);
	if (!e)
		e = listen_on(ep, config->ws_port, &ep->ws);
	if (e) {
		mem_free(ep);
		return e;
	}
	metrics_add(config->metrics, write_metrics, ep);
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

/* --- metrics --- */

static void write_calls(struct metrics_text *t, const struct jsonrpc *rpc)
{
	struct jsonrpc_counters n;
	uint64_t sum = 0;
	char label[64];

	jsonrpc_count(rpc, &n);
	metrics_counter(t, "rpc_failed_total", "Calls that were answered with an error.", n.failed);
	metrics_gauge(t, "rpc_open", "Calls under way.", (double)n.open);
	metrics_head(t, METRICS_HISTOGRAM, "rpc_seconds", "Time from a call to its answer.");
	for (size_t i = 0; i < JSONRPC_BUCKETS; i++) {
		sum += n.within[i];
		snprintf(label, sizeof(label), "%g", jsonrpc_bucket_seconds[i]);
		metrics_line(t, "rpc_seconds_bucket", "le", label, (double)sum);
	}
	metrics_line(t, "rpc_seconds_bucket", "le", "+Inf", (double)n.calls);
	metrics_line(t, "rpc_seconds_sum", NULL, NULL, (double)n.took_us / 1e6);
	metrics_line(t, "rpc_seconds_count", NULL, NULL, (double)n.calls);
}

static void write_metrics(struct metrics_text *t, void *arg)
{
	const struct endpoint *ep = arg;
	struct endpoint_counters n;

	endpoint_count(ep, &n);
	metrics_counter(t, "http_requests_total", "HTTP requests.", n.http_requests);
	metrics_counter(t, "http_refused_total", "HTTP requests refused: host, origin, token, type.", n.http_refused);
	metrics_head(t, METRICS_COUNTER, "http_broken_total",
		     "HTTP connections that did wrong or gave way, by reason.");
	for (enum http_breach b = 0; b < HTTP_BREACHES; b++)
		metrics_line(t, "http_broken_total", "reason", http_breach_name(b), (double)n.breaches[b]);
	metrics_gauge(t, "websockets", "WebSocket clients.", (double)n.clients);
	metrics_counter(t, "websockets_opened_total", "WebSocket clients ever.", n.ws_opened);
	metrics_counter(t, "websockets_refused_total", "WebSocket handshakes refused.", n.ws_refused);
	metrics_counter(t, "websockets_slow_total", "WebSocket clients cut off because they read too slowly.",
			n.ws_slow);
	metrics_counter(t, "websockets_broken_total", "WebSocket clients cut off for what they sent.", n.ws_broken);
	metrics_counter(t, "notifications_total", "Notifications sent.", n.notifications);
	write_calls(t, ep->config.rpc);
}
