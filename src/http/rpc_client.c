#include "http/rpc_client.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "http/jsonrpc_codes.h"
#include "http/websocket.h"

#define OPEN_MS 10000
#define ANSWER_MS 120000
#define MESSAGE_LIMIT ((size_t)64 << 20)
#define QUEUE_LIMIT ((size_t)32 << 20)
#define CALL_LIMIT 4096
#define BUCKETS 256      /* a power of two */
#define WORDS_LIMIT 1000 /* of what a server says in an error */
#define LOOK_MS 20
static const char suffix[] = "_subscription";

struct call {
	uint64_t id;
	int64_t until_ms;
	rpc_answer_fn *fn;
	void *arg;
	struct call *bucket_next;
	struct call *older, *newer;
};

/* A callback is under way that may free the client. */
struct guard {
	struct guard *outer;
	bool gone;
};

struct rpc_client {
	uv_loop_t *loop;
	struct rpc_client_events events;
	void *arg;
	struct websocket *ws;
	bool opened, settled; /* settled: opened, or over */
	struct error *broken; /* over: why */
	int64_t answer_ms, began_ms, open_ms;
	size_t message_limit, call_limit;
	bool (*interrupted)(void *arg);
	uint64_t last_id;
	struct call *buckets[BUCKETS];
	struct call *oldest, *newest; /* in order of their deadlines */
	size_t count;
	struct timer *deadline; /* of the oldest */
	struct guard *guard;
};

static int rpc_client_destroy(struct rpc_client *c)
{
	error_free(c->broken);
	for (struct guard *g = c->guard; g; g = g->outer)
		g->gone = true;
	return 0;
}

/* --- calls under way --- */

static void add_call(struct rpc_client *c, struct call *call)
{
	struct call **bucket = &c->buckets[call->id % BUCKETS];

	call->bucket_next = *bucket;
	*bucket = call;
	call->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = call;
	c->newest = call;
	c->count++;
	if (c->count == 1)
		timer_again(c->deadline, c->answer_ms, 0);
}

static void remove_call(struct rpc_client *c, struct call *call)
{
	struct call **at = &c->buckets[call->id % BUCKETS];

	while (*at != call)
		at = &(*at)->bucket_next;
	*at = call->bucket_next;
	*(call->older ? &call->older->newer : &c->oldest) = call->newer;
	*(call->newer ? &call->newer->older : &c->newest) = call->older;
	c->count--;
}

static struct call *find_call(struct rpc_client *c, const json_t *id)
{
	json_int_t n = json_integer_value(id);
	struct call *call = n > 0 ? c->buckets[(uint64_t)n % BUCKETS] : NULL;

	while (call && call->id != (uint64_t)n)
		call = call->bucket_next;
	return call;
}

/* The client may be gone afterwards. */
static void answer(struct rpc_client *c, struct call *call, const json_t *result, const struct error *e)
{
	struct call mine = *call;

	remove_call(c, call);
	mem_free(call);
	if (mine.fn)
		mine.fn(result, e, mine.arg);
}

static void on_deadline(void *arg)
{
	struct rpc_client *c = arg;
	struct guard guard = {.outer = c->guard};
	struct error *e =
		error_new(ERROR_TIMEOUT, "the server did not answer within %lld s", (long long)(c->answer_ms / 1000));

	/* cppcheck-suppress autoVariables ; taken back before this returns */
	c->guard = &guard;
	while (!guard.gone && c->oldest && c->oldest->until_ms <= clock_mono_ms())
		answer(c, c->oldest, NULL, e);
	error_free(e);
	if (guard.gone)
		return;
	c->guard = guard.outer;
	if (c->oldest) {
		int64_t left_ms = c->oldest->until_ms - clock_mono_ms();

		timer_again(c->deadline, left_ms > 0 ? left_ms : 1, 0);
	}
}

/* --- the end --- */

/* Takes `e`. The client may be gone afterwards. */
static void over(struct rpc_client *c, struct error *e)
{
	struct guard guard = {.outer = c->guard};
	struct error *mine;

	if (c->broken) {
		error_free(e);
		return;
	}
	c->broken = e;
	c->settled = true;
	mine = error_copy(e);
	mem_free(c->ws);
	c->ws = NULL;
	/* cppcheck-suppress autoVariables ; taken back before this returns */
	c->guard = &guard;
	while (!guard.gone && c->oldest)
		answer(c, c->oldest, NULL, mine);
	if (!guard.gone) {
		c->guard = guard.outer;
		if (c->events.closed)
			c->events.closed(c, mine, c->arg);
	}
	error_free(mine);
}

