/* One call: what its message is, and who handles it. */
#include <string.h>

#include "base/mem.h"
#include "rpc/jsonrpc_impl.h"

#define METHOD_BYTES 1024 /* of a name as it is written: an answer that repeats it must not be long work */

const struct jsonrpc_value *jsonrpc_param(const struct jsonrpc_call *c, unsigned i)
{
	return &c->values[i];
}

struct jsonrpc_session *jsonrpc_call_session(const struct jsonrpc_call *c)
{
	return c->document->session;
}

static bool ends_with(const struct jsonrpc_call *c, const char *suffix)
{
	size_t n = strlen(suffix);

	return c->method_n >= n && !memcmp(c->method + c->method_n - n, suffix, n);
}

static void no_method(struct jsonrpc_call *c)
{
	/* The name may hold anything, NULs too. */
	struct buf *text = buf_new(NULL, c->method_n + 64);
	struct error *e = buf_puts(text, "the method ");

	if (!e)
		e = buf_append(text, c->method, c->method_n);
	if (!e)
		e = buf_puts(text, " does not exist/is not available");
	error_free(e); /* it fits */
	jsonrpc_fail_code(c, JSONRPC_NO_METHOD, text->data, text->len);
	mem_free(text);
}

static void call_subscribe(struct jsonrpc_call *c)
{
	struct jsonrpc *rpc = c->document->rpc;
	struct jsonrpc_param types[JSONRPC_PARAMS_MAX + 1] = {{JSONRPC_STRING, NULL}};
	struct jsonrpc_value values[JSONRPC_PARAMS_MAX + 1];
	const struct jsonrpc_method *m;
	struct json_slice first = {NULL, 0};
	size_t offset = 0, n;
	void *arg = NULL;
	char *name;

	if (!c->document->session) {
		jsonrpc_fail(c, "notifications not supported");
		return;
	}
	if (json_slice_kind(c->params) != SLICE_ARRAY) {
		jsonrpc_fail_params(c, error_new(ERROR_INVALID, "non-array args"));
		return;
	}
	json_slice_next(c->params, &offset, NULL, &first);
	if (json_slice_kind(first) != SLICE_STRING) {
		jsonrpc_fail_params(c, error_new(ERROR_INVALID, "expected subscription name as first argument"));
		return;
	}
	name = json_slice_string(c, first, &n);
	m = strlen(c->method) == c->method_n && strlen(name) == n ? jsonrpc_find(rpc, c->method, name, &arg) : NULL;
	if (!m) {
		char *text = mem_printf(c, "no \"%s\" subscription in %.*s namespace", name,
					(int)jsonrpc_namespace_length(c->method), c->method);

		jsonrpc_fail_code(c, JSONRPC_NO_METHOD, text, strlen(text));
		return;
	}
	memcpy(types + 1, m->params, sizeof(m->params));
	struct error *e = jsonrpc_params_read(c, c->params, types, m->count + 1, values);
	if (e) {
		jsonrpc_fail_params(c, e);
		return;
	}
	memcpy(c->values, values + 1, m->count * sizeof(values[0]));
	m->handle(c, arg);
}

static void call_method(struct jsonrpc_call *c)
{
	struct jsonrpc *rpc = c->document->rpc;
	const struct jsonrpc_method *m = NULL;
	void *arg = NULL;

	if (ends_with(c, "_subscribe")) {
		call_subscribe(c);
		return;
	}
	if (strlen(c->method) == c->method_n)
		m = jsonrpc_find(rpc, ends_with(c, "_unsubscribe") ? "_unsubscribe" : c->method, NULL, &arg);
	if (!m) {
		if (!rpc->fallback || strlen(c->method) != c->method_n ||
		    !jsonrpc_serves(rpc, c->method, jsonrpc_namespace_length(c->method)) ||
		    !rpc->fallback(c, c->method, c->params, rpc->fallback_arg))
			no_method(c);
		return;
	}
	struct error *e = jsonrpc_params_read(c, c->params, m->params, m->count, c->values);
	if (e)
		jsonrpc_fail_params(c, e);
	else
		m->handle(c, arg);
}

static void invalid_request(struct jsonrpc_call *c)
{
	static const char text[] = "invalid request";

	jsonrpc_fail_code(c, JSONRPC_INVALID_REQUEST, text, strlen(text));
}

static void long_method(struct jsonrpc_call *c)
{
	static const char text[] = "the method's name is too long, it does not exist";

	jsonrpc_fail_code(c, JSONRPC_NO_METHOD, text, strlen(text));
}

void jsonrpc_begin_call(struct jsonrpc_call *c, struct json_slice message)
{
	struct json_slice key, value, method = {NULL, 0}, result = {NULL, 0};
	size_t offset = 0;

	if (json_slice_kind(message) == SLICE_OBJECT)
		while (json_slice_next(message, &offset, &key, &value)) {
			if (json_slice_is(key, "id", true))
				c->id = value;
			else if (json_slice_is(key, "params", true))
				c->params = value;
			else if (json_slice_is(key, "method", true) && json_slice_kind(value) == SLICE_STRING)
				method = value;
			else if (json_slice_is(key, "result", true) ||
				 (json_slice_is(key, "error", true) && json_slice_kind(value) == SLICE_OBJECT))
				result = value;
		}
	bool has_id = c->id.n && json_slice_kind(c->id) != SLICE_OBJECT && json_slice_kind(c->id) != SLICE_ARRAY;
	bool has_method = method.n > 2; /* "" is none */
	bool too_long = method.n > METHOD_BYTES;
	if (has_method && !too_long)
		c->method = json_slice_string(c, method, &c->method_n);
	c->notification = (!c->id.n && has_method) || (has_id && !has_method && !c->params.n && result.n);
	if (has_method && (has_id || !c->id.n)) {
		if (too_long)
			long_method(c);
		else if (c->notification && ends_with(c, "_subscription"))
			jsonrpc_end_call(c);
		else
			call_method(c);
	} else if (c->notification) { /* an answer to something that was never asked */
		jsonrpc_end_call(c);
	} else {
		if (!has_id)
			c->id.n = 0;
		invalid_request(c);
	}
}
