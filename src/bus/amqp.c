/* The amqp backend, loop side: orders to the owner thread, reports from it. */
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/amqp_item.h"
#include "bus/amqp_names.h"
#include "bus/amqp_owner.h"
#include "bus/amqp_watch.h"
#include "bus/backend.h"
#include "bus/keyring.h"

/* Messages given to the owner and not yet reported: more are refused at once. */
#define UNSETTLED_MESSAGES 8192
#define UNSETTLED_ONCE 64 /* where there are so many, what is sent once is not sent */
#define UNSETTLED_BYTES ((size_t)64 * 1024 * 1024)
/* So long orders gather: about what it takes to make a hundred plain messages, or a dozen signed ones. Shorter costs a
 * packet for every few (with 250 the broker took a tenth less), longer leaves the broker idle meanwhile. */
#define GATHER_US 600
/* So long what is dropped waits, to be acknowledged together. Until then the broker gives us no more of it than the
 * prefetch: a flood fills its mailbox, and the broker, which refuses then what comes, has time for others. */
#define DROP_MS 10
#define REASON_UNKNOWN "no reason given"

struct amqp {
	struct bus *bus;
	struct keyring *keyring; /* or NULL */
	uv_loop_t *loop;
	struct amqp_pipe *pipe;
	struct amqp_owner *owner;
	struct amqp_watch *watch; /* NULL: the owner watches the socket */
	bool up;
	size_t unsettled_count, unsettled_bytes;
	struct amqp_list local;   /* reports that we make ourselves */
	struct amqp_list orders;  /* given while reports are handled; handed over together */
	struct amqp_list dropped; /* deliveries to acknowledge when the timer says so */
	struct timer *drop_timer; /* NULL: none waits */
	bool *freed;              /* set when a handler frees us while reports are handled */
};

/* What a SENT report refers to; a child of struct amqp, so gone with it. */
struct sending {
	bus_sent_fn *fn;
	void *arg;
	size_t len;
	bool counted;
};

struct delivery {
	struct bus_delivery head; /* first */
	struct amqp_tag tag;
	char *id;
	char *message_id;
	uint8_t *bytes;
	size_t len;
};

/* --- reports --- */

static void on_reports(void *arg);

/* Only as long as the owner does not hold the connection: it is busy, and watches for itself then. */
static void on_readable(void *arg)
{
	struct amqp *a = arg;

	if (amqp_owner_try_read(a->owner, &a->local)) {
		on_reports(a);
		return;
	}
	amqp_watch_pause(a->watch);
	amqp_owner_set_watched(a->owner, false);
}

static void watch_end(struct amqp *a)
{
	if (!a->watch)
		return;
	amqp_watch_free(a->watch);
	a->watch = NULL;
	amqp_owner_set_watched(a->owner, false);
}

static void watch_again(struct amqp *a)
{
	if (a->watch && amqp_watch_resume(a->watch))
		amqp_owner_set_watched(a->owner, true);
}

static void on_state(struct amqp *a, struct amqp_report *r)
{
	struct error *e = NULL;

	a->up = r->up;
	watch_end(a);
	if (r->socket >= 0)
		e = amqp_watch_new(a->loop, r->socket, on_readable, a, &a->watch);
	r->socket = -1;
	if (e)
		log_debug("bus.unwatched", "why=%s", log_q(e->message));
	error_free(e);
	watch_again(a);
	bus_report_state(a->bus, r->up, r->error);
}

static void on_delivery(struct amqp *a, struct amqp_report *r)
{
	struct delivery *d = mem_new(a, struct delivery);

	d->head.backend = &bus_backend_amqp;
	d->head.self = a;
	d->tag = r->tag;
	d->id = talloc_steal(d, r->id);
	d->bytes = talloc_steal(d, r->bytes);
	d->message_id = talloc_steal(d, r->message_id);
	d->len = r->len;
	bus_receive(a->bus, &d->head, d->id, r->plain, d->message_id, d->bytes, d->len);
}

static void on_sent(struct amqp *a, const struct amqp_report *r)
{
	struct sending *s = r->token;
	bus_sent_fn *fn = s->fn;
	void *arg = s->arg;

	if (s->counted) {
		a->unsettled_count--;
		a->unsettled_bytes -= s->len;
	}
	mem_free(s);
	if (fn)
		fn(r->error, arg);
}

static void on_report(struct amqp *a, struct amqp_report *r)
{
	switch (r->kind) {
	case REPORT_STATE:
		on_state(a, r);
		break;
	case REPORT_DELIVERY:
		on_delivery(a, r);
		break;
	case REPORT_SENT:
		on_sent(a, r);
		break;
	case REPORT_REFUSED:
		bus_report_refused(a->bus, r->id, r->error);
		break;
	case REPORT_SERVED:
		bus_report_served(a->bus, r->id);
		break;
	case REPORT_PROBED:
		bus_report_probed(a->bus, r->id, r->up);
		break;
	case REPORT_HELD:
		bus_report_held(a->bus, r->error ? r->error->message : NULL);
		break;
	}
}

