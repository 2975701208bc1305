#include "vcli/request.h"

#include <string.h>
#include <strings.h>

#include "api/command.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "vcli/link.h"
#include "vcli/progress.h"
#include "vcli/sender.h"
#include "vcli/wait.h"

/* Clocks of two machines differ; a command that is valid for less would be void on arrival where they do. */
#define LEAST_TTL_MS 60000
/* How long a node that is there takes to answer a question, on a slow network too. */
#define AWAY_MS 3000
#define MOST_TTL_MS (INT64_C(7) * 24 * 3600 * 1000)

struct request_gather {
	struct vcli *v;
	struct request_list *list;
	request_done_fn *each;
	void *arg;
	struct bus *bus;
	struct progress *progress;
	struct timer *deadline, *patience, *away;
	size_t open; /* requests without result */
	bool was_up;
	bool over;  /* nothing more is waited for */
	char *held; /* why the broker takes nothing; NULL: it does */
	struct error *why_down;
	int64_t began_ms;
};

static int list_destroy(struct request_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		json_decref(l->items[i].body);
		json_decref(l->items[i].data);
		error_free(l->items[i].error);
	}
	return 0;
}

struct request_list *requests_new(const void *ctx)
{
	struct request_list *l = mem_new(ctx, struct request_list);

	l->items = mem_array(l, struct request, 0);
	talloc_set_destructor(l, list_destroy);
	return l;
}

void requests_add(struct request_list *l, const char *to, const char *role, json_t *body)
{
	l->items = mem_resize(l, l->items, struct request, l->count + 1);
	l->items[l->count++] = (struct request){
		.to = mem_strdup(l, to),
		.role = role ? mem_strdup(l, role) : NULL,
		.body = body,
	};
}

int64_t request_ttl_ms(const struct vcli *v)
{
	if (v->set.detached.on)
		return v->set.detached.ttl_ms;
	if (v->timeout_ms < LEAST_TTL_MS)
		return LEAST_TTL_MS;
	return v->timeout_ms < MOST_TTL_MS ? v->timeout_ms : MOST_TTL_MS;
}

/* Takes e. */
static void decide(struct request *r, struct error *e, json_t *data)
{
	struct request_gather *g = r->gather;

	if (r->done) {
		error_free(e);
		return;
	}
	r->done = true;
	r->error = e;
	r->data = json_incref(data);
	r->took_ms = clock_mono_ms() - g->began_ms;
	g->open--;
	progress_wipe(g->progress);
	progress_say(g->progress, "waiting for %zu of %zu", g->open, g->list->count);
	if (g->each)
		g->each(g->v, r, g->arg);
	if (g->open == 0)
		g->over = true;
}

static void decide_away(struct request *r, bool gone)
{
	if (r->done)
		return;
	r->away = true;
	r->gone = gone;
	if (!gone && !r->sent && r->gather->held)
		r->held = mem_strdup(r->gather->list, r->gather->held);
	decide(r, NULL, NULL);
}

static struct error *unknown(const struct request *r)
{
	return error_new(
		ERROR_NOT_FOUND,
		"%s: nobody serves this id in network \"%s\"; check the id (\"vcli node list\"), or start an agent with --node %s",
		r->to, r->gather->v->set.client.network, r->to);
}

static void on_sent(const struct error *e, void *arg)
{
	struct request *r = arg;

	r->sent = r->sent || !e;
	/* After a lost connection it is sent again when the bus is up. */
	if (!e || e->code == ERROR_UNAVAILABLE)
		return;
	if (e->code == ERROR_NOT_FOUND && r->gather->list->lasting)
		decide_away(r, true);
	else
		decide(r, e->code == ERROR_NOT_FOUND ? unknown(r) : error_wrap(error_copy(e), "%s", r->to), NULL);
}

/* A job's end takes as long as its stream takes to run dry; whether a node is there shows at once. */
static void ask_for_life(struct request_gather *g)
{
	for (size_t i = 0; i < g->list->count; i++) {
		if (!g->list->items[i].done && !g->list->items[i].alive)
			bus_send_prompt(g->bus, g->list->items[i].probe, NULL, NULL);
	}
}

