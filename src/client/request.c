#include "client/request.h"

#include "api/command.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "client/patience.h"
#include "client/post.h"

/* How long a node that is there takes to answer a question, on a slow network too. */
#define AWAY_MS 3000

/* A request on its way. */
struct client_requests_item {
	struct client_requests *all;
	struct client_request *request;
	struct client_post *post, *probe;
	int64_t ttl_ms;
	bool prompt; /* a question */
	bool sent;   /* the transport has it safely, see bus_sent_fn */
	bool alive;  /* has answered the probe */
};

struct client_requests {
	struct client_request_options options;
	struct client_request_list *list;
	struct client_request_events events;
	uv_loop_t *loop;
	struct client_patience *patience;
	struct client_requests_item *items;
	struct timer *deadline, *away;
	size_t open;      /* requests without outcome */
	bool over, ended; /* nothing more is waited for; and the caller was told */
	int64_t began_ms;
	/* What the caller is still to be told, by a timer: he may free all, also the link, which is not to be freed
	 * from within its own callbacks. */
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
		struct error *e = client_patience_error(g->patience);

		g->events.ended(e, g->events.arg);
		error_free(e);
	}
}

static void on_waiting(enum client_waiting what, const char *why, void *arg)
{
	struct client_requests *g = arg;

	if (g->events.waiting)
		g->events.waiting(what, why, g->events.arg);
}

static void finish(void *arg)
{
	struct client_requests *g = arg;

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
	const char *held = client_patience_held(g->patience);

	if (r->done)
		return;
	r->away = true;
	r->gone = gone;
	r->unsent = !gone && !item->sent;
	if (r->unsent && held)
		r->held = mem_strdup(g->list, held);
	decide(item, NULL, NULL);
}

static struct error *unknown(const struct client_requests_item *item)
{
	const char *to = item->request->to;

	return error_new(
		ERROR_NOT_FOUND,
		"%s: nobody serves this id in network \"%s\"; check the id (\"vcli node list\"), or start an agent with --node %s",
		to, client_link_client(item->all->options.link)->network, to);
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
			client_post_send(g->items[i].probe, true);
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

static void on_up(void *arg)
{
	struct client_requests *g = arg;

	/* All have their outcome, or it was given up: what is sent now would be told as not sent. */
	if (g->over)
		return;
	for (size_t i = 0; i < g->list->count; i++) {
		struct client_requests_item *item = &g->items[i];

		if (!item->request->done)
			client_post_send(item->post, item->prompt);
	}
	if (!g->list->lasting)
		return;
	ask_for_life(g);
	mem_free(g->away);
	g->away = timer_start(g, g->loop, AWAY_MS, 0, on_away, g);
}

static void on_result(const struct message *m, void *arg)
{
	struct client_requests_item *item = arg;
	struct error *failure = NULL, *e = NULL;
	json_t *data = NULL;

	e = message_read_result(m, &failure, &data);
	decide(item, e ? e : failure, e ? NULL : data);
}

static void on_life(const struct message *m, void *arg)
{
	struct client_requests_item *item = arg;

	(void)m;
	item->alive = true;
}

/* Why there is no answer, and whether the command is on its way all the same. */
static struct error *no_answer(const struct client_requests *g, const struct client_requests_item *item)
{
	long long after_ms = (long long)g->options.timeout_ms;
	const char *to = item->request->to, *held = client_patience_held(g->patience);
	const struct error *down = client_patience_down(g->patience);

	if (down)
		return error_new(ERROR_UNAVAILABLE, "%s: %s: the broker was lost and did not come back: %s", to,
				 item->sent ? "sent, but not answered" : "not sent", down->message);
	if (!item->sent && held)
		return error_new(ERROR_UNAVAILABLE, "%s: not sent within %lld ms: %s", to, after_ms, held);
	if (!item->sent)
		return error_new(
			ERROR_TIMEOUT,
			"%s: not known to be sent within %lld ms: nobody has confirmed it, or told the key to seal it with; its agent may be away",
			to, after_ms);
	return error_new(
		ERROR_TIMEOUT,
		"%s: no answer within %lld ms; its agent may be away or busy, and will find the command in its mailbox for %lld s",
		to, after_ms, (long long)(item->ttl_ms / 1000));
}

/* What is still open has no answer. */
static void on_deadline(void *arg)
{
	struct client_requests *g = arg;
	bool reached = client_patience_reached(g->patience);

	for (size_t i = 0; reached && i < g->list->count; i++) {
		struct client_requests_item *item = &g->items[i];

		if (item->request->done)
			continue;
		item->request->unsent = !item->sent;
		if (g->list->lasting && !item->alive && !client_patience_down(g->patience))
			decide_away(item, false);
		else
			decide(item, no_answer(g, item), NULL);
	}
	finish(g);
}

/* --- the beginning --- */

/* A question that changes nothing and is answered at once. */
static struct error *make_probe(struct client_requests_item *item)
{
	struct client_requests *g = item->all;
	const struct client_post_events events = {.answered = on_life, .arg = item};
	const char *to = item->request->to;
	json_t *body = api_command_document(API_PIPELINE_LIST, to, NULL, NULL);
	struct error *e = client_post_new(g, g->options.link, to, CLIENT_TTL_LEAST_MS, body, &events, &item->probe);

	json_decref(body);
	return e;
}

static struct error *make_posts(struct client_requests *g)
{
	for (size_t i = 0; i < g->list->count; i++) {
		struct client_requests_item *item = &g->items[i];
		const struct client_post_events events = {.sent = on_sent, .answered = on_result, .arg = item};
		struct client_request *r = &g->list->items[i];

		item->all = g;
		item->request = r;
		item->ttl_ms = g->list->lasting ? CLIENT_TTL_MOST_MS : g->options.ttl_ms;
		item->prompt = is_question(r->body);
		TRY(client_post_new(g, g->options.link, r->to, item->ttl_ms, r->body, &events, &item->post));
		if (!item->prompt)
			client_post_set_term(item->post, g->options.term);
		if (g->list->lasting)
			TRY(make_probe(item));
	}
	return NULL;
}

static struct error *begin(struct client_requests *g)
{
	const struct client_patience_options options = {
		.link = g->options.link, .timeout_ms = g->options.timeout_ms, .patience_ms = g->options.patience_ms};
	const struct client_patience_events events = {.up = on_up, .given_up = finish, .waiting = on_waiting, .arg = g};

	TRY(make_posts(g));
	return client_patience_new(g, &options, &events, &g->patience);
}

struct error *client_requests_begin(const void *ctx, const struct client_request_options *options,
				    struct client_request_list *l, const struct client_request_events *events,
				    struct client_requests **ret_requests)
{
	struct client_requests *g = mem_new(ctx, struct client_requests);
	struct error *e = NULL;

	*g = (struct client_requests){.options = *options, .list = l, .events = *events};
	g->loop = client_link_loop(options->link);
	g->open = l->count;
	g->began_ms = clock_mono_ms();
	g->items = mem_array(g, struct client_requests_item, l->count + 1);
	g->outcomes = mem_array(g, struct client_request *, l->count + 1);
	e = begin(g);
	if (e) {
		mem_free(g);
		return e;
	}
	g->teller = timer_start(g, g->loop, 0, 0, tell_next, g);
	if (options->timeout_ms > 0)
		g->deadline = timer_start(g, g->loop, options->timeout_ms, 0, on_deadline, g);
	if (l->count == 0)
		finish(g);
	*ret_requests = g;
	return NULL;
}
