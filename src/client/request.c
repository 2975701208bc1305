#include "client/request.h"

#include <string.h>
#include <strings.h>

#include "api/command.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/bus.h"
#include "client/link.h"

/* How long a node that is there takes to answer a question, on a slow network too. */
#define AWAY_MS 3000

/* A request on its way. */
struct client_requests_item {
	struct client_requests *all;
	struct client_request *request;
	struct message *message, *probe;
	bool sent;  /* the transport has it safely, see bus_sent_fn */
	bool alive; /* has answered the probe */
};

struct client_requests {
	struct client_request_options options;
	struct client_request_list *list;
	struct client_request_events events;
	uv_loop_t *loop;
	struct bus *bus;
	struct client_requests_item *items;
	struct timer *deadline, *patience, *away;
	size_t open; /* requests without outcome */
	bool was_up;
	bool over, ended; /* nothing more is waited for; and the caller was told */
	char *held;       /* why the bus takes nothing; NULL: it does */
	struct error *why_down;
	int64_t began_ms;
	/* What the caller is still to be told, by a timer: he may free all, and the bus is not to be freed from within
	 * its own callbacks. */
	struct client_request **outcomes; /* in the order of their times */
	size_t outcome_count, told;
	struct timer *teller;
};

static int list_destroy(struct client_request_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		json_decref(l->items[i].body);
		json_decref(l->items[i].data);
		error_free(l->items[i].error);
	}
	return 0;
}

struct client_request_list *client_requests_new(const void *ctx)
{
	struct client_request_list *l = mem_new(ctx, struct client_request_list);

	l->items = mem_array(l, struct client_request, 0);
	talloc_set_destructor(l, list_destroy);
	return l;
}

void client_requests_add(struct client_request_list *l, const char *to, const char *role, json_t *body)
{
	l->items = mem_resize(l, l->items, struct client_request, l->count + 1);
	l->items[l->count++] = (struct client_request){
		.to = mem_strdup(l, to),
		.role = role ? mem_strdup(l, role) : NULL,
		.body = body,
	};
}

/* --- telling the caller --- */

/* One outcome a turn: he may free all, so nothing comes after that. */
static void tell_next(void *arg)
{
	struct client_requests *g = arg;

	if (g->told < g->outcome_count) {
		const struct client_request *r = g->outcomes[g->told++];

		timer_again(g->teller, 0, 0);
		if (g->events.answered)
			g->events.answered(r, g->events.arg);
		return;
	}
	if (!g->over || g->ended)
		return;
	g->ended = true;
	if (g->open == 0) {
		g->events.ended(NULL, g->events.arg);
	} else {
		const struct client_request_options *o = &g->options;
		bool less = o->timeout_ms > 0 && o->timeout_ms < o->patience_ms;
		struct error *e = client_link_away(o->client, less ? o->timeout_ms : o->patience_ms, g->why_down);

		g->events.ended(e, g->events.arg);
		error_free(e);
	}
}

static void waiting(struct client_requests *g, enum client_waiting what, const char *why)
{
	if (g->events.waiting)
		g->events.waiting(what, why, g->events.arg);
}

static void finish(struct client_requests *g)
{
	g->over = true;
	timer_again(g->teller, 0, 0);
}

/* --- outcomes --- */

/* Takes e. */
static void decide(struct client_requests_item *item, struct error *e, json_t *data)
{
	struct client_requests *g = item->all;
	struct client_request *r = item->request;

	if (r->done) {
		error_free(e);
		return;
	}
	r->done = true;
	r->error = e;
	r->data = json_incref(data);
	r->took_ms = clock_mono_ms() - g->began_ms;
	g->outcomes[g->outcome_count++] = r;
	g->open--;
	g->over = g->over || g->open == 0;
	timer_again(g->teller, 0, 0);
}

static void decide_away(struct client_requests_item *item, bool gone)
{
	struct client_requests *g = item->all;
	struct client_request *r = item->request;

	if (r->done)
		return;
	r->away = true;
	r->gone = gone;
	if (!gone && !item->sent && g->held)
		r->held = mem_strdup(g->list, g->held);
	decide(item, NULL, NULL);
}