static void on_closed(struct websocket *ws, unsigned code, const char *reason, void *arg)
{
	struct rpc_client *c = arg;
	int status = websocket_refusal(ws);
	enum error_code kind = ERROR_UNAVAILABLE;

	if (status == 401 || status == 403)
		kind = ERROR_REFUSED;
	else if (status)
		kind = ERROR_FAILED;
	else if (!c->opened && clock_mono_ms() - c->began_ms >= c->open_ms)
		kind = ERROR_TIMEOUT;
	else if (code == WEBSOCKET_POLICY || code == WEBSOCKET_TOO_LARGE)
		kind = ERROR_LIMIT;
	if (!c->opened)
		over(c, error_new(kind, "%.*s", WORDS_LIMIT, reason));
	else
		over(c, error_new(kind, "the connection ended: %.*s (%u)", WORDS_LIMIT, *reason ? reason : "closed",
				  code));
}

static void on_opened(struct websocket *ws, void *arg)
{
	struct rpc_client *c = arg;

	(void)ws;
	c->opened = c->settled = true;
	if (c->events.opened)
		c->events.opened(c, c->arg);
}

/* --- what comes --- */

static enum error_code kind_of(json_int_t code)
{
	static const struct {
		int code;
		enum error_code kind;
	} kinds[] = {{JSONRPC_INVALID_REQUEST, ERROR_INVALID},
		     {JSONRPC_INVALID_PARAMS, ERROR_INVALID},
		     {JSONRPC_NO_METHOD, ERROR_NOT_FOUND}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].code == code)
			return kinds[i].kind;
	}
	return ERROR_FAILED;
}

/* An error of ours is one line for a person; what the server says may be anything. */
static struct error *refusal(const json_t *error)
{
	const char *words = json_string_value(json_object_get(error, "message"));
	struct error *e = error_new(kind_of(json_integer_value(json_object_get(error, "code"))), "%.*s", WORDS_LIMIT,
				    words && *words ? words : "an error without words");

	for (char *p = e->message; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	}
	return e;
}

static void take_answer(struct rpc_client *c, const json_t *document, const json_t *id)
{
	const json_t *result = json_object_get(document, "result"), *error = json_object_get(document, "error");
	struct call *call = find_call(c, id);
	struct error *e = NULL;

	/* Not found: it was given up. */
	if (!call)
		return;
	if (error && !json_is_null(error))
		e = refusal(error);
	else if (!result)
		e = error_new(ERROR_FAILED, "an answer without a result");
	answer(c, call, e ? NULL : result, e);
	error_free(e);
}

static bool is_notification(const json_t *document, const char **ret_method, const char **ret_subscription)
{
	const char *method = json_string_value(json_object_get(document, "method"));
	size_t n = method ? strlen(method) : 0;

	if (n < sizeof(suffix) || strcmp(method + n - (sizeof(suffix) - 1), suffix) != 0)
		return false;
	*ret_method = method;
	*ret_subscription = json_string_value(json_object_get(json_object_get(document, "params"), "subscription"));
	return *ret_subscription && json_object_get(json_object_get(document, "params"), "result");
}

static void on_message(struct websocket *ws, const char *bytes, size_t n, bool text, void *arg)
{
	struct rpc_client *c = arg;
	json_t *document = NULL;
	const char *method, *subscription;
	struct error *e = json_parse(bytes, n, c->message_limit, &document);
	const json_t *id = json_object_get(document, "id");

	(void)ws;
	(void)text;
	if (e) {
		over(c, error_new(ERROR_FAILED, "the server sends what is no JSON: %s", e->message));
		error_free(e);
	} else if (is_notification(document, &method, &subscription)) {
		if (c->events.notified)
			c->events.notified(c, method, subscription,
					   json_object_get(json_object_get(document, "params"), "result"), c->arg);
	} else if (json_is_integer(id)) {
		take_answer(c, document, id);
	} else {
		e = json_object_get(document, "error") ? refusal(json_object_get(document, "error")) : NULL;
		over(c, error_new(ERROR_FAILED, "the server sends what is no answer%s%s", e ? ": " : "",
				  e ? e->message : ""));
		error_free(e);
	}
	json_decref(document);
}

/* --- for callers --- */

static size_t or_else(size_t value, size_t otherwise)
{
	return value ? value : otherwise;
}

