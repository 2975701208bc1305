#include "client/discovery.h"

#include <string.h>

#include "api/command.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "client/patience.h"
#include "client/post.h"

/* Each message wants its proof of work, and is repeated when it gets lost. */
#define WHISPER_MS 3000

struct client_discovery_asked {
	struct client_discovery *discovery;
	char *id;
	struct client_post *post;
	bool done, answered;
};

struct client_discovery {
	struct client_discovery_options options;
	struct client_discovery_events events;
	struct client_known *known;
	uv_loop_t *loop;
	struct client_patience *patience;
	struct timer *end;    /* NULL: it has not begun to count */
	struct timer *teller; /* the caller may free all, also the link */
	struct client_discovery_asked *asked;
	size_t count, open;
	int64_t began_ms;
	bool over;
};

static void tell_end(void *arg)
{
	struct client_discovery *r = arg;
	struct error *e = client_patience_error(r->patience);

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

static void on_waiting(enum client_waiting what, const char *why, void *arg)
{
	struct client_discovery *r = arg;

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
	int64_t waited_ms = clock_mono_ms() - r->began_ms, far_ms = client_link_took_ms(r->options.link);
	int64_t took_ms = waited_ms > far_ms ? waited_ms : far_ms;

	if (strncmp(client_link_client(r->options.link)->bus, "shh:", 4) == 0)
		return WHISPER_MS;
	return took_ms * 3 > CLIENT_DISCOVERY_MS ? took_ms * 2 : CLIENT_DISCOVERY_MS - waited_ms;
}

static void on_up(void *arg)
{
	struct client_discovery *r = arg;

	if (r->over)
		return;
	if (!r->end)
		r->end = timer_start(r, r->loop, answer_ms(r), 0, stop, r);
	for (size_t i = 0; i < r->count; i++) {
		if (!r->asked[i].done)
			client_post_send(r->asked[i].post, false);
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

static void on_result(const struct message *m, void *arg)
{
	struct client_discovery_asked *a = arg;
	struct client_discovery *r = a->discovery;
	struct error *failure = NULL, *e = NULL;
	json_t *data = NULL;

	a->answered = true;
	/* Also one that refuses to tell us has shown that it lives. */
	client_known_see(r->known, a->id, NULL);
	e = message_read_result(m, &failure, &data);
	if (!e && !failure)
		take_list(r, a->id, data);
	error_free(e);
	error_free(failure);
	done(a);
}

static void on_status(const struct message *m, void *arg)
{
	struct client_discovery *r = arg;
	const char *id = json_string_value(json_object_get(m->body, "node_id"));

	if (!id || strcmp(id, m->from) == 0)
		client_known_see(r->known, m->from, m->body);
}

static struct error *make_posts(struct client_discovery *r)
{
	json_t *body = api_command_document(API_NODE_LIST, NULL, NULL, NULL);
	struct error *e = NULL;

	r->count = r->open = r->known->count;
	r->asked = mem_array(r, struct client_discovery_asked, r->count + 1);
	for (size_t i = 0; !e && i < r->count; i++) {
		struct client_discovery_asked *a = &r->asked[i];
		const struct client_post_events events = {.sent = on_sent, .answered = on_result, .arg = a};

		a->discovery = r;
		a->id = mem_strdup(r, r->known->nodes[i]->id);
		e = client_post_new(r, r->options.link, a->id, r->options.ttl_ms, body, &events, &a->post);
	}
	json_decref(body);
	return e;
}

/* Nobody listens there, or it does not let us in: what is known is all there is to say. Who listens waits all the same.
 */
static struct error *begin(struct client_discovery *r)
{
	const struct client_discovery_options *o = &r->options;
	const struct client_patience_options options = {.link = o->link,
							.timeout_ms = o->listen_ms ? 0 : o->timeout_ms,
							.patience_ms = o->listen_ms ? o->listen_ms : o->patience_ms,
							.hasty = !o->listen_ms};
	const struct client_patience_events events = {
		.up = on_up, .given_up = stop, .waiting = on_waiting, .status = on_status, .arg = r};

	TRY(make_posts(r));
	return client_patience_new(r, &options, &events, &r->patience);
}

struct error *client_discovery_begin(const void *ctx, const struct client_discovery_options *options,
				     struct client_known *known, const struct client_discovery_events *events,
				     struct client_discovery **ret_discovery)
{
	struct client_discovery *r = mem_new(ctx, struct client_discovery);
	struct error *e;

	*r = (struct client_discovery){.options = *options, .events = *events, .known = known};
	r->loop = client_link_loop(options->link);
	r->began_ms = clock_mono_ms();
	e = begin(r);
	if (e) {
		mem_free(r);
		return e;
	}
	if (options->listen_ms)
		r->end = timer_start(r, r->loop, options->listen_ms, 0, stop, r);
	*ret_discovery = r;
	return NULL;
}

void client_discovery_end(struct client_discovery *r)
{
	stop(r);
}
