#include "client/watch.h"

#include "base/loop.h"
#include "base/mem.h"
#include "client/link.h"

struct client_watch {
	struct client_watch_options options;
	struct client_watch_events events;
	uv_loop_t *loop;
	struct bus *bus;
	struct message **asked;
	size_t asked_count;
	struct timer *patience, *deadline;
	struct timer
		*teller; /* the caller may free all, and the bus is not to be freed from within its own callbacks */
	bool was_up, over;
	struct error *why_down, *failure;
};

static void tell_end(void *arg)
{
	struct client_watch *w = arg;
	const struct client_watch_options *o = &w->options;
	bool less = o->timeout_ms > 0 && o->timeout_ms < o->patience_ms;
	struct error *e = NULL;

	if (w->failure)
		e = error_copy(w->failure);
	else if (!w->was_up)
		e = client_link_away(o->client, less ? o->timeout_ms : o->patience_ms, w->why_down);
	w->events.ended(e, w->events.arg);
	error_free(e);
}

static void end(struct client_watch *w)
{
	if (!w->over)
		w->teller = timer_start(w, w->loop, 0, 0, tell_end, w);
	w->over = true;
}

static void waiting(struct client_watch *w, enum client_waiting what, const char *why)
{
	if (w->events.waiting)
		w->events.waiting(what, why, w->events.arg);
}

static void on_asked(const struct error *e, void *arg)
{
	struct client_watch *w = arg;

	if (!e || e->code == ERROR_UNAVAILABLE || w->failure)
		return;
	w->failure = error_copy(e);
	end(w);
}

static void on_state(bool up, const struct error *why, void *arg)
{
	struct client_watch *w = arg;

	error_free(w->why_down);
	w->why_down = error_copy(why);
	if (!up) {
		waiting(w, CLIENT_WAITING_BUS, why->message);
		if (!w->was_up && (why->code == ERROR_REFUSED || why->code == ERROR_INVALID))
			end(w);
		return;
	}
	/* It has ended: nothing is asked any more. */
	if (w->over)
		return;
	w->was_up = true;
	mem_free(w->patience);
	w->patience = NULL;
	waiting(w, CLIENT_WAITING_ANSWERS, NULL);
	for (size_t i = 0; i < w->asked_count; i++)
		bus_send(w->bus, w->asked[i], on_asked, w);
}

/* Results of what was asked: only a failure matters. */
static void on_message(struct bus_delivery *d, const struct message *m, void *arg)
{
	struct client_watch *w = arg;
	struct error *failure = NULL;
	json_t *data = NULL;

	if (m->kind == MESSAGE_RESULT)
		error_free(message_read_result(m, &failure, &data));
	if (failure && !w->failure) {
		w->failure = error_wrap(failure, "%s", m->from);
		end(w);
	} else {
		error_free(failure);
	}
	bus_accept(d); /* the message goes with it */
}

static void on_refused(const char *id, const struct error *why, void *arg)
{
	struct client_watch *w = arg;

	(void)id;
	waiting(w, CLIENT_WAITING_MAILBOX, why->message);
}

static void on_status(const struct message *m, void *arg)
{
	struct client_watch *w = arg;

	if (!w->over && !w->events.status(m, w->events.arg))
		end(w);
}

static void on_end(void *arg)
{
	end(arg);
}

static int watch_destroy(struct client_watch *w)
{
	error_free(w->why_down);
	error_free(w->failure);
	return 0;
}

static struct error *open_bus(struct client_watch *w, const struct client_request_list *ask)
{
	const struct bus_handlers handlers = {.on_state = on_state,
					      .on_message = on_message,
					      .on_refused = on_refused,
					      .on_status = on_status,
					      .arg = w};
	struct client_link link;

	TRY(client_link_open(w, w->loop, w->options.client, &handlers, &link));
	w->bus = link.bus;
	w->asked_count = ask ? ask->count : 0;
	w->asked = mem_array(w, struct message *, w->asked_count + 1);
	for (size_t i = 0; i < w->asked_count; i++)
		w->asked[i] = message_new(w, MESSAGE_COMMAND, link.self, ask->items[i].to, w->options.ttl_ms,
					  ask->items[i].body);
	return bus_watch_status(w->bus);
}

struct error *client_watch_begin(const void *ctx, uv_loop_t *loop, const struct client_watch_options *options,
				 const struct client_request_list *ask, const struct client_watch_events *events,
				 struct client_watch **ret_watch)
{
	struct client_watch *w = mem_new(ctx, struct client_watch);
	struct error *e;

	*w = (struct client_watch){.options = *options, .events = *events, .loop = loop};
	talloc_set_destructor(w, watch_destroy);
	e = open_bus(w, ask);
	if (e) {
		mem_free(w);
		return e;
	}
	if (options->timeout_ms > 0)
		w->deadline = timer_start(w, loop, options->timeout_ms, 0, on_end, w);
	w->patience = timer_start(w, loop, options->patience_ms, 0, on_end, w);
	*ret_watch = w;
	return NULL;
}

void client_watch_end(struct client_watch *w)
{
	end(w);
}