static void hand_over(struct amqp *a)
{
	if (a->orders.first && !amqp_owner_try_orders(a->owner, &a->orders))
		amqp_pipe_put_all(a->pipe, &a->orders);
}

static void give_order(struct amqp *a, struct amqp_order *o)
{
	amqp_list_append(&a->orders, &o->item);
	if (!a->freed)
		hand_over(a);
}

/* What handlers order goes out together, but where they take long (each message is signed) the broker must not idle. */
static void hand_over_if_late(struct amqp *a, int64_t *since_us)
{
	int64_t now_us = clock_mono_us();

	if (now_us - *since_us < GATHER_US)
		return;
	hand_over(a);
	*since_us = now_us;
}

static void on_reports(void *arg)
{
	struct amqp *a = arg;
	struct amqp_list reports = a->local;
	int64_t since_us = clock_mono_us();
	struct amqp_item *i;
	bool freed = false;

	if (!reports.first)
		amqp_list_init(&reports);
	amqp_list_init(&a->local);
	amqp_pipe_collect(a->pipe, &reports);
	a->freed = &freed;
	while ((i = amqp_list_take(&reports))) {
		on_report(a, (struct amqp_report *)i);
		mem_free(i);
		if (freed) {
			amqp_list_clear(&reports);
			return;
		}
		hand_over_if_late(a, &since_us);
	}
	a->freed = NULL;
	hand_over(a);
}

/* The owner gave something: it is through with what it was busy with. */
static void on_given(void *arg)
{
	watch_again(arg);
	on_reports(arg);
}

/* --- orders --- */

static char *order_text(struct amqp_order *o, const char *text)
{
	return text ? mem_strdup(o, text) : NULL;
}

static struct error *amqp_serve(void *self, const char *id, bool durable)
{
	struct amqp *a = self;
	struct amqp_order *o = amqp_order_new(ORDER_SERVE);
	const uint8_t *public = a->keyring ? keyring_public(a->keyring, id) : NULL;

	o->id = order_text(o, id);
	o->durable = durable;
	if (public)
		o->enode = hex_encode(o, public, SECP_PUBLIC_BYTES);
	give_order(a, o);
	return NULL;
}

static void amqp_unserve(void *self, const char *id, bool remove)
{
	struct amqp *a = self;
	struct amqp_order *o = amqp_order_new(ORDER_UNSERVE);

	o->id = order_text(o, id);
	o->remove = remove;
	give_order(a, o);
}

static struct error *amqp_watch_status(void *self)
{
	struct amqp *a = self;

	give_order(a, amqp_order_new(ORDER_WATCH));
	return NULL;
}

static bool amqp_probe(void *self, const char *id)
{
	struct amqp *a = self;
	struct amqp_order *o = amqp_order_new(ORDER_PROBE);

	o->id = order_text(o, id);
	give_order(a, o);
	return true;
}

/* Through the loop like every other report, never from inside bus_send(). */
static void fail_sending(struct amqp *a, struct sending *s, struct error *e)
{
	struct amqp_report *r = amqp_report_new(REPORT_SENT);

	r->token = s;
	r->error = e;
	amqp_list_append(&a->local, &r->item);
	amqp_pipe_trigger(a->pipe);
}

static struct error *check_room(const struct amqp *a, size_t len, bool once)
{
	if (!a->up)
		return error_new(ERROR_UNAVAILABLE, "not connected to the broker");
	if (a->unsettled_count >= (once ? UNSETTLED_ONCE : UNSETTLED_MESSAGES) ||
	    a->unsettled_bytes + len > UNSETTLED_BYTES)
		return error_new(ERROR_LIMIT, "too many messages wait for the broker's confirm");
	return NULL;
}

static void amqp_send(void *self, const struct bus_item *item, bus_sent_fn *fn, void *arg)
{
	struct amqp *a = self;
	struct amqp_order *o = amqp_order_new(ORDER_SEND);
	struct sending *s = mem_new(a, struct sending);
	struct error *e;

	o->bytes = mem_memdup(o, item->bytes, item->len);
	o->len = item->len;
	o->is_json = seal_form(o->bytes, o->len) == SEAL_PLAIN;
	s->fn = fn;
	s->arg = arg;
	s->len = o->len;
	e = check_room(a, o->len, item->once);
	if (e) {
		mem_free(o);
		fail_sending(a, s, e);
		return;
	}
	o->status = item->kind == MESSAGE_STATUS;
	o->lasting = !o->status && !item->once;
	o->message_id = order_text(o, item->id);
	o->to = order_text(o, o->status ? item->from : item->to);
	o->until_ms = item->until_ms;
	o->token = s;
	s->counted = true;
	a->unsettled_count++;
	a->unsettled_bytes += o->len;
	give_order(a, o);
}

