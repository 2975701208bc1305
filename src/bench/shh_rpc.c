#include "bench/shh_rpc.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bench/shh_net.h"
#include "http/websocket.h"

#define OPEN_MS 10000
#define ANSWER_MS 120000
#define MESSAGE_LIMIT ((size_t)64 << 20)
#define SLOTS 4096 /* calls under way, at most; a power of two */

struct call {
	uint64_t id; /* 0: free */
	shh_rpc_fn *fn;
	void *arg;
};

struct shh_rpc {
	uv_loop_t *loop;
	struct websocket *ws;
	shh_note_fn *note;
	void *note_arg;
	uint64_t last_id;
	struct call *calls; /* by id modulo SLOTS */
	struct error *broken;
	bool opened;
};

static int free_rpc(struct shh_rpc *r)
{
	error_free(r->broken);
	return 0;
}

static struct call take_call(struct shh_rpc *r, uint64_t id)
{
	struct call *slot = &r->calls[id % SLOTS], found = {0};

	if (slot->id == id) {
		found = *slot;
		slot->id = 0;
	}
	return found;
}

static void on_opened(struct websocket *ws, void *arg)
{
	struct shh_rpc *r = arg;

	(void)ws;
	r->opened = true;
}

static void on_closed(struct websocket *ws, unsigned code, const char *reason, void *arg)
{
	struct shh_rpc *r = arg;

	(void)ws;
	r->opened = true;
	if (!r->broken)
		r->broken = error_new(ERROR_UNAVAILABLE, "the node closed the connection: %s (%u)", reason, code);
	for (size_t i = 0; i < SLOTS; i++) {
		struct call c = r->calls[i];

		r->calls[i].id = 0;
		if (c.id)
			c.fn(NULL, r->broken, c.arg);
	}
}

static void on_answer(struct shh_rpc *r, const json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");
	struct call c = take_call(r, (uint64_t)json_integer_value(json_object_get(answer, "id")));
	struct error *e;

	if (!c.id)
		return;
	if (!error) {
		c.fn(json_object_get(answer, "result"), NULL, c.arg);
		return;
	}
	e = error_new(ERROR_FAILED, "%s", json_string_value(json_object_get(error, "message")) ?: "an error");
	c.fn(NULL, e, c.arg);
	error_free(e);
}

static void on_message(struct websocket *ws, const char *bytes, size_t n, bool text, void *arg)
{
	struct shh_rpc *r = arg;
	json_t *document = json_loadb(bytes, n, 0, NULL);
	const json_t *params = json_object_get(document, "params");
	const char *subscription = json_string_value(json_object_get(params, "subscription"));

	(void)ws;
	(void)text;
	if (!subscription)
		on_answer(r, document);
	else if (r->note)
		r->note(subscription, json_object_get(params, "result"), r->note_arg);
	json_decref(document);
}

bool shh_run_until(uv_loop_t *loop, const bool *done, int64_t ms)
{
	int64_t until_ms = clock_mono_ms() + ms;
	struct timer *tick = timer_start(NULL, loop, 10, 10, (timer_fn *)uv_update_time, loop);

	while (!*done && !shh_interrupted && clock_mono_ms() < until_ms)
		uv_run(loop, UV_RUN_ONCE);
	mem_free(tick);
	return *done;
}

struct error *shh_rpc_open(const void *ctx, uv_loop_t *loop, int port, struct shh_rpc **ret_rpc)
{
	static const struct websocket_events events = {on_opened, on_message, on_closed};
	const struct websocket_dial dial = {.host = "127.0.0.1", .port = port, .path = "/", .deadline_ms = OPEN_MS};
	const struct websocket_options options = {.message_limit = MESSAGE_LIMIT, .ping_ms = -1};
	struct shh_rpc *r = mem_new(ctx, struct shh_rpc);
	struct error *e = NULL;

	talloc_set_destructor(r, free_rpc);
	r->loop = loop;
	r->calls = mem_array(r, struct call, SLOTS);
	r->ws = websocket_open(r, loop, &dial, &options, &events, r);
	if (!shh_run_until(loop, &r->opened, OPEN_MS))
		e = error_new(ERROR_TIMEOUT, "the node on port %d takes no WebSocket%s", port,
			      shh_interrupted ? ": interrupted" : "");
	else if (r->broken)
		e = error_copy(r->broken);
	if (e) {
		mem_free(r);
		return e;
	}
	*ret_rpc = r;
	return NULL;
}

void shh_rpc_listen(struct shh_rpc *r, shh_note_fn *fn, void *arg)
{
	r->note = fn;
	r->note_arg = arg;
}

void shh_rpc_call(struct shh_rpc *r, const char *method, json_t *params, shh_rpc_fn *fn, void *arg)
{
	struct call *slot = &r->calls[++r->last_id % SLOTS];
	json_t *request = json_object();
	struct error *e = NULL;
	char *text;

	json_object_set_new(request, "jsonrpc", json_string("2.0"));
	json_object_set_new(request, "id", json_integer((json_int_t)r->last_id));
	json_object_set_new(request, "method", json_string(method));
	json_object_set_new(request, "params", params);
	text = json_text(NULL, request);
	json_decref(request);
	if (slot->id)
		e = error_new(ERROR_LIMIT, "too many calls under way");
	else if (r->broken)
		e = error_copy(r->broken);
	else
		e = websocket_send(r->ws, true, text, strlen(text));
	mem_free(text);
	if (e) {
		fn(NULL, e, arg);
		error_free(e);
		return;
	}
	*slot = (struct call){r->last_id, fn, arg};
}

struct waiting {
	json_t *result;
	struct error *error;
	bool done;
};

static void on_waited(const json_t *result, const struct error *e, void *arg)
{
	struct waiting *w = arg;

	w->result = json_incref((json_t *)result);
	w->error = e ? error_copy(e) : NULL;
	w->done = true;
}

struct error *shh_rpc_wait(struct shh_rpc *r, const char *method, json_t *params, json_t **ret_result)
{
	struct waiting w = {0};
	uint64_t id = r->last_id + 1;

	shh_rpc_call(r, method, params, on_waited, &w);
	if (!shh_run_until(r->loop, &w.done, ANSWER_MS)) {
		take_call(r, id);
		return error_new(ERROR_TIMEOUT, "%s: %s", method, shh_interrupted ? "interrupted" : "no answer");
	}
	if (w.error)
		return error_wrap(w.error, "%s", method);
	if (ret_result)
		*ret_result = w.result;
	else
		json_decref(w.result);
	return NULL;
}
