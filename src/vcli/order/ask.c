#include "vcli/order/ask.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "http/client.h"
#include "vcli/bus/request.h"
#include "vcli/order/context.h"
#include "vcli/order/login.h"

#define PORT 8640
#define BUS "bus:"
#define URL "http://127.0.0.1:8640"
#define ANSWER_BYTES ((size_t)8 << 20)
#define FOREVER_MS (INT64_C(24) * 3600 * 1000)

struct error *ask_read_url(const char *url, struct http_origin *ret_origin)
{
	struct http_origin o;

	TRY(http_origin_read(url, strncmp(url, "http:", 5) == 0 ? PORT : 0, &o));
	if (!o.tls && !o.loopback)
		return error_new(
			ERROR_INVALID,
			"is not on this machine: the token would cross the network in the clear; take https://, or a tunnel (ssh -L %d:127.0.0.1:%d HOST)",
			PORT, PORT);
	*ret_origin = o;
	return NULL;
}

/* The address behind "bus:"; NULL: it is no such thing. */
static const char *bus_address(const char *url)
{
	return strncmp(url, BUS, strlen(BUS)) == 0 ? url + strlen(BUS) : NULL;
}

struct error *ask_check_url(const char *url)
{
	struct http_origin o;

	if (bus_address(url))
		return hex_id_valid(bus_address(url))
			       ? NULL
			       : error_new(ERROR_INVALID, "has no address behind bus:, 40 hex digits");

	return ask_read_url(url, &o);
}

/* --- where, and as whom --- */

bool ask_same_url(const char *a, const char *b)
{
	struct http_origin one, other;
	struct error *e = ask_read_url(a, &one);

	if (!e)
		e = ask_read_url(b, &other);
	if (e) {
		error_free(e);
		return false;
	}
	return strcmp(one.text, other.text) == 0;
}

/* A token that was given belongs to the dsnd that is named beside it, or to the one on this machine: another network
 * than it was made for would learn it. The variable stands in many shells for whatever is called there, and is passed
 * over; who names a file means this call. `context`: the URL of the context in use, which is asked; NULL: it is not. */
static struct error *take_given(struct vcli *v, const char *context, struct ask_target *t)
{
	const char *file = v->set.whisper.rpc_token_file, *from = getenv("DSN_RPC_TOKEN");

	if (file && context)
		return error_new(
			ERROR_INVALID,
			"--rpc-token-file: whose token it is is not said, and the context in use is %.100s: name its dsnd, --dsnd URL",
			context);
	if (file)
		return file_read_secret(v, file, &t->token);
	if (from && *from && !context)
		t->token = secret_text(v, from, strlen(from));
	return NULL;
}

/* The login of a context serves at its own dsnd only. */
static void take_login(struct vcli *v, const json_t *context, struct ask_target *t)
{
	const char *url = json_string_value(json_object_get(context, "url")),
		   *token = json_string_value(json_object_get(context, "token"));

	if (!url || !token || t->token || !ask_same_url(url, t->url))
		return;
	t->token = secret_text(v, token, strlen(token));
	t->renewed = true;
}

struct error *ask_find_target(struct vcli *v, struct ask_target *ret)
{
	struct ask_target t = {.url = v->set.order.dsnd};
	json_t *all = NULL, *context;
	const char *url;
	struct error *e;

	TRY(contexts_read(v, &all));
	context = contexts_current(all);
	url = t.url ? NULL : json_string_value(json_object_get(context, "url"));
	e = take_given(v, url, &t);
	if (!e) {
		t.url = t.url ? t.url : mem_strdup(v, url ? url : URL);
		take_login(v, context, &t);
		*ret = t;
	}
	json_decref(all);
	return e;
}

/* --- what is answered --- */

static struct error *read_error(const json_t *o)
{
	const json_t *data = json_object_get(o, "data");
	const char *word = json_string_value(json_object_get(data, "error")),
		   *message = json_string_value(json_object_get(o, "message")),
		   *mend = json_string_value(json_object_get(data, "mend"));

	return error_new(error_code_from_name(word ? word : ""), "%s%s%s", message ? message : "dsnd refuses",
			 mend ? "; " : "", mend ? mend : "");
}

static struct error *read_answer_document(const json_t *document, json_t **ret_result)
{
	json_t *result = json_object_get(document, "result");

	if (!result)
		return read_error(json_object_get(document, "error"));
	*ret_result = json_incref(result);
	return NULL;
}

/* --- over the bus --- */

/* Whom to ask over the bus; NULL: it is asked over HTTP. */
static struct error *find_mailbox(struct vcli *v, const char **ret_address)
{
	const char *url = v->set.order.dsnd, *manager;
	json_t *all = NULL;
	struct error *e = NULL;