static struct amqp_order *acceptance(struct bus_delivery *head)
{
	struct delivery *d = (struct delivery *)head;
	struct amqp_order *o = amqp_order_new(ORDER_ACCEPT);

	o->tag = d->tag;
	mem_free(d);
	return o;
}

static void amqp_accept(void *self, struct bus_delivery *head)
{
	give_order(self, acceptance(head));
}

static void order_dropped(struct amqp *a)
{
	struct amqp_item *i;

	while ((i = amqp_list_take(&a->dropped)))
		amqp_list_append(&a->orders, i);
}

static void on_drop_timer(void *arg)
{
	struct amqp *a = arg;

	mem_free(a->drop_timer);
	a->drop_timer = NULL;
	order_dropped(a);
	hand_over(a);
}

static void amqp_drop(void *self, struct bus_delivery *head)
{
	struct amqp *a = self;

	amqp_list_append(&a->dropped, &acceptance(head)->item);
	if (!a->drop_timer)
		a->drop_timer = timer_start(a, a->loop, DROP_MS, 0, on_drop_timer, a);
}

static void amqp_reject(void *self, struct bus_delivery *head, const char *reason)
{
	struct amqp *a = self;
	struct delivery *d = (struct delivery *)head;
	struct amqp_order *o = amqp_order_new(ORDER_REJECT);

	o->tag = d->tag;
	o->reason = order_text(o, reason ? reason : REASON_UNKNOWN);
	o->id = order_text(o, d->id);
	o->message_id = order_text(o, d->head.message ? d->head.message->id : d->message_id);
	o->bytes = talloc_steal(o, d->bytes);
	o->len = d->len;
	o->is_json = seal_form(o->bytes, o->len) == SEAL_PLAIN;
	give_order(a, o);
	mem_free(d);
}

static bool amqp_is_up(const void *self)
{
	return ((const struct amqp *)self)->up;
}

/* --- open and free --- */

static int amqp_destroy(struct amqp *a)
{
	if (a->freed)
		*a->freed = true;
	order_dropped(a);
	if (a->pipe)
		amqp_pipe_put_all(a->pipe, &a->orders);
	watch_end(a);
	if (a->owner)
		amqp_owner_stop(a->owner);
	if (a->pipe)
		amqp_pipe_close(a->pipe);
	amqp_list_clear(&a->local);
	return 0;
}

static struct amqp_owner *owner_new(const struct bus_options *options, struct amqp_pipe *pipe)
{
	struct amqp_owner *o = mem_new(NULL, struct amqp_owner);

	o->pipe = pipe;
	o->network = mem_strdup(o, options->network);
	o->exchange = amqp_name_exchange(o, options->network);
	o->status_exchange = amqp_name_status(o, options->network);
	o->dead_exchange = amqp_name_dead(o, options->network);
	o->prefetch = (uint16_t)options->prefetch;
	o->heartbeat_ms = options->heartbeat_ms;
	o->accept_plain = options->accept_plain;
	return o;
}

static struct error *amqp_open(const void *ctx, uv_loop_t *loop, const struct bus_options *options, struct bus *bus,
			       void **ret_self)
{
	struct amqp_address *address;
	struct amqp *a;
	struct error *e;

	TRY(amqp_address_new(NULL, options, &address));
	a = mem_new(ctx, struct amqp);
	a->bus = bus;
	a->keyring = options->keyring;
	if (a->keyring)
		keyring_keep_contexts(a->keyring);
	a->loop = loop;
	amqp_list_init(&a->local);
	amqp_list_init(&a->orders);
	amqp_list_init(&a->dropped);
	talloc_set_destructor(a, amqp_destroy);
	e = amqp_pipe_new(loop, on_given, a, &a->pipe);
	if (e) {
		mem_free(address);
		mem_free(a);
		return e;
	}
	a->owner = owner_new(options, a->pipe);
	a->owner->address = talloc_steal(a->owner, address);
	e = amqp_owner_start(a->owner);
	if (e) {
		amqp_pipe_release(a->pipe);
		mem_free(a->owner);
		a->owner = NULL;
		mem_free(a);
		return e;
	}
	*ret_self = a;
	return NULL;
}

#define AMQP_BACKEND(name)                                                                                        \
	{                                                                                                         \
		.scheme = (name), .reserves = true, .check_url = amqp_address_check, .open = amqp_open,           \
		.serve = amqp_serve, .unserve = amqp_unserve, .send = amqp_send, .accept = amqp_accept,           \
		.reject = amqp_reject, .drop = amqp_drop, .watch_status = amqp_watch_status, .probe = amqp_probe, \
		.is_up = amqp_is_up,                                                                              \
	}

const struct bus_backend bus_backend_amqp = AMQP_BACKEND("amqp");
const struct bus_backend bus_backend_amqps = AMQP_BACKEND("amqps");
