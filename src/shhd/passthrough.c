#include "shhd/passthrough.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/client.h"

#define DEADLINE_MS 30000
#define ANSWER_LIMIT ((size_t)32 << 20)

struct address {
	char *host, *path;
	int port;
};

static struct error *parse(const void *ctx, const char *url, struct address *ret)
{
	static const char scheme[] = "http://";
	const char *p = url + strlen(scheme), *end, *host_end;
	int64_t port = 80;

	if (strncmp(url, scheme, strlen(scheme)) != 0)
		return error_new(ERROR_INVALID, "\"%.100s\" does not begin with http:// (nothing else is spoken)", url);
	end = p + strcspn(p, "/");
	if (memchr(p, '@', (size_t)(end - p)))
		return error_new(ERROR_INVALID, "a password in an address is not taken");
	host_end = *p == '[' ? p + strcspn(p, "]") + 1 : p + strcspn(p, ":/");
	if (host_end > end || host_end == p)
		return error_new(ERROR_INVALID, "\"%.100s\" names no host", url);
	if (host_end < end) {
		char *stop;

		port = strtol(host_end + 1, &stop, 10);
		if (*host_end != ':' || stop != end || port < 1 || port > 65535)
			return error_new(ERROR_INVALID, "\"%.100s\" has no valid port", url);
	}
	ret->host = *p == '[' ? mem_strndup(ctx, p + 1, (size_t)(host_end - p) - 2)
			      : mem_strndup(ctx, p, (size_t)(host_end - p));
	ret->path = mem_strdup(ctx, *end ? end : "/");
	ret->port = (int)port;
	return NULL;
}

struct error *passthrough_check(const char *url)
{
	void *tmp = mem_strdup(NULL, "");
	struct address a;
	struct error *e = parse(tmp, url, &a);

	mem_free(tmp);
	return e;
}

static void on_answer(const struct http_answer *a, void *arg)
{
	struct jsonrpc_call *c = arg;
	struct json_slice answer, key, value, result = {NULL, 0}, error = {NULL, 0};
	size_t offset = 0;
	struct error *e;

	if (a->error) {
		jsonrpc_fail(c, "chain endpoint: %s", a->error->message);
		return;
	}
	e = json_slice_read(a->body, a->len, &answer);
	if (e || json_slice_kind(answer) != SLICE_OBJECT) {
		error_free(e);
		jsonrpc_fail(c, "chain endpoint: HTTP status %d without a JSON-RPC answer", a->status);
		return;
	}
	while (json_slice_next(answer, &offset, &key, &value)) {
		if (json_slice_is(key, "result", false))
			result = value;
		else if (json_slice_is(key, "error", false) && json_slice_kind(value) == SLICE_OBJECT)
			error = value;
	}
	if (error.n) {
		jsonrpc_fail_raw(c, error);
	} else if (result.n) {
		json_write_bytes(jsonrpc_result(c), result.at, result.n);
		jsonrpc_done(c);
	} else {
		jsonrpc_fail(c, "chain endpoint: an answer with neither result nor error");
	}
}

bool passthrough_call(struct jsonrpc_call *c, const char *method, struct json_slice params, void *arg)
{
	struct shhd *d = arg;
	struct address a;
	struct json_writer w = {.to = buf_new(c, ANSWER_LIMIT)};
	struct error *e;

	if (!d->settings->chain || strncmp(method, "eth_", 4) != 0)
		return false;
	e = parse(c, d->settings->chain, &a);
	if (e) {
		jsonrpc_fail_error(c, e);
		return true;
	}
	json_write_raw(&w, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":");
	json_write_text(&w, method);
	json_write_raw(&w, ",\"params\":");
	if (json_slice_kind(params) == SLICE_NONE || json_slice_kind(params) == SLICE_NULL)
		json_write_raw(&w, "[]");
	else
		json_write_bytes(&w, params.at, params.n);
	json_write_raw(&w, "}");
	if (w.full) {
		jsonrpc_fail(c, "chain endpoint: the parameters are too large");
		return true;
	}
	const struct http_exchange x = {.host = a.host,
					.port = a.port,
					.method = "POST",
					.path = a.path,
					.content_type = "application/json",
					.body = w.to->data,
					.body_len = w.to->len,
					.deadline_ms = DEADLINE_MS,
					.limit = ANSWER_LIMIT};
	http_fetch(c, d->loop, &x, on_answer, c);
	return true;
}
