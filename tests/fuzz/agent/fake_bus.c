#include <string.h>

#include "base/loop.h"
#include "base/mem.h"
#include "bus/complete.h"
#include "world.h"

struct far far_end;

struct box {
	struct box *next;
	char *id;
	struct timer *timer; /* tells what has become of it */
};

/* One agent at a time. */
static struct end {
	uv_loop_t *loop;
	struct bus *bus;
	struct box *boxes;
	struct timer *timer;
	bool told_up;
} * self;

static bool *settled; /* of the delivery that is under way */

void far_reset(void)
{
	far_end = (struct far){.up = true, .on_sent = far_end.on_sent};
}

/* --- mailboxes --- */

static void on_box(void *arg)
{
	struct box *b = arg;
	struct error *why;

	mem_free(b->timer);
	b->timer = NULL;
	if (!far_end.up)
		return;
	if (!far_end.refuses) {
		bus_report_served(self->bus, b->id);
		return;
	}
	why = error_new(ERROR_EXISTS, "another serves %s", b->id);
	bus_report_refused(self->bus, b->id, why);
	error_free(why);
}

static void look_at(struct box *b)
{
	mem_free(b->timer);
	b->timer = timer_start(b, self->loop, 0, 0, on_box, b);
}

static void on_state(void *arg)
{
	struct end *e = arg;

	mem_free(e->timer);
	e->timer = NULL;
	if (e->told_up == far_end.up)
		return;
	e->told_up = far_end.up;
	bus_report_state(e->bus, e->told_up, NULL);
	for (struct box *b = e->boxes; b && e->told_up; b = b->next)
		look_at(b);
}

static void state_later(void)
{
	mem_free(self->timer);
	self->timer = timer_start(self, self->loop, 0, 0, on_state, self);
}

void far_connect(bool up)
{
	far_end.up = up;
	if (self)
		state_later();
}

void far_refuse(bool refuses)
{
	far_end.refuses = refuses;
	for (struct box *b = self ? self->boxes : NULL; b; b = b->next)
		look_at(b);
}

const char *far_served(size_t n)
{
	struct box *b = self ? self->boxes : NULL;

	for (; b && n; n--)
		b = b->next;
	return b ? b->id : NULL;
}

static struct box *find(const char *id)
{
	struct box *b = self ? self->boxes : NULL;

	while (b && strcmp(b->id, id))
		b = b->next;
	return b;
}

/* --- the backend --- */

static int end_destroy(struct end *e)
{
	(void)e;
	self = NULL;
	return 0;
}

static struct error *far_open(const void *ctx, uv_loop_t *loop, const struct bus_options *options, struct bus *bus,
			      void **ret_self)
{
	(void)options;
	must(!self);
	self = mem_new(ctx, struct end);
	self->loop = loop;
	self->bus = bus;
	talloc_set_destructor(self, end_destroy);
	state_later();
	*ret_self = self;
	return NULL;
}

static struct error *far_serve(void *arg, const char *id, bool durable)
{
	struct end *e = arg;
	struct box *b = find(id);

	(void)durable;
	if (!b) {
		b = mem_new(e, struct box);
		b->id = mem_strdup(b, id);
		b->next = e->boxes;
		e->boxes = b;
	}
	look_at(b);
	return NULL;
}

static void far_unserve(void *arg, const char *id, bool remove)
{
	struct end *e = arg;

	(void)remove;
	for (struct box **at = &e->boxes; *at; at = &(*at)->next) {
		struct box *b = *at;

		if (strcmp(b->id, id) != 0)
			continue;
		*at = b->next;
		mem_free(b);
		return;
	}
}

static struct error *answer_of(enum far_mood mood)
{
	switch (mood) {
	case FAR_UNAVAILABLE:
		return error_new(ERROR_UNAVAILABLE, "connection lost");
	case FAR_NOT_FOUND:
		return error_new(ERROR_NOT_FOUND, "no such mailbox");
	case FAR_LIMIT:
		return error_new(ERROR_LIMIT, "the mailbox is full");
	default:
		return NULL;
	}
}

static void far_send(void *arg, const struct bus_item *item, bus_sent_fn *fn, void *fn_arg)
{
	struct end *e = arg;

	must(item->len <= SEAL_LIMIT);
	if (e->told_up)
		far_end.on_sent(item);
	bus_complete_later(e, e->loop, answer_of(e->told_up ? far_end.mood : FAR_UNAVAILABLE), fn, fn_arg);
}

static void settle(struct bus_delivery *d, size_t how)
{
	must(settled && !*settled);
	*settled = true;
	far_end.settled[how]++;
	mem_free(d);
}

static void far_accept(void *arg, struct bus_delivery *d)
{
	(void)arg;
	settle(d, 0);
}

static void far_reject(void *arg, struct bus_delivery *d, const char *reason)
{
	(void)arg;
	must(reason && *reason);
	settle(d, 1);
}

static void far_drop(void *arg, struct bus_delivery *d)
{
	(void)arg;
	settle(d, 2);
}

static struct error *far_watch(void *arg)
{
	(void)arg;
	return NULL;
}

static bool far_is_up(const void *arg)
{
	return ((const struct end *)arg)->told_up;
}

const struct bus_backend bus_backend_memory = {
	.scheme = "memory",
	.reserves = true,
	.open = far_open,
	.serve = far_serve,
	.unserve = far_unserve,
	.send = far_send,
	.accept = far_accept,
	.reject = far_reject,
	.drop = far_drop,
	.watch_status = far_watch,
	.is_up = far_is_up,
};

/* Not linked: what they would draw in is of no use here. */
const struct bus_backend bus_backend_amqp = {.scheme = "amqp"};
const struct bus_backend bus_backend_amqps = {.scheme = "amqps"};
const struct bus_backend bus_backend_whisper = {.scheme = "shh"};

bool far_deliver(const char *id, const uint8_t *bytes, size_t n)
{
	struct bus_delivery *d;
	bool done = false;

	if (!find(id))
		return false;
	d = mem_new(self, struct bus_delivery);
	d->backend = &bus_backend_memory;
	d->self = self;
	settled = &done;
	bus_receive(self->bus, d, id, true, NULL, bytes, n);
	must(done);
	settled = NULL;
	return true;
}