	*ret_address = url ? bus_address(url) : NULL;
	if (*ret_address || !v->set.order.via || strcmp(v->set.order.via, "bus") != 0)
		return NULL;
	TRY(contexts_read(v, &all));
	manager = json_string_value(json_object_get(json_object_get(contexts_current(all), "network"), "manager"));
	if (manager && hex_id_valid(manager))
		*ret_address = mem_strdup(v, manager);
	else
		e = error_new(ERROR_INVALID, "--via bus: no context is in use: vcli join URL, or --dsnd bus:ADDRESS");
	json_decref(all);
	return e;
}

static struct error *ask_over_bus(struct vcli *v, const char *address, const char *method, const json_t *params,
				  json_t **ret_result)
{
	json_t *data = NULL, *call = json_pack("{s:{s:s,s:i,s:s,s:O}}", "rpc", "jsonrpc", "2.0", "id", 1, "method",
					       method, "params", params);
	struct error *e = request_one(v, address, call, &data);

	if (!e)
		e = read_answer_document(json_object_get(data, "rpc"), ret_result);
	json_decref(data);
	return e;
}

/* --- one call --- */

static struct error *read_answer(const struct http_answer *a, json_t **ret_result, bool *ret_nobody)
{
	json_t *document = NULL;
	struct error *e;

	if (a->error)
		return error_copy(a->error);
	*ret_nobody = a->status == 401;
	if (a->status == 401)
		return error_new(ERROR_REFUSED,
				 "%.200s (vcli login; or --dsnd URL with --rpc-token-file or $DSN_RPC_TOKEN)", a->body);
	if (a->status != 200)
		return error_new(a->status == 503 ? ERROR_UNAVAILABLE : ERROR_FAILED, "answers with status %d: %.200s",
				 a->status, a->body);
	TRY(json_parse(a->body, a->len, ANSWER_BYTES, &document));
	e = read_answer_document(document, ret_result);
	json_decref(document);
	return e;
}

/* *ret_nobody: the token is nobody's. */
static struct error *ask(struct vcli *v, const struct ask_target *t, const char *method, const json_t *params,
			 json_t **ret_result, bool *ret_nobody)
{
	void *scope = mem_strdup(NULL, "");
	json_t *call = json_pack("{s:s,s:i,s:s,s:O}", "jsonrpc", "2.0", "id", 1, "method", method, "params", params);
	char *body = json_text(scope, call), *shown = t->token ? mem_printf(scope, "Bearer %s", t->token) : NULL;
	struct http_origin origin;
	struct error *e = ask_read_url(t->url, &origin);

	json_decref(call);
	if (!e) {
		const struct http_exchange x = {.host = origin.host,
						.port = origin.port,
						.tls = origin.tls,
						.ca_file = v->set.client.ca_file,
						.method = "POST",
						.path = "/rpc",
						.content_type = "application/json",
						.body = body,
						.body_len = strlen(body),
						.authorization = shown,
						.deadline_ms = v->timeout_ms ? v->timeout_ms : FOREVER_MS,
						.limit = ANSWER_BYTES};

		e = read_answer(http_fetch_sync(scope, &x), ret_result, ret_nobody);
		if (e && (e->code == ERROR_UNAVAILABLE || e->code == ERROR_TIMEOUT))
			e = error_wrap(e, "dsnd at %s", t->url);
	}
	if (shown)
		secret_wipe(shown, strlen(shown));
	mem_free(scope);
	return e;
}

struct error *ask_at(struct vcli *v, const char *url, const char *token, const char *method, json_t *params,
		     json_t **ret_result)
{
	const struct ask_target t = {.url = url, .token = (char *)token};
	bool nobody = false;
	struct error *e = ask(v, &t, method, params, ret_result, &nobody);

	json_decref(params);
	return e;
}

struct error *ask_dsnd(struct vcli *v, const char *method, json_t *params, json_t **ret_result)
{
	const char *mailbox = NULL;
	struct ask_target t;
	bool nobody = false;
	struct error *e = find_mailbox(v, &mailbox);

	if (!e && mailbox) {
		e = ask_over_bus(v, mailbox, method, params, ret_result);
		json_decref(params);
		return e;
	}
	if (!e)
		e = ask_find_target(v, &t);
	if (!e)
		e = ask(v, &t, method, params, ret_result, &nobody);
	if (e && nobody && t.renewed) {
		error_free(e);
		e = login_again(v, t.url, &t.token);
		if (!e)
			e = ask(v, &t, method, params, ret_result, &nobody);
	}
	json_decref(params);
	return e;
}
