#include "manager/front.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "manager/front_impl.h"
#include "manager/jsonrpc2.h"
#include "manager/remote_wire.h"

#define CONNECTIONS 1024
#define REQUEST_MS 30000
#define ANSWER_MS 300000 /* an order is answered when its nodes serve */
#define BODIES 8         /* of the largest that is taken: what all clients together may have under way */
#define ANSWERS_BYTES ((size_t)64 << 20) /* that wait to be read, of all clients together */
#define HOST_BYTES 64

/* --- where --- */

static struct error *read_listen(const char *text, char ret_host[HOST_BYTES], int *ret_port)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	struct in_addr v4;
	struct in6_addr v6;
	char *end = NULL;
	long port = colon ? strtol(colon + 1, &end, 10) : -1;
	bool bracketed = n > 2 && text[0] == '[' && text[n - 1] == ']';

	if (!n || n >= HOST_BYTES || !end || end == colon + 1 || *end || port < 0 || port > 65535)
		return error_new(ERROR_INVALID, "\"%.80s\" is not ADDRESS:PORT, such as 127.0.0.1:8640", text);
	memcpy(ret_host, text + bracketed, n - 2 * bracketed);
	ret_host[n - 2 * bracketed] = '\0';
	*ret_port = (int)port;
	if (!bracketed && inet_pton(AF_INET, ret_host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127)
		return NULL;
	if (bracketed && inet_pton(AF_INET6, ret_host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6))
		return NULL;
	return error_new(
		ERROR_INVALID,
		"\"%.80s\" is not of the loopback interface: tokens would cross the network in the clear; listen on 127.0.0.1 or [::1] and let a server with TLS pass calls on",
		text);
}

struct error *front_check_listen(const char *text)
{
	char host[HOST_BYTES];
	int port = 0;

	return read_listen(text, host, &port);
}

/* --- what --- */

void front_text(struct http_request *r, int status, const char *text)
{
	http_respond(r, status, "text/plain; charset=utf-8", text, strlen(text));
}

void front_reply(const char *text, size_t n, void *request)
{
	if (n)
		http_respond(request, 200, "application/json", text, n);
	else
		http_respond(request, 204, NULL, "", 0);
}

bool front_is_json(const struct http_request *r)
{
	const char *type = http_request_header(r, "Content-Type");
	size_t n = type ? strcspn(type, "; \t") : 0;

	return n == strlen("application/json") && strncasecmp(type, "application/json", n) == 0;
}

bool front_is_call(struct http_request *r)
{
	if (strcmp(http_request_method(r), "POST") != 0) {
		http_answer_header(r, "Allow", "POST");
		front_text(r, 405, "calls are sent with POST\n");
		return false;
	}
	if (!front_is_json(r)) {
		front_text(r, 415, "the content type is to be application/json\n");
		return false;
	}
	return true;
}

static void on_caller(struct front *f, struct http_request *r, const struct caller *caller)
{
	size_t n = 0;
	const char *body = http_request_body(r, &n);

	jsonrpc2_serve(r, f->options.methods, caller, body, n, front_reply, r);
}

static void readyz(struct front *f, struct http_request *r)
{
	struct error *e = f->options.ready(f->options.ready_arg);
	const char *degraded = e ? NULL : f->options.degraded(r, f->options.ready_arg);

	if (e)
		front_text(r, 503, e->message);
	else if (degraded)
		front_text(r, 200, mem_printf(r, "ready; degraded: %s\n", degraded));
	else
		front_text(r, 200, "ready\n");
	error_free(e);
}

static void on_request(struct http_request *r, void *arg)
{
	struct front *f = arg;
	const char *path = http_request_path(r);
	bool get = strcmp(http_request_method(r), "GET") == 0;

	f->requests++;
	if (strcmp(path, "/rpc") == 0) {
		if (front_is_call(r))
			front_who(f, r, on_caller);
	} else if (strcmp(path, REMOTE_PATH) == 0) {
		front_remote(f, r);
	} else if (strcmp(path, "/session") == 0) {
		front_session(f, r);
	} else if (get && strcmp(path, "/events") == 0) {
		front_events(f, r);
	} else if (get && strcmp(path, "/network.json") == 0) {
		front_describe(f, r);
	} else if (get && strcmp(path, "/healthz") == 0) {
		front_text(r, 200, "alive\n");
	} else if (get && strcmp(path, "/readyz") == 0) {
		readyz(f, r);
	} else if (get && strcmp(path, "/metrics") == 0) {
		struct buf *text = metrics_write(r, f->options.metrics);

		http_respond(r, 200, "text/plain; version=0.0.4; charset=utf-8", text->data, text->len);
	} else if (!f->options.page(r, f->options.page_arg)) {
		front_text(
			r, 404,
			"there is /rpc, /session, /events, /network.json, /healthz, /readyz, /metrics and /watch/JOB/master.m3u8\n");
	}
}

static void measure(struct metrics_text *t, void *arg)
{
	const struct front *f = arg;

	metrics_counter(t, "http_requests_total", "HTTP requests.", f->requests);
	metrics_counter(t, "http_refused_total", "HTTP requests with a token that is nobody's.", f->refused);
	front_events_measure(t, f);
}

struct error *front_open(const void *ctx, uv_loop_t *loop, const struct front_options *options,
			 struct front **ret_front)
{
	struct front *f = mem_new(ctx, struct front);
	char host[HOST_BYTES];
	int port = 0;
	struct error *e = read_listen(options->listen, host, &port);

	f->options = *options;
	f->budget.limit = BODIES * JSONRPC2_BYTES;
	f->answer_budget.limit = ANSWERS_BYTES;
	if (!e) {
		const struct http_listen listen = {.address = host,
						   .port = port,
						   .body_limit = JSONRPC2_BYTES,
						   .request_ms = REQUEST_MS,
						   .answer_ms = ANSWER_MS,
						   .connections = CONNECTIONS,
						   .budget = &f->budget,
						   .answer_budget = &f->answer_budget};

		e = http_server_open(f, loop, &listen, on_request, f, &f->server);
	}
	if (e) {
		mem_free(f);
		return error_wrap(e, "--listen");
	}
	front_events_open(f, loop);
	metrics_add(options->metrics, measure, f);
	*ret_front = f;
	return NULL;
}

int front_port(const struct front *f)
{
	return http_server_port(f->server);
}