struct rpc_client *rpc_client_open(const void *ctx, uv_loop_t *loop, const struct rpc_client_options *options,
				   const struct rpc_client_events *events, void *arg)
{
	static const struct websocket_events ws_events = {on_opened, on_message, on_closed};
	struct rpc_client *c = mem_new(ctx, struct rpc_client);

	talloc_set_destructor(c, rpc_client_destroy);
	c->loop = loop;
	c->events = *events;
	c->arg = arg;
	c->began_ms = clock_mono_ms();
	c->open_ms = options->open_ms ? options->open_ms : OPEN_MS;
	c->answer_ms = options->answer_ms ? options->answer_ms : ANSWER_MS;
	c->message_limit = or_else(options->message_limit, MESSAGE_LIMIT);
	c->call_limit = or_else(options->call_limit, CALL_LIMIT);
	c->interrupted = options->interrupted;
	c->deadline = timer_start(c, loop, c->answer_ms, 0, on_deadline, c);
	const struct websocket_dial dial = {.host = options->host,
					    .port = options->port,
					    .path = options->path ? options->path : "/",
					    .authorization = options->authorization,
					    .deadline_ms = c->open_ms};
	const struct websocket_options ws_options = {.message_limit = c->message_limit,
						     .queue_limit = or_else(options->queue_limit, QUEUE_LIMIT),
						     .ping_ms = options->ping_ms,
						     .text_only = true};
	c->ws = websocket_open(c, loop, &dial, &ws_options, &ws_events, c);
	return c;
}

bool rpc_client_is_open(const struct rpc_client *c)
{
	return c->opened && !c->broken;
}

size_t rpc_client_pending(const struct rpc_client *c)
{
	return c->count;
}

size_t rpc_client_backlog(const struct rpc_client *c)
{
	return c->ws ? websocket_backlog(c->ws) : 0;
}

static struct error *send_call(struct rpc_client *c, uint64_t id, const char *method, json_t *params)
{
	json_t *request = json_object();
	struct error *e;
	char *text;

	json_object_set_new(request, "jsonrpc", json_string("2.0"));
	json_object_set_new(request, "id", json_integer((json_int_t)id));
	json_object_set_new(request, "method", json_string(method));
	json_object_set_new(request, "params", params);
	text = json_text(NULL, request);
	json_decref(request);
	e = websocket_send(c->ws, true, text, strlen(text));
	mem_free(text);
	return e;
}

void rpc_client_call(struct rpc_client *c, const char *method, json_t *params, rpc_answer_fn *fn, void *arg)
{
	struct error *e = NULL;
	struct call *call;

	if (c->broken)
		e = error_copy(c->broken);
	else if (c->count >= c->call_limit)
		e = error_new(ERROR_LIMIT, "%zu calls are under way, no more are taken", c->count);
	if (e)
		json_decref(params);
	else
		e = send_call(c, ++c->last_id, method, params);
	if (e) {
		if (fn)
			fn(NULL, e, arg);
		error_free(e);
		return;
	}
	call = mem_new(c, struct call);
	*call = (struct call){.id = c->last_id, .until_ms = clock_mono_ms() + c->answer_ms, .fn = fn, .arg = arg};
	add_call(c, call);
}

/* --- one thing after the other --- */

/* uv_run() must come back to look whether somebody interrupted. */
static void wake(void *arg)
{
	(void)arg;
}

/* Runs the loop until *done; ERROR_FAILED when interrupted. */
static struct error *run_until(struct rpc_client *c, const bool *done)
{
	struct timer *tick = timer_start(NULL, c->loop, LOOK_MS, LOOK_MS, wake, NULL);
	struct error *e = NULL;

	while (!*done && !e) {
		if (c->interrupted && c->interrupted(c->arg))
			e = error_new(ERROR_FAILED, "interrupted");
		else
			uv_run(c->loop, UV_RUN_ONCE);
	}
	mem_free(tick);
	return e;
}

struct error *rpc_client_wait_open(struct rpc_client *c)
{
	TRY(run_until(c, &c->settled));
	return c->broken ? error_copy(c->broken) : NULL;
}

struct rpc_client_waiting {
	json_t *result;
	struct error *error;
	bool done;
};

static void on_waited(const json_t *result, const struct error *e, void *arg)
{
	struct rpc_client_waiting *w = arg;

	w->result = json_incref((json_t *)result);
	w->error = e ? error_copy(e) : NULL;
	w->done = true;
}

struct error *rpc_client_wait(struct rpc_client *c, const char *method, json_t *params, json_t **ret_result)
{
	struct rpc_client_waiting w = {0};
	struct error *e;

	rpc_client_call(c, method, params, on_waited, &w);
	e = run_until(c, &w.done);
	if (e) {
		/* Whatever comes later must not go where `w` was. */
		for (struct call *call = c->oldest; call; call = call->newer) {
			if (call->arg == &w)
				call->fn = NULL;
		}
		return error_wrap(e, "%s", method);
	}
	if (w.error)
		return error_wrap(w.error, "%s", method);
	if (ret_result)
		*ret_result = w.result;
	else
		json_decref(w.result);
	return NULL;
}
