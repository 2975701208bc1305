#include "client/discovery.h"

#include <string.h>

#include "api/command.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/bus.h"
#include "client/link.h"

/* Each message wants its proof of work, and is repeated when it gets lost. */
#define WHISPER_MS 3000

struct client_discovery_asked {
	struct client_discovery *discovery;
	char *id;
	struct message *message;
	bool done, answered;
};

struct client_discovery {
	struct client_discovery_options options;
	struct client_discovery_events events;
	struct client_known *known;
	uv_loop_t *loop;
	struct bus *bus;
	struct timer *end;
	struct timer
		*teller; /* the caller may free all, and the bus is not to be freed from within its own callbacks */
	struct client_discovery_asked *asked;
	size_t count, open;
	int64_t began_ms;
	bool was_up, over;
	struct error *why_down;
};

static void tell_end(void *arg)
{
	struct client_discovery *r = arg;
	struct error *e = r->was_up ? NULL : client_link_away(r->options.client, r->options.away_ms, r->why_down);

	r->events.ended(e, r->events.arg);
	error_free(e);
}

static void stop(void *arg)
{
	struct client_discovery *r = arg;

	if (!r->over)
		r->teller = timer_start(r, r->loop, 0, 0, tell_end, r);
	r->over = true;
}

static void waiting(struct client_discovery *r, enum client_waiting what, const char *why)
{
	if (r->events.waiting)
		r->events.waiting(what, why, r->events.arg);
}

static void done(struct client_discovery_asked *a)
{
	struct client_discovery *r = a->discovery;

	if (a->done)
		return;
	a->done = true;
	if (--r->open == 0 && !r->options.listen_ms)
		stop(r);
}

static void on_sent(const struct error *e, void *arg)
{
	/* Nobody has such a mailbox, or it takes nothing: there will be no answer. */
	if (e && e->code != ERROR_UNAVAILABLE)
		done(arg);
}

/* How long answers may take once the bus is up. */
static int64_t answer_ms(const struct client_discovery *r)
{
	int64_t took_ms = clock_mono_ms() - r->began_ms;

	if (strncmp(r->options.client->bus, "shh:", 4) == 0)
		return WHISPER_MS;
	return took_ms * 3 > CLIENT_DISCOVERY_MS ? took_ms * 2 : CLIENT_DISCOVERY_MS - took_ms;
}

static void on_state(bool up, const struct error *why, void *arg)
{
	struct client_discovery *r = arg;

	error_free(r->why_down);
	r->why_down = error_copy(why);
	if (!up) {
		waiting(r, CLIENT_WAITING_BUS, why->message);
		/* Nobody listens there, or it does not let us in: what is known is all there is to say. */
		if (!r->was_up && (!r->options.listen_ms || why->code == ERROR_REFUSED || why->code == ERROR_INVALID))
			stop(r);
		return;
	}
	waiting(r, CLIENT_WAITING_ANSWERS, NULL);
	if (!r->was_up && !r->options.listen_ms)
		timer_again(r->end, answer_ms(r), 0);
	r->was_up = true;
	for (size_t i = 0; i < r->count; i++) {
		if (!r->asked[i].done)
			bus_send(r->bus, r->asked[i].message, on_sent, &r->asked[i]);
	}
}

static bool has_answered(const struct client_discovery *r, const char *id)
{
	for (size_t i = 0; i < r->count; i++) {
		if (r->asked[i].answered && strcmp(r->asked[i].id, id) == 0)
			return true;
	}
	return false;
}

/* The lines of an agent's list; what was known of the agent and is no more in it was removed elsewhere. A node may say
 * what it likes of others, also that they are its agent's: what they have said of themselves stands. */
