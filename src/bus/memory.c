/* The memory backend: the semantics of the amqp backend in one process. */
#include "bus/memory.h"

#include <string.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/backend.h"

#define RETRY_MS 20

struct member;

struct letter {
	struct letter *next;
	uint8_t *bytes;
	size_t len;
	int64_t until_ms;              /* wall clock; 0: never */
	struct memory_delivery *taken; /* delivered and not yet accepted */
};

struct box {
	struct box *next;
	char *id;
	bool durable;
	struct member *owner; /* who serves it; NULL: nobody now */
	struct letter *letters;
};

struct hub {
	struct hub *next;
	char *name;
	struct member *members;
	struct box *boxes;
	size_t dead;
	bool refuse;
	unsigned duplicate, lose_confirms;
	int64_t delay_ms;
};

/* An id this member wants to serve. */
struct want {
	struct want *next;
	struct member *member;
	char *id;
	bool durable;
	struct timer *claiming;
};

struct member {
	struct member *next;
	struct hub *hub;
	uv_loop_t *loop;
	struct bus *bus;
	unsigned prefetch;
	bool up, watching, reported_down;
	struct want *wants;
	struct timer *connecting;
	void *connection; /* what ends with the connection is its child */
};

struct memory_delivery {
	struct bus_delivery head; /* first */
	struct member *member;
	struct box *box;       /* NULL: status */
	struct letter *letter; /* NULL once it is not ours any more */
	uint8_t *bytes;
	size_t len;
	struct timer *timer;
};

struct sending {
	bus_sent_fn *fn;
	void *arg;
	struct error *error;
	struct timer *timer;
};

/* The table of all hubs of the process; one loop thread uses it. */
static struct hub *hubs;

static struct hub *hub_get(const char *name)
{
	struct hub *h = hubs;

	while (h && strcmp(h->name, name))
		h = h->next;
	if (h)
		return h;
	h = mem_new(NULL, struct hub);
	h->name = mem_strdup(h, name);
	h->next = hubs;
	hubs = h;
	return h;
}

static struct box *box_find(const struct hub *h, const char *id)
{
	struct box *b = h->boxes;

	while (b && strcmp(b->id, id))
		b = b->next;
	return b;
}

static void box_free(struct hub *h, struct box *b)
{
	struct box **at = &h->boxes;

	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	for (struct letter *l = b->letters; l; l = l->next) {
		if (l->taken)
			l->taken->letter = NULL;
	}
	mem_free(b);
}

static void letter_free(struct box *b, struct letter *l)
{
	struct letter **at = &b->letters;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	mem_free(l);
}

static void box_put(struct box *b, const uint8_t *bytes, size_t len, int64_t until_ms)
{
	struct letter **at = &b->letters, *l = mem_new(b, struct letter);

	while (*at)
		at = &(*at)->next;
	l->bytes = mem_memdup(l, bytes, len);
	l->len = len;
	l->until_ms = until_ms;
	*at = l;
}

/* --- delivering --- */

static void on_deliver(void *arg)
{
	struct memory_delivery *d = arg;

	mem_free(d->timer);
	d->timer = NULL;
	bus_receive(d->member->bus, &d->head, d->box ? d->box->id : NULL, false, NULL, d->bytes, d->len);
}

static void hand_over(struct member *m, struct box *b, struct letter *l, const uint8_t *bytes, size_t len)
{
	struct memory_delivery *d = mem_new(m, struct memory_delivery);

	d->head.backend = &bus_backend_memory;
	d->head.self = m;
	d->member = m;
	d->box = b;
	d->letter = l;
	d->bytes = mem_memdup(d, bytes, len);
	d->len = len;
	if (l)
		l->taken = d;
	/* A delivery not yet handed over dies with the connection; one handed over belongs to the handler. */
	d->timer = timer_start(m->connection, m->loop, m->hub->delay_ms, 0, on_deliver, d);
}

static void box_pump(struct box *b)
{
	unsigned taken = 0;

	if (!b->owner || !b->owner->up)
		return;
	for (struct letter *l = b->letters, *following; l && taken < b->owner->prefetch; l = following) {
		following = l->next;
		if (!l->taken && l->until_ms && l->until_ms <= clock_wall_ms()) {
			b->owner->hub->dead++;
			letter_free(b, l);
			continue;
		}
		taken++;
		if (!l->taken)
			hand_over(b->owner, b, l, l->bytes, l->len);
	}
}

static void settle(struct memory_delivery *d, bool accept)
{
	struct box *b = d->box;

	if (!accept)
		d->member->hub->dead++;
	if (d->letter) {
		letter_free(b, d->letter);
		d->letter = NULL;
		box_pump(b);
	}
	mem_free(d);
}