static void on_away(void *arg)
{
	struct request_gather *g = arg;

	for (size_t i = 0; i < g->list->count; i++) {
		if (!g->list->items[i].alive)
			decide_away(&g->list->items[i], false);
	}
}

static bool is_question(const json_t *body)
{
	void *scope = mem_strdup(NULL, "");
	struct api_command *c = NULL;
	struct error *e = api_command_read(scope, body, &c);
	bool question = !e && !api_verbs[c->verb].changes;

	error_free(e);
	mem_free(scope);
	return question;
}

static void on_state(bool up, const struct error *why, void *arg)
{
	struct request_gather *g = arg;

	error_free(g->why_down);
	g->why_down = error_copy(why);
	if (!up) {
		progress_say(g->progress, "waiting for the broker: %s", why->message);
		/* Waiting does not mend a wrong password. */
		if (!g->was_up && (why->code == ERROR_REFUSED || why->code == ERROR_INVALID))
			g->over = true;
		return;
	}
	g->was_up = true;
	mem_free(g->patience);
	g->patience = NULL;
	progress_say(g->progress, "waiting for %zu of %zu", g->open, g->list->count);
	for (size_t i = 0; i < g->list->count; i++) {
		struct request *r = &g->list->items[i];

		if (!r->done)
			(is_question(r->body) ? bus_send_prompt : bus_send)(g->bus, r->message, on_sent, r);
	}
	if (!g->list->lasting)
		return;
	ask_for_life(g);
	mem_free(g->away);
	g->away = timer_start(g, &g->v->loop, AWAY_MS, 0, on_away, g);
}

static void on_message(struct bus_delivery *d, const struct message *m, void *arg)
{
	struct request_gather *g = arg;

	for (size_t i = 0; m->kind == MESSAGE_RESULT && i < g->list->count; i++) {
		struct request *r = &g->list->items[i];
		struct error *failure = NULL, *e = NULL;
		json_t *data = NULL;

		if (r->probe && !strcmp(r->probe->id, m->re) && !strcasecmp(m->from, r->to))
			r->alive = true;
		/* Only its recipient can answer it. */
		if (strcmp(r->message->id, m->re) != 0 || strcasecmp(m->from, r->to) != 0)
			continue;
		e = message_read_result(m, &failure, &data);
		decide(r, e ? e : failure, e ? NULL : data);
		break;
	}
	bus_accept(d);
}

static void on_refused(const char *id, const struct error *why, void *arg)
{
	struct request_gather *g = arg;

	(void)id;
	progress_say(g->progress, "waiting for a mailbox: %s", why->message);
}

static void on_held(const char *why, void *arg)
{
	struct request_gather *g = arg;

	mem_free(g->held);
	g->held = why ? mem_strdup(g, why) : NULL;
	if (why)
		progress_say(g->progress, "waiting: %s", why);
	else
		progress_say(g->progress, "waiting for %zu of %zu", g->open, g->list->count);
}

static void on_deadline(void *arg)
{
	struct request_gather *g = arg;

	g->over = true;
}

/* Why there is no answer, and whether the command is on its way all the same. */
static struct error *no_answer(const struct request_gather *g, const struct request *r)
{
	long long after_ms = (long long)g->v->timeout_ms;

	if (g->why_down)
		return error_new(ERROR_UNAVAILABLE, "%s: %s: the broker was lost and did not come back: %s", r->to,
				 r->sent ? "sent, but not answered" : "not sent", g->why_down->message);
	if (!r->sent && g->held)
		return error_new(ERROR_UNAVAILABLE, "%s: not sent within %lld ms: %s", r->to, after_ms, g->held);
	if (!r->sent)
		return error_new(
			ERROR_TIMEOUT,
			"%s: not known to be sent within %lld ms: nobody has confirmed it, or told the key to seal it with; its agent may be away",
			r->to, after_ms);
	return error_new(
		ERROR_TIMEOUT,
		"%s: no answer within %lld ms; its agent may be away or busy, and will find the command in its mailbox for %lld s",
		r->to, after_ms, (long long)(r->message->ttl_ms / 1000));
}

