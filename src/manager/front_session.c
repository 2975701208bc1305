/* Logging in and out of a browser: the token goes into a cookie, and no script of a page sees it. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "manager/cookie.h"
#include "manager/front_impl.h"
#include "manager/jsonrpc2.h"

/* A call under way; belongs to its request. */
struct front_session_call {
	struct front *front;
	struct http_request *request;
};

static int status_of(enum error_code code)
{
	switch (code) {
	case ERROR_INVALID:
		return 400;
	case ERROR_REFUSED:
		return 403;
	case ERROR_NOT_FOUND:
		return 404;
	case ERROR_LIMIT:
		return 429;
	default:
		return 503;
	}
}

static void answer(struct http_request *r, int status, const json_t *value)
{
	char *text = json_text(r, value);

	http_respond(r, status, "application/json", text, strlen(text));
}

static void fail(struct http_request *r, const struct method *row, const struct error *e)
{
	json_t *o = json_pack("{s:s,s:s,s:s}", "error", error_code_name(e->code), "message", e->message, "mend",
			      method_mend(row, e->code));

	answer(r, status_of(e->code), o);
	json_decref(o);
}

static void on_login(const struct method *row, const json_t *result, const struct error *e, void *arg)
{
	struct front_session_call *c = arg;
	struct http_request *r = c->request;
	json_t *shown;

	if (e) {
		fail(r, row, e);
		return;
	}
	shown = json_copy((json_t *)result);
	json_object_del(shown, "token");
	cookie_set(r, c->front->options.origin, json_string_value(json_object_get(result, "token")),
		   c->front->options.login_ms / 1000);
	answer(r, 200, shown);
	json_decref(shown);
}

static void on_logout(const struct method *row, const json_t *result, const struct error *e, void *arg)
{
	struct front_session_call *c = arg;

	cookie_set(c->request, c->front->options.origin, NULL, 0);
	if (e)
		fail(c->request, row, e);
	else
		answer(c->request, 200, result);
}

static struct front_session_call *begin(struct front *f, struct http_request *r)
{
	struct front_session_call *c = mem_new(r, struct front_session_call);

	*c = (struct front_session_call){f, r};
	return c;
}

static void log_in(struct front *f, struct http_request *r)
{
	const struct caller anyone = {.roles = CALLER_ANYONE};
	json_t *params = NULL;
	size_t n = 0;
	const char *body = http_request_body(r, &n);
	struct error *e = json_parse(body, n, JSONRPC2_BYTES, &params);

	if (e)
		fail(r, NULL, e);
	else
		method_begin(r, f->options.methods, &anyone, "session.login", params, on_login, begin(f, r));
	error_free(e);
	json_decref(params);
}

static void log_out(struct front *f, struct http_request *r, const struct caller *caller)
{
	method_begin(r, f->options.methods, caller, "session.logout", NULL, on_logout, begin(f, r));
}

static void on_described(const struct method *row, const json_t *result, const struct error *e, void *arg)
{
	if (e)
		fail(arg, row, e);
	else
		answer(arg, 200, result);
}

void front_describe(struct front *f, struct http_request *r)
{
	const struct caller anyone = {.roles = CALLER_ANYONE};

	method_begin(r, f->options.methods, &anyone, "network.describe", NULL, on_described, r);
}

void front_session(struct front *f, struct http_request *r)
{
	bool post = strcmp(http_request_method(r), "POST") == 0;
	struct error *e;

	if (!post && strcmp(http_request_method(r), "DELETE") != 0) {
		http_answer_header(r, "Allow", "POST, DELETE");
		front_text(r, 405, "POST logs in, DELETE out\n");
		return;
	}
	if (!front_is_json(r)) {
		front_text(r, 415, "the content type is to be application/json\n");
		return;
	}
	e = cookie_check_origin(r, f->options.origin);
	if (e) {
		f->refused++;
		fail(r, NULL, e);
		error_free(e);
		return;
	}
	if (post)
		log_in(f, r);
	else
		front_who(f, r, log_out);
}