static void memory_accept(void *self, struct bus_delivery *d)
{
	(void)self;
	settle((struct memory_delivery *)d, true);
}

static void memory_reject(void *self, struct bus_delivery *d, const char *reason)
{
	(void)self;
	(void)reason;
	settle((struct memory_delivery *)d, false);
}

/* --- serving --- */

static void on_claim(void *arg);

static void claim_later(struct want *w, int64_t delay_ms)
{
	w->claiming = timer_start(w->member->connection, w->member->loop, delay_ms, 0, on_claim, w);
}

static void on_claim(void *arg)
{
	struct want *w = arg;
	struct hub *h = w->member->hub;
	struct box *b = box_find(h, w->id);

	mem_free(w->claiming);
	w->claiming = NULL;
	if (b && b->owner && b->owner != w->member) {
		struct error *e = error_new(ERROR_EXISTS, "another participant serves %s", w->id);

		claim_later(w, RETRY_MS);
		bus_report_refused(w->member->bus, w->id, e);
		error_free(e);
		return;
	}
	if (!b) {
		b = mem_new(h, struct box);
		b->id = mem_strdup(b, w->id);
		b->durable = w->durable;
		b->next = h->boxes;
		h->boxes = b;
	}
	b->owner = w->member;
	box_pump(b);
	bus_report_served(w->member->bus, w->id);
}

static struct error *memory_serve(void *self, const char *id, bool durable)
{
	struct member *m = self;
	struct want **at = &m->wants;

	while (*at && strcmp((*at)->id, id))
		at = &(*at)->next;
	if (*at)
		return NULL;
	*at = mem_new(m, struct want);
	(*at)->member = m;
	(*at)->id = mem_strdup(*at, id);
	(*at)->durable = durable;
	if (m->up)
		claim_later(*at, 0);
	return NULL;
}

/* Nobody serves it from here on; what was delivered and not accepted waits again. */
static void box_leave(struct hub *h, struct box *b, bool remove)
{
	if (remove || !b->durable) {
		box_free(h, b);
		return;
	}
	b->owner = NULL;
	for (struct letter *l = b->letters; l; l = l->next) {
		if (!l->taken)
			continue;
		l->taken->letter = NULL;
		if (l->taken->timer) {
			mem_free(l->taken->timer);
			mem_free(l->taken);
		}
		l->taken = NULL;
	}
}

static void memory_unserve(void *self, const char *id, bool remove)
{
	struct member *m = self;
	struct box *b = box_find(m->hub, id);
	struct want **at = &m->wants;

	if (b && b->owner == m)
		box_leave(m->hub, b, remove);
	while (*at && strcmp((*at)->id, id))
		at = &(*at)->next;
	if (*at) {
		struct want *w = *at;

		*at = w->next;
		mem_free(w->claiming);
		mem_free(w);
	}
}

static struct error *memory_watch_status(void *self)
{
	((struct member *)self)->watching = true;
	return NULL;
}

/* --- sending --- */

static void on_sent(void *arg)
{
	struct sending *s = arg;

	talloc_steal(NULL, s); /* the callback may free the bus */
	if (s->fn)
		s->fn(s->error, s->arg);
	mem_free(s);
}

static int sending_destroy(struct sending *s)
{
	error_free(s->error);
	return 0;
}

static struct error *route(struct member *m, const struct bus_item *item)
{
	struct hub *h = m->hub;
	unsigned copies = 1;
	struct box *b = item->kind == MESSAGE_STATUS ? NULL : box_find(h, item->to);

	if (item->kind != MESSAGE_STATUS && !b)
		return error_new(ERROR_NOT_FOUND, "nobody has a mailbox %s", item->to);
	if (item->until_ms && item->until_ms < clock_wall_ms())
		return error_new(ERROR_TIMEOUT, "the message was void before it could be sent");
	if (h->duplicate) {
		h->duplicate--;
		copies = 2;
	}
	for (unsigned i = 0; b && i < copies; i++)
		box_put(b, item->bytes, item->len, item->until_ms);
	if (b)
		box_pump(b);
	for (struct member *w = h->members; !b && w; w = w->next) {
		if (w->up && w->watching)
			hand_over(w, NULL, NULL, item->bytes, item->len);
	}
	return NULL;
}

