#include "vcli/bus/request.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "vcli/bus/link.h"
#include "vcli/bus/patience.h"
#include "vcli/bus/sender.h"
#include "vcli/progress.h"
#include "vcli/wait.h"

int64_t request_ttl_ms(const struct vcli *v)
{
	if (v->set.detached.on)
		return v->set.detached.ttl_ms;
	if (v->timeout_ms < CLIENT_TTL_LEAST_MS)
		return CLIENT_TTL_LEAST_MS;
	return v->timeout_ms < CLIENT_TTL_MOST_MS ? v->timeout_ms : CLIENT_TTL_MOST_MS;
}

struct requests_wait {
	struct vcli *v;
	struct progress *progress;
	request_done_fn *each;
	void *arg;
	size_t open, count;
	struct error *away;
	bool ended;
};

static void on_answered(const struct client_request *r, void *arg)
{
	struct requests_wait *w = arg;

	w->open--;
	progress_wipe(w->progress);
	progress_say(w->progress, "waiting for %zu of %zu", w->open, w->count);
	if (w->each)
		w->each(w->v, r, w->arg);
}

static void on_waiting(enum client_waiting what, const char *why, void *arg)
{
	struct requests_wait *w = arg;

	if (what == CLIENT_WAITING_ANSWERS)
		progress_say(w->progress, "waiting for %zu of %zu", w->open, w->count);
	else if (what == CLIENT_WAITING_MAILBOX)
		progress_say(w->progress, "waiting for a mailbox: %s", why);
	else
		progress_waits(w->progress, what, why);
}

static void on_ended(const struct error *e, void *arg)
{
	struct requests_wait *w = arg;

	w->away = error_copy(e);
	w->ended = true;
}

struct error *requests_run(struct vcli *v, struct client_request_list *l, request_done_fn *each, void *arg)
{
	void *scope = mem_new(NULL, char);
	struct requests_wait w = {.v = v, .each = each, .arg = arg, .open = l->count, .count = l->count};
	struct client_request_options options = {
		.timeout_ms = v->timeout_ms, .patience_ms = vcli_patience_ms(v), .ttl_ms = request_ttl_ms(v)};
	const struct client_request_events events = {
		.answered = on_answered, .waiting = on_waiting, .ended = on_ended, .arg = &w};
	struct client_requests *requests = NULL;
	struct error *e;

	sender_restart(v);
	w.progress = progress_new(scope, v);
	progress_say(w.progress, "connecting to the broker");
	e = vcli_link(v, &options.link);
	if (!e)
		e = client_requests_begin(scope, &options, l, &events, &requests);
	if (!e) {
		vcli_wait(&v->loop, &w.ended, VCLI_WAIT_FOREVER);
		e = w.away;
	}
	mem_free(scope);
	return e;
}

struct error *requests_failure(const struct client_request_list *l, const char *what)
{
	void *scope = mem_new(NULL, char);
	char *text = mem_strdup(scope, "");
	const struct client_request *first = NULL;
	struct error *e = NULL;
	size_t failed = 0;

	for (size_t i = 0; i < l->count; i++) {
		const struct client_request *r = &l->items[i];

		if (!r->error)
			continue;
		if (!first)
			first = r;
		failed++;
		text = talloc_asprintf_append_buffer(
			text, "%s%s%s%s%s", failed > 1 ? "; " : "", r->role ? r->role : "", r->role ? " " : "",
			strstr(r->error->message, r->to) ? "" : mem_printf(scope, "%s: ", r->to), r->error->message);
	}
	if (first && l->count > 1)
		e = error_new(first->error->code, "%s: %zu of %zu nodes failed: %s", what, failed, l->count, text);
	else if (first)
		e = error_new(first->error->code, "%s: %s", what, text);
	mem_free(scope);
	return e;
}

json_t *request_error_json(const struct error *e)
{
	json_t *o = json_object();

	json_put(o, "code", error_code_name(e->code));
	json_put(o, "message", e->message);
	return o;
}

json_t *request_json(const struct client_request *r)
{
	json_t *o = json_object();

	json_put(o, "node_id", r->to);
	if (r->role)
		json_put(o, "role", r->role);
	json_put(o, "state", r->error ? "failed" : r->away ? "kept" : "applied");
	json_put_decimal(o, "took", r->took_ms);
	if (r->held)
		json_put(o, "why", r->held);
	if (r->error)
		json_object_set_new(o, "error", request_error_json(r->error));
	if (r->data)
		json_object_update(o, r->data);
	return o;
}

json_t *requests_json(const struct client_request_list *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->count; i++)
		json_array_append_new(list, request_json(&l->items[i]));
	return list;
}

struct error *request_one(struct vcli *v, const char *to, json_t *body, json_t **ret_data)
{
	struct client_request_list *l = client_requests_new(NULL);
	struct error *e = NULL;

	client_requests_add(l, to, NULL, body);
	e = requests_run(v, l, NULL, NULL);
	if (!e && l->items[0].error)
		e = error_copy(l->items[0].error);
	if (!e)
		*ret_data = json_incref(l->items[0].data);
	mem_free(l);
	return e;
}