static struct error *unknown(const struct client_requests_item *item)
{
	const char *to = item->request->to;

	return error_new(
		ERROR_NOT_FOUND,
		"%s: nobody serves this id in network \"%s\"; check the id (\"vcli node list\"), or start an agent with --node %s",
		to, item->all->options.client->network, to);
}

static void on_sent(const struct error *e, void *arg)
{
	struct client_requests_item *item = arg;

	item->sent = item->sent || !e;
	/* After a lost connection it is sent again when the bus is up. */
	if (!e || e->code == ERROR_UNAVAILABLE)
		return;
	if (e->code == ERROR_NOT_FOUND && item->all->list->lasting)
		decide_away(item, true);
	else
		decide(item,
		       e->code == ERROR_NOT_FOUND ? unknown(item) : error_wrap(error_copy(e), "%s", item->request->to),
		       NULL);
}

/* A job's end takes as long as its stream takes to run dry; whether a node is there shows at once. */
static void ask_for_life(struct client_requests *g)
{
	for (size_t i = 0; i < g->list->count; i++) {
		if (!g->list->items[i].done && !g->items[i].alive)
			bus_send_prompt(g->bus, g->items[i].probe, NULL, NULL);
	}
}

static void on_away(void *arg)
{
	struct client_requests *g = arg;

	for (size_t i = 0; i < g->list->count; i++) {
		if (!g->items[i].alive)
			decide_away(&g->items[i], false);
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
	struct client_requests *g = arg;

	error_free(g->why_down);
	g->why_down = error_copy(why);
	if (!up) {
		waiting(g, CLIENT_WAITING_BUS, why->message);
		/* Waiting does not mend a wrong password. */
		if (!g->was_up && (why->code == ERROR_REFUSED || why->code == ERROR_INVALID))
			finish(g);
		return;
	}
	/* It was given up: what is sent now would be told as not sent. */
	if (g->over)
		return;
	g->was_up = true;
	mem_free(g->patience);
	g->patience = NULL;
	waiting(g, CLIENT_WAITING_ANSWERS, NULL);
	for (size_t i = 0; i < g->list->count; i++) {
		struct client_requests_item *item = &g->items[i];

		if (!item->request->done)
			(is_question(item->request->body) ? bus_send_prompt : bus_send)(g->bus, item->message, on_sent,
											item);
	}
	if (!g->list->lasting)
		return;
	ask_for_life(g);
	mem_free(g->away);
	g->away = timer_start(g, g->loop, AWAY_MS, 0, on_away, g);
}

static void on_message(struct bus_delivery *d, const struct message *m, void *arg)
{
	struct client_requests *g = arg;

	for (size_t i = 0; m->kind == MESSAGE_RESULT && i < g->list->count; i++) {
		struct client_requests_item *item = &g->items[i];
		struct error *failure = NULL, *e = NULL;
		json_t *data = NULL;

		/* Only its recipient can answer it. */
		if (strcasecmp(m->from, item->request->to) != 0)
			continue;
		if (item->probe && !strcmp(item->probe->id, m->re))
			item->alive = true;
		if (strcmp(item->message->id, m->re) != 0)
			continue;
		e = message_read_result(m, &failure, &data);
		decide(item, e ? e : failure, e ? NULL : data);
		break;
	}
	bus_accept(d);
}

static void on_refused(const char *id, const struct error *why, void *arg)
{
	struct client_requests *g = arg;

	(void)id;
	waiting(g, CLIENT_WAITING_MAILBOX, why->message);
}

static void on_held(const char *why, void *arg)
{
	struct client_requests *g = arg;

	mem_free(g->held);
	g->held = why ? mem_strdup(g, why) : NULL;
	waiting(g, why ? CLIENT_WAITING_ROOM : CLIENT_WAITING_ANSWERS, why);
}

/* Why there is no answer, and whether the command is on its way all the same. */
static struct error *no_answer(const struct client_requests *g, const struct client_requests_item *item)
{
	long long after_ms = (long long)g->options.timeout_ms;
	const char *to = item->request->to;

	if (g->why_down)
		return error_new(ERROR_UNAVAILABLE, "%s: %s: the broker was lost and did not come back: %s", to,
				 item->sent ? "sent, but not answered" : "not sent", g->why_down->message);
	if (!item->sent && g->held)
		return error_new(ERROR_UNAVAILABLE, "%s: not sent within %lld ms: %s", to, after_ms, g->held);
	if (!item->sent)
		return error_new(
			ERROR_TIMEOUT,
			"%s: not known to be sent within %lld ms: nobody has confirmed it, or told the key to seal it with; its agent may be away",
			to, after_ms);
	return error_new(
		ERROR_TIMEOUT,
		"%s: no answer within %lld ms; its agent may be away or busy, and will find the command in its mailbox for %lld s",
		to, after_ms, (long long)(item->message->ttl_ms / 1000));
}

/* Deadline or lost patience: what is still open has no answer. */
static void on_deadline(void *arg)
{
	struct client_requests *g = arg;

	for (size_t i = 0; g->was_up && i < g->list->count; i++) {
		struct client_requests_item *item = &g->items[i];

		if (item->request->done)
			continue;
		if (g->list->lasting && !item->alive && !g->why_down)
			decide_away(item, false);
		else
			decide(item, no_answer(g, item), NULL);
	}
	finish(g);
}

/* --- the beginning --- */

/* A question that changes nothing and is answered at once. */
static struct message *probe(struct client_requests *g, const char *self, const char *to)
{
	json_t *body = api_command_document(API_PIPELINE_LIST, to, NULL, NULL);
	struct message *m = message_new(g, MESSAGE_COMMAND, self, to, CLIENT_TTL_LEAST_MS, body);

	json_decref(body);
	return m;
}

static int requests_destroy(struct client_requests *g)
{
	error_free(g->why_down);
	return 0;
}

static struct error *open_bus(struct client_requests *g)
{
	const struct bus_handlers handlers = {
		.on_state = on_state, .on_message = on_message, .on_refused = on_refused, .on_held = on_held, .arg = g};
	struct client_link link;

	TRY(client_link_open(g, g->loop, g->options.client, &handlers, &link));
	g->bus = link.bus;
	for (size_t i = 0; i < g->list->count; i++) {
		struct client_requests_item *item = &g->items[i];
		struct client_request *r = &g->list->items[i];
		int64_t ttl_ms = g->list->lasting ? CLIENT_TTL_MOST_MS : g->options.ttl_ms;

		item->all = g;
		item->request = r;
		item->message = message_new(g, MESSAGE_COMMAND, link.self, r->to, ttl_ms, r->body);
		if (g->list->lasting)
			item->probe = probe(g, link.self, r->to);
	}
	return NULL;
}

static void start_clocks(struct client_requests *g)
{
	int64_t timeout_ms = g->options.timeout_ms, patience_ms = g->options.patience_ms;

	if (timeout_ms > 0)
		g->deadline = timer_start(g, g->loop, timeout_ms, 0, on_deadline, g);
	if (!timeout_ms || patience_ms < timeout_ms)
		g->patience = timer_start(g, g->loop, patience_ms, 0, on_deadline, g);
}

struct error *client_requests_begin(const void *ctx, uv_loop_t *loop, const struct client_request_options *options,
				    struct client_request_list *l, const struct client_request_events *events,
				    struct client_requests **ret_requests)
{
	struct client_requests *g = mem_new(ctx, struct client_requests);
	struct error *e = NULL;

	*g = (struct client_requests){.options = *options, .list = l, .events = *events, .loop = loop};
	g->open = l->count;
	g->began_ms = clock_mono_ms();
	g->items = mem_array(g, struct client_requests_item, l->count + 1);
	g->outcomes = mem_array(g, struct client_request *, l->count + 1);
	g->teller = timer_start(g, loop, 0, 0, tell_next, g);
	talloc_set_destructor(g, requests_destroy);
	e = open_bus(g);
	if (e) {
		mem_free(g);
		return e;
	}
	start_clocks(g);
	if (l->count == 0)
		finish(g);
	*ret_requests = g;
	return NULL;
}