static void memory_send(void *self, const struct bus_item *item, bus_sent_fn *fn, void *arg)
{
	struct member *m = self;
	struct sending *s = mem_new(m, struct sending);

	talloc_set_destructor(s, sending_destroy);
	s->fn = fn;
	s->arg = arg;
	if (!m->up)
		s->error = error_new(ERROR_UNAVAILABLE, "not connected to the broker");
	else
		s->error = route(m, item);
	if (!s->error && m->hub->lose_confirms) {
		m->hub->lose_confirms--;
		s->error = error_new(ERROR_UNAVAILABLE, "connection lost before the confirm");
	}
	s->timer = timer_start(s, m->loop, m->up ? m->hub->delay_ms : 0, 0, on_sent, s);
}

/* --- connecting --- */

static void on_connect(void *arg)
{
	struct member *m = arg;

	if (m->hub->refuse) {
		struct error *e = error_new(ERROR_UNAVAILABLE, "hub %s refuses connections", m->hub->name);
		bool tell = !m->reported_down;

		m->reported_down = true;
		timer_again(m->connecting, RETRY_MS, 0);
		if (tell)
			bus_report_state(m->bus, false, e);
		error_free(e);
		return;
	}
	m->up = true;
	m->reported_down = false;
	m->connection = mem_zalloc_(m, 1, "connection");
	for (struct want *w = m->wants; w; w = w->next)
		claim_later(w, 0);
	bus_report_state(m->bus, true, NULL);
}

static void disconnect(struct member *m)
{
	struct hub *h = m->hub;

	m->up = false;
	for (struct box *b = h->boxes, *following; b; b = following) {
		following = b->next;
		if (b->owner == m)
			box_leave(h, b, false);
	}
	mem_free(m->connection);
	m->connection = NULL;
	for (struct want *w = m->wants; w; w = w->next)
		w->claiming = NULL;
}

static int member_destroy(struct member *m)
{
	struct member **at = &m->hub->members;

	disconnect(m);
	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	return 0;
}

static struct error *memory_open(const void *ctx, uv_loop_t *loop, const struct bus_options *options, struct bus *bus,
				 void **ret_self)
{
	const char *name = options->url + strlen("memory:");
	struct member *m;

	if (!*name)
		return error_new(ERROR_INVALID, "broker URL: memory:NAME wants a name");
	m = mem_new(ctx, struct member);
	m->hub = hub_get(name);
	m->loop = loop;
	m->bus = bus;
	m->prefetch = options->prefetch;
	m->next = m->hub->members;
	m->hub->members = m;
	m->connecting = timer_start(m, loop, 0, 0, on_connect, m);
	talloc_set_destructor(m, member_destroy);
	*ret_self = m;
	return NULL;
}

static bool memory_is_up(const void *self)
{
	return ((const struct member *)self)->up;
}

/* --- hubs and faults --- */

void memory_hub_free(const char *name)
{
	struct hub **at = &hubs;

	while (*at && strcmp((*at)->name, name))
		at = &(*at)->next;
	if (*at) {
		struct hub *h = *at;

		*at = h->next;
		mem_free(h);
	}
}

void memory_hub_drop(const char *name)
{
	struct hub *h = hub_get(name);
	struct error *e = error_new(ERROR_UNAVAILABLE, "connection to hub %s broken", name);

	for (struct member *m = h->members; m; m = m->next) {
		if (!m->up)
			continue;
		disconnect(m);
		m->reported_down = true;
		timer_again(m->connecting, RETRY_MS, 0);
		bus_report_state(m->bus, false, e);
	}
	error_free(e);
}

void memory_hub_refuse(const char *name, bool refuse)
{
	hub_get(name)->refuse = refuse;
}

void memory_hub_duplicate(const char *name, unsigned n)
{
	hub_get(name)->duplicate = n;
}

void memory_hub_lose_confirms(const char *name, unsigned n)
{
	hub_get(name)->lose_confirms = n;
}

void memory_hub_delay(const char *name, int64_t delay_ms)
{
	hub_get(name)->delay_ms = delay_ms;
}

size_t memory_hub_waiting(const char *name, const char *id)
{
	struct box *b = box_find(hub_get(name), id);
	size_t n = 0;

	for (struct letter *l = b ? b->letters : NULL; l; l = l->next)
		n++;
	return n;
}

size_t memory_hub_dead(const char *name)
{
	return hub_get(name)->dead;
}

const struct bus_backend bus_backend_memory = {
	.scheme = "memory",
	.reserves = true,
	.open = memory_open,
	.serve = memory_serve,
	.unserve = memory_unserve,
	.send = memory_send,
	.accept = memory_accept,
	.reject = memory_reject,
	.drop = memory_accept,
	.watch_status = memory_watch_status,
	.is_up = memory_is_up,
};
