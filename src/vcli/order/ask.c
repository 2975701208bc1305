#include "vcli/order/ask.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "http/client.h"

#define PORT 8640
#define ANSWER_BYTES ((size_t)8 << 20)
#define FOREVER_MS (INT64_C(24) * 3600 * 1000)
#define HOST_BYTES 64

struct ask_address {
	char host[HOST_BYTES];
	int port;
};

static bool is_own(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return strcmp(host, "localhost") == 0;
}

static struct error *read_url(const char *url, struct ask_address *ret)
{
	static const char scheme[] = "http://";
	const char *p = url + strlen(scheme), *end;
	size_t n;
	long port = PORT;
	bool bracketed;

	if (strncmp(url, scheme, strlen(scheme)) != 0)
		return error_new(ERROR_INVALID, "is not http://HOST[:PORT]");
	bracketed = *p == '[';
	p += bracketed;
	n = strcspn(p, bracketed ? "]" : ":/");
	if (!n || n >= HOST_BYTES || (bracketed && p[n] != ']'))
		return error_new(ERROR_INVALID, "is not http://HOST[:PORT]");
	memcpy(ret->host, p, n);
	ret->host[n] = '\0';
	p += n + bracketed;
	if (*p == ':') {
		char *rest = NULL;

		port = strtol(p + 1, &rest, 10);
		end = rest;
		if (end == p + 1 || port < 1 || port > 65535)
			return error_new(ERROR_INVALID, "has no port from 1 to 65535 after the host");
		p = end;
	}
	if (*p && strcmp(p, "/") != 0)
		return error_new(ERROR_INVALID, "has something after HOST[:PORT]");
	if (!is_own(ret->host))
		return error_new(
			ERROR_INVALID,
			"is not on this machine: the token would cross the network in the clear; take a tunnel (ssh -L %d:127.0.0.1:%d HOST)",
			PORT, PORT);
	ret->port = (int)port;
	return NULL;
}

struct error *ask_check_url(const char *url)
{
	struct ask_address a;

	return read_url(url, &a);
}

/* "Bearer ..."; NULL: no token is known. */
static struct error *authorization(const void *ctx, const struct vcli *v, char **ret_text)
{
	const char *from = getenv("DSN_RPC_TOKEN");
	char *token = NULL;

	if (v->set.whisper.rpc_token_file)
		TRY(file_read_secret(ctx, v->set.whisper.rpc_token_file, &token));
	else if (from && *from)
		token = mem_strdup(ctx, from);
	*ret_text = token ? mem_printf(ctx, "Bearer %s", token) : NULL;
	if (token)
		secret_wipe(token, strlen(token));
	return NULL;
}

static struct error *read_error(const json_t *o)
{
	const json_t *data = json_object_get(o, "data");
	const char *word = json_string_value(json_object_get(data, "error")),
		   *message = json_string_value(json_object_get(o, "message")),
		   *mend = json_string_value(json_object_get(data, "mend"));

	return error_new(error_code_from_name(word ? word : ""), "%s%s%s", message ? message : "dsnd refuses",
			 mend ? "; " : "", mend ? mend : "");
}

static struct error *read_answer(const struct http_answer *a, json_t **ret_result)
{
	json_t *document = NULL, *result;
	struct error *e = NULL;

	if (a->error)
		return error_copy(a->error);
	if (a->status == 401)
		return error_new(ERROR_REFUSED, "%.200s (--rpc-token-file, $DSN_RPC_TOKEN)", a->body);
	if (a->status != 200)
		return error_new(ERROR_FAILED, "answers with status %d: %.200s", a->status, a->body);
	TRY(json_parse(a->body, a->len, ANSWER_BYTES, &document));
	result = json_object_get(document, "result");
	if (result)
		*ret_result = json_incref(result);
	else
		e = read_error(json_object_get(document, "error"));
	json_decref(document);
	return e;
}

struct error *ask_dsnd(struct vcli *v, const char *method, json_t *params, json_t **ret_result)
{
	void *scope = mem_strdup(NULL, "");
	json_t *call = json_pack("{s:s,s:i,s:s,s:o}", "jsonrpc", "2.0", "id", 1, "method", method, "params", params);
	struct ask_address address = {.port = 0};
	char *body = json_text(scope, call), *shown = NULL;
	struct error *e = read_url(v->set.order.dsnd, &address);

	json_decref(call);
	if (!e)
		e = authorization(scope, v, &shown);
	if (!e) {
		const struct http_exchange x = {.host = address.host,
						.port = address.port,
						.method = "POST",
						.path = "/rpc",
						.content_type = "application/json",
						.body = body,
						.body_len = strlen(body),
						.authorization = shown,
						.deadline_ms = v->timeout_ms ? v->timeout_ms : FOREVER_MS,
						.limit = ANSWER_BYTES};

		e = read_answer(http_fetch_sync(scope, &x), ret_result);
		if (e && (e->code == ERROR_UNAVAILABLE || e->code == ERROR_TIMEOUT))
			e = error_wrap(e, "dsnd at %s", v->set.order.dsnd);
	}
	if (shown)
		secret_wipe(shown, strlen(shown));
	mem_free(scope);
	return e;
}
