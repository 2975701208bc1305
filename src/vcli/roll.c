#include "vcli/roll.h"

#include <signal.h>
#include <string.h>

#include "api/command.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/bus.h"
#include "vcli/link.h"
#include "vcli/progress.h"
#include "vcli/request.h"
#include "vcli/sender.h"
#include "vcli/wait.h"

/* Each message wants its proof of work, and is repeated when it gets lost. */
#define WHISPER_MS 3000

struct asked {
	struct roll *roll;
	char *id;
	struct message *message;
	bool done;
};

struct roll {
	struct vcli *v;
	struct known *known;
	struct bus *bus;
	struct progress *progress;
	struct timer *end;
	struct asked *asked;
	size_t count, open;
	int64_t began_ms, listen_ms;
	bool was_up, over;
	struct error *why_down;
};

static void stop(void *arg)
{
	struct roll *r = arg;

	r->over = true;
}

static void on_signal(int signum, void *arg)
{
	(void)signum;
	stop(arg);
}

static void done(struct asked *a)
{
	struct roll *r = a->roll;

	if (a->done)
		return;
	a->done = true;
	if (--r->open == 0 && !r->listen_ms)
		stop(r);
}

static void on_sent(const struct error *e, void *arg)
{
	/* Nobody has such a mailbox, or it takes nothing: there will be no answer. */
	if (e && e->code != ERROR_UNAVAILABLE)
		done(arg);
}

/* How long answers may take once the bus is up. */
static int64_t answer_ms(const struct roll *r)
{
	int64_t took_ms = clock_mono_ms() - r->began_ms;

	if (strncmp(r->v->set.client.bus, "shh:", 4) == 0)
		return WHISPER_MS;
	return took_ms * 3 > ROLL_MS ? took_ms * 2 : ROLL_MS - took_ms;
}

static void on_state(bool up, const struct error *why, void *arg)
{
	struct roll *r = arg;

	error_free(r->why_down);
	r->why_down = error_copy(why);
	if (!up) {
		progress_say(r->progress, "waiting for the broker: %s", why->message);
		/* Nobody listens there, or it does not let us in: what is known is all there is to say. */
		if (!r->was_up && (!r->listen_ms || why->code == ERROR_REFUSED || why->code == ERROR_INVALID))
			stop(r);
		return;
	}
	progress_say(r->progress, r->listen_ms ? "listening for nodes that report" : "waiting for answers");
	if (!r->was_up && !r->listen_ms)
		timer_again(r->end, answer_ms(r), 0);
	r->was_up = true;
	for (size_t i = 0; i < r->count; i++) {
		if (!r->asked[i].done)
			bus_send(r->bus, r->asked[i].message, on_sent, &r->asked[i]);
	}
}

/* The lines of an agent's list; what was known of the agent and is no more in it was removed elsewhere. */
static void take_list(struct known *k, const char *from, const json_t *data)
{
	const char *agent = json_string_value(json_object_get(data, "agent_id"));
	json_t *nodes = json_object_get(data, "nodes"), *row = NULL;
	json_t *present = json_object();
	size_t i = 0;

	json_array_foreach (nodes, i, row) {
		const char *id = json_string_value(json_object_get(row, "node_id"));
		json_t *copy = json_copy(row);

		if (id && agent) {
			json_put(copy, "agent_id", agent);
			json_object_set(copy, "agent_name", json_object_get(data, "agent_name"));
			known_see(k, id, copy);
			if (known_find(k, id))
				known_find(k, id)->answered = true;
			json_object_set_new(present, id, json_true());
		}
		json_decref(copy);
	}
	for (i = k->count; agent && i > 0; i--) {
		struct known_node *n = k->nodes[i - 1];

		if (!json_object_get(present, n->id) &&
		    (strcmp(n->id, from) == 0 || (n->agent_id && strcmp(n->agent_id, agent) == 0)))
			known_forget(k, n->id);
	}
	json_decref(present);
}

static void on_message(struct bus_delivery *d, const struct message *m, void *arg)
{
	struct roll *r = arg;

	for (size_t i = 0; m->kind == MESSAGE_RESULT && i < r->count; i++) {
		struct asked *a = &r->asked[i];
		struct error *failure = NULL, *e = NULL;
		json_t *data = NULL;

		if (strcmp(a->message->id, m->re) != 0 || strcmp(m->from, a->id) != 0)
			continue;
		/* Also one that refuses to tell us has shown that it lives. */
		known_see(r->known, a->id, NULL);
		e = message_read_result(m, &failure, &data);
		if (!e && !failure)
			take_list(r->known, a->id, data);
		error_free(e);
		error_free(failure);
		done(a);
		break;
	}
	bus_accept(d);
}

static void on_status(const struct message *m, void *arg)
{
	struct roll *r = arg;
	const char *id = json_string_value(json_object_get(m->body, "node_id"));

	if (!id || strcmp(id, m->from) == 0)
		known_see(r->known, m->from, m->body);
}

static void on_refused(const char *id, const struct error *why, void *arg)
{
	struct roll *r = arg;

	(void)id;
	progress_say(r->progress, "waiting: %s", why->message);
}

static struct error *open_roll(struct roll *r)
{
	const struct bus_handlers handlers = {.on_state = on_state,
					      .on_message = on_message,
					      .on_refused = on_refused,
					      .on_status = on_status,
					      .arg = r};
	struct link link;
	json_t *body = api_command_document(API_NODE_LIST, NULL, NULL, NULL);
	struct error *e = link_open(r, r->v, &r->v->set.client, &handlers, &link);

	r->count = r->open = e ? 0 : r->known->count;
	r->asked = mem_array(r, struct asked, r->count + 1);
	for (size_t i = 0; i < r->count; i++) {
		struct asked *a = &r->asked[i];

		a->roll = r;
		a->id = mem_strdup(r, r->known->nodes[i]->id);
		a->message = message_new(r, MESSAGE_COMMAND, link.self, a->id, request_ttl_ms(r->v), body);
	}
	json_decref(body);
	if (!e)
		r->bus = link.bus;
	return e ? e : bus_watch_status(r->bus);
}

struct error *roll_call(struct vcli *v, struct known *k, int64_t listen_ms)
{
	struct roll *r = mem_new(NULL, struct roll);
	struct error *e = NULL;

	sender_restart(v);
	*r = (struct roll){.v = v, .known = k, .listen_ms = listen_ms, .began_ms = clock_mono_ms()};
	r->progress = progress_new(r, v);
	progress_say(r->progress, "connecting to the broker");
	e = open_roll(r);
	if (!e) {
		signal_start(r, &v->loop, SIGINT, on_signal, r);
		signal_start(r, &v->loop, SIGTERM, on_signal, r);
		r->end = timer_start(r, &v->loop, listen_ms ? listen_ms : link_patience_ms(v), 0, stop, r);
		vcli_wait(&v->loop, &r->over, VCLI_WAIT_FOREVER);
		if (!r->was_up)
			e = link_away(v, r->why_down);
	}
	error_free(r->why_down);
	mem_free(r);
	return e;
}