/* Deadline or lost patience: what is still open has no answer. */
static void give_up(struct request_gather *g)
{
	for (size_t i = 0; i < g->list->count; i++) {
		struct request *r = &g->list->items[i];

		if (r->done)
			continue;
		if (g->list->lasting && !r->alive && !g->why_down)
			decide_away(r, false);
		else
			decide(r, no_answer(g, r), NULL);
	}
}

/* A question that changes nothing and is answered at once. */
static struct message *probe(struct request_gather *g, const char *self, const char *to)
{
	json_t *body = api_command_document(API_PIPELINE_LIST, to, NULL, NULL);
	struct message *m = message_new(g, MESSAGE_COMMAND, self, to, LEAST_TTL_MS, body);

	json_decref(body);
	return m;
}

static struct error *gather_open(struct request_gather *g)
{
	const struct bus_handlers handlers = {
		.on_state = on_state, .on_message = on_message, .on_refused = on_refused, .on_held = on_held, .arg = g};
	struct link link;

	TRY(link_open(g, g->v, &g->v->set.client, &handlers, &link));
	g->bus = link.bus;
	for (size_t i = 0; i < g->list->count; i++) {
		struct request *r = &g->list->items[i];

		r->gather = g;
		r->message = message_new(g, MESSAGE_COMMAND, link.self, r->to,
					 g->list->lasting ? MOST_TTL_MS : request_ttl_ms(g->v), r->body);
		if (g->list->lasting)
			r->probe = probe(g, link.self, r->to);
	}
	return NULL;
}

struct error *requests_run(struct vcli *v, struct request_list *l, request_done_fn *each, void *arg)
{
	struct request_gather *g = mem_new(NULL, struct request_gather);
	struct error *e = NULL;

	sender_restart(v);
	*g = (struct request_gather){.v = v, .list = l, .each = each, .arg = arg, .open = l->count};
	g->began_ms = clock_mono_ms();
	g->progress = progress_new(g, v);
	progress_say(g->progress, "connecting to the broker");
	e = gather_open(g);
	if (!e && g->open > 0) {
		int64_t patience_ms = link_patience_ms(v);

		if (v->timeout_ms > 0)
			g->deadline = timer_start(g, &v->loop, v->timeout_ms, 0, on_deadline, g);
		if (!v->timeout_ms || patience_ms < v->timeout_ms)
			g->patience = timer_start(g, &v->loop, patience_ms, 0, on_deadline, g);
		vcli_wait(&v->loop, &g->over, VCLI_WAIT_FOREVER);
		if (g->was_up)
			give_up(g);
		else
			e = link_away(v, g->why_down);
	}
	error_free(g->why_down);
	mem_free(g);
	return e;
}

struct error *requests_failure(const struct request_list *l, const char *what)
{
	void *scope = mem_new(NULL, char);
	char *text = mem_strdup(scope, "");
	const struct request *first = NULL;
	struct error *e = NULL;
	size_t failed = 0;

	for (size_t i = 0; i < l->count; i++) {
		const struct request *r = &l->items[i];

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

json_t *request_json(const struct request *r)
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

json_t *requests_json(const struct request_list *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->count; i++)
		json_array_append_new(list, request_json(&l->items[i]));
	return list;
}

struct error *request_one(struct vcli *v, const char *to, json_t *body, json_t **ret_data)
{
	struct request_list *l = requests_new(NULL);
	struct error *e = NULL;

	requests_add(l, to, NULL, body);
	e = requests_run(v, l, NULL, NULL);
	if (!e && l->items[0].error)
		e = error_copy(l->items[0].error);
	if (!e)
		*ret_data = json_incref(l->items[0].data);
	mem_free(l);
	return e;
}