static void take_list(struct client_discovery *r, const char *from, const json_t *data)
{
	struct client_known *k = r->known;
	const char *agent = json_string_value(json_object_get(data, "agent_id"));
	json_t *nodes = json_object_get(data, "nodes"), *row = NULL;
	json_t *present = json_object();
	size_t i = 0;

	json_array_foreach (nodes, i, row) {
		const char *id = json_string_value(json_object_get(row, "node_id"));
		json_t *copy = json_copy(row);

		if (id && agent && (strcmp(id, from) == 0 || !has_answered(r, id))) {
			json_put(copy, "agent_id", agent);
			json_object_set(copy, "agent_name", json_object_get(data, "agent_name"));
			client_known_see(k, id, copy);
			if (client_known_find(k, id))
				client_known_find(k, id)->answered = true;
			json_object_set_new(present, id, json_true());
		}
		json_decref(copy);
	}
	for (i = k->count; agent && i > 0; i--) {
		struct client_known_node *n = k->nodes[i - 1];

		if (!json_object_get(present, n->id) && (strcmp(n->id, from) == 0 || !has_answered(r, n->id)) &&
		    (strcmp(n->id, from) == 0 || (n->agent_id && strcmp(n->agent_id, agent) == 0)))
			client_known_forget(k, n->id);
	}
	json_decref(present);
}

static void on_message(struct bus_delivery *d, const struct message *m, void *arg)
{
	struct client_discovery *r = arg;

	for (size_t i = 0; m->kind == MESSAGE_RESULT && i < r->count; i++) {
		struct client_discovery_asked *a = &r->asked[i];
		struct error *failure = NULL, *e = NULL;
		json_t *data = NULL;

		if (strcmp(a->message->id, m->re) != 0 || strcmp(m->from, a->id) != 0)
			continue;
		a->answered = true;
		/* Also one that refuses to tell us has shown that it lives. */
		client_known_see(r->known, a->id, NULL);
		e = message_read_result(m, &failure, &data);
		if (!e && !failure)
			take_list(r, a->id, data);
		error_free(e);
		error_free(failure);
		done(a);
		break;
	}
	bus_accept(d);
}

static void on_status(const struct message *m, void *arg)
{
	struct client_discovery *r = arg;
	const char *id = json_string_value(json_object_get(m->body, "node_id"));

	if (!id || strcmp(id, m->from) == 0)
		client_known_see(r->known, m->from, m->body);
}

static void on_refused(const char *id, const struct error *why, void *arg)
{
	struct client_discovery *r = arg;

	(void)id;
	waiting(r, CLIENT_WAITING_MAILBOX, why->message);
}

static int discovery_destroy(struct client_discovery *r)
{
	error_free(r->why_down);
	return 0;
}

static struct error *open_bus(struct client_discovery *r)
{
	const struct bus_handlers handlers = {.on_state = on_state,
					      .on_message = on_message,
					      .on_refused = on_refused,
					      .on_status = on_status,
					      .arg = r};
	struct client_link link;
	json_t *body;

	TRY(client_link_open(r, r->loop, r->options.client, &handlers, &link));
	body = api_command_document(API_NODE_LIST, NULL, NULL, NULL);
	r->count = r->open = r->known->count;
	r->asked = mem_array(r, struct client_discovery_asked, r->count + 1);
	for (size_t i = 0; i < r->count; i++) {
		struct client_discovery_asked *a = &r->asked[i];

		a->discovery = r;
		a->id = mem_strdup(r, r->known->nodes[i]->id);
		a->message = message_new(r, MESSAGE_COMMAND, link.self, a->id, r->options.ttl_ms, body);
	}
	json_decref(body);
	r->bus = link.bus;
	return bus_watch_status(r->bus);
}

struct error *client_discovery_begin(const void *ctx, uv_loop_t *loop, const struct client_discovery_options *options,
				     struct client_known *known, const struct client_discovery_events *events,
				     struct client_discovery **ret_discovery)
{
	struct client_discovery *r = mem_new(ctx, struct client_discovery);
	struct error *e;

	*r = (struct client_discovery){.options = *options, .events = *events, .known = known, .loop = loop};
	r->began_ms = clock_mono_ms();
	talloc_set_destructor(r, discovery_destroy);
	e = open_bus(r);
	if (e) {
		mem_free(r);
		return e;
	}
	r->end = timer_start(r, loop, options->listen_ms ? options->listen_ms : options->patience_ms, 0, stop, r);
	*ret_discovery = r;
	return NULL;
}

void client_discovery_end(struct client_discovery *r)
{
	stop(r);
}
