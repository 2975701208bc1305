#include "bus/hello.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/complete.h"

#define ASK_FIRST_MS 1000
#define ASK_MOST_MS (10 * 60 * 1000)

struct hello_waiting {
	struct hello_waiting *next;
	struct message *message;
	bus_sent_fn *fn;
	void *arg;
};

/* One whom we ask. */
struct asked {
	struct asked *next;
	struct hellos *hellos;
	char *id;
	struct hello_waiting *first, **last;
	int64_t every_ms;
	struct timer *timer;
};

struct hellos {
	uv_loop_t *loop;
	struct hellos_events events;
	struct asked *asked;
	size_t count;
};

struct hellos *hellos_new(const void *ctx, uv_loop_t *loop, const struct hellos_events *events)
{
	struct hellos *h = mem_new(ctx, struct hellos);

	h->loop = loop;
	h->events = *events;
	return h;
}

/* --- giving up --- */

/* Gives up what waits for one; `why` is borrowed. */
static void give_up(struct asked *a, const struct error *why)
{
	for (struct hello_waiting *w = a->first; w; w = w->next) {
		a->hellos->count--;
		bus_complete_later(a->hellos, a->hellos->loop, error_copy(why), w->fn, w->arg);
	}
	a->first = NULL;
}

static void forget(struct asked *a)
{
	struct asked **at = &a->hellos->asked;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	mem_free(a);
}

/* --- asking --- */

static struct asked *find(const struct hellos *h, const char *id)
{
	struct asked *a = h->asked;

	while (a && strcasecmp(a->id, id))
		a = a->next;
	return a;
}

/* The one who was asked may have answered meanwhile. */
struct question {
	struct hellos *hellos;
	char *id;
};

static void on_asked(const struct error *e, void *arg)
{
	struct question *q = talloc_steal(NULL, (struct question *)arg);
	struct asked *a = find(q->hellos, q->id);

	if (a && e && e->code == ERROR_NOT_FOUND) {
		give_up(a, e);
		forget(a);
	}
	mem_free(q);
}

static void drop_void(struct asked *a)
{
	struct error *late = error_new(ERROR_TIMEOUT, "%s has not told its public key in time", a->id);
	struct hello_waiting **at = &a->first;
	int64_t now_ms = clock_wall_ms();

	while (*at) {
		struct hello_waiting *w = *at;

		if (!message_expired(w->message, now_ms)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		a->hellos->count--;
		bus_complete_later(a->hellos, a->hellos->loop, error_copy(late), w->fn, w->arg);
		mem_free(w);
	}
	a->last = at;
	error_free(late);
}

static void on_ask(void *arg)
{
	struct asked *a = arg;
	struct hellos *h = a->hellos;
	struct question *q;

	drop_void(a);
	if (!a->first) {
		forget(a);
		return;
	}
	timer_again(a->timer, a->every_ms, 0);
	a->every_ms = a->every_ms * 2 < ASK_MOST_MS ? a->every_ms * 2 : ASK_MOST_MS;
	q = mem_new(h, struct question);
	q->hellos = h;
	q->id = mem_strdup(q, a->id);
	h->events.ask(h->events.arg, a->id, on_asked, q);
}

void hellos_wait(struct hellos *h, const struct message *m, bus_sent_fn *fn, void *arg)
{
	struct asked *a = find(h, m->to);
	struct hello_waiting *w;

	if (h->count >= HELLO_WAITING) {
		bus_complete_later(h, h->loop, error_new(ERROR_LIMIT, "too many messages wait for public keys"), fn,
				   arg);
		return;
	}
	if (!a) {
		a = mem_new(h, struct asked);
		a->hellos = h;
		a->id = mem_strdup(a, m->to);
		a->last = &a->first;
		a->every_ms = ASK_FIRST_MS;
		a->timer = timer_start(a, h->loop, 0, 0, on_ask, a);
		a->next = h->asked;
		h->asked = a;
	}
	w = mem_new(a, struct hello_waiting);
	w->message = message_copy(w, m);
	w->fn = fn;
	w->arg = arg;
	*a->last = w;
	a->last = &w->next;
	h->count++;
}

bool hellos_forget(struct hellos *h, const char *to, const void *arg)
{
	struct asked *a = find(h, to);
	struct hello_waiting **at = a ? &a->first : NULL, *w;

	while (at && *at && (*at)->arg != arg)
		at = &(*at)->next;
	if (!at || !*at)
		return false;
	w = *at;
	*at = w->next;
	if (!w->next)
		a->last = at;
	h->count--;
	mem_free(w);
	/* With nothing left to wait for, on_ask() ends the asking at its next turn. */
	return true;
}

void hellos_learned(struct hellos *h, const char *id)
{
	struct asked *a = find(h, id), **at = &h->asked;

	if (!a)
		return;
	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	for (struct hello_waiting *w = a->first; w; w = w->next) {
		h->count--;
		h->events.ready(h->events.arg, w->message, w->fn, w->arg);
	}
	mem_free(a);
}

bool hellos_awaits(const struct hellos *h, const char *id)
{
	return find(h, id) != NULL;
}

void hellos_lost(struct hellos *h)
{
	struct error *e = error_new(ERROR_UNAVAILABLE, "connection lost before the recipient had told its public key");

	while (h->asked) {
		struct asked *a = h->asked;

		give_up(a, e);
		h->asked = a->next;
		mem_free(a);
	}
	error_free(e);
}

/* --- the message --- */

struct message *hello_new(const void *ctx, const char *from, const char *to, bool ask)
{
	json_t *body = json_object();
	struct message *m;

	json_put(body, "ask", ask ? "yes" : "no");
	m = message_new(ctx, MESSAGE_HELLO, from, to, HELLO_TTL_MS, body);
	json_decref(body);
	return m;
}

bool hello_asks(const struct message *m)
{
	const char *ask = json_string_value(json_object_get(m->body, "ask"));

	return ask && !strcmp(ask, "yes");
}
