#include "bus/amqp_raw.h"

#include <sys/time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bus/amqp_address.h"
#include "bus/amqp_link.h"

#define CHANNEL 1
#define HEARTBEAT_MS 10000
/* Longest time without a word of the broker to a message sent, or to a step before. */
#define CONFIRM_MS INT64_C(30000)
/* For its answer to a good-bye. */
#define LEAVE_MS 500

struct amqp_raw {
	amqp_connection_state_t link;
	bool alive;
	bool confirming;
	int64_t deadline_ms; /* monotonic; 0: none */
	struct error *held;  /* why the broker takes nothing; NULL: it does */
};

static int raw_destroy(struct amqp_raw *r)
{
	/* A broker that takes nothing does not read a good-bye either. */
	amqp_link_close(r->link, r->alive && !r->held);
	error_free(r->held);
	return 0;
}

/* What is left of the caller's time; that of one step where he has set none. */
static int64_t left_ms(const struct amqp_raw *r)
{
	int64_t left = r->deadline_ms - clock_mono_ms();

	return !r->deadline_ms ? CONFIRM_MS : left > 1 ? left : 1;
}

/* What the next call waits for at most. */
static void set_wait(struct amqp_raw *r, int64_t ms)
{
	struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	amqp_set_rpc_timeout(r->link, &wait);
}

static void limit_wait(struct amqp_raw *r)
{
	set_wait(r, left_ms(r));
}

struct error *amqp_raw_open(const void *ctx, const struct bus_options *options, int64_t timeout_ms,
			    struct amqp_raw **ret_raw)
{
	struct amqp_raw *r = mem_new(ctx, struct amqp_raw);
	struct amqp_address *address;
	struct error *e = amqp_address_new(r, options, &address);

	r->deadline_ms = timeout_ms ? clock_mono_ms() + timeout_ms : 0;
	if (!e) {
		address->limit_ms = timeout_ms;
		e = amqp_link_open(address, "dsn raw", options->heartbeat_ms ? options->heartbeat_ms : HEARTBEAT_MS,
				   &r->link);
	}
	if (!e) {
		limit_wait(r);
		talloc_set_destructor(r, raw_destroy);
		r->alive = true;
		e = amqp_link_open_channel(r->link, CHANNEL);
	}
	if (e) {
		mem_free(r);
		return e;
	}
	*ret_raw = r;
	return NULL;
}

/* After a refusal the channel is gone; what follows needs a new one. */
static struct error *raw_check(struct amqp_raw *r, const char *what)
{
	struct error *e = amqp_link_check(r->link, CHANNEL, what);

	if (!e)
		return NULL;
	r->confirming = false;
	r->alive = e->code != ERROR_UNAVAILABLE;
	if (r->alive) {
		struct error *again = amqp_link_open_channel(r->link, CHANNEL);

		r->alive = !again;
		error_free(again);
	}
	return e;
}

struct error *amqp_raw_declare(struct amqp_raw *r, const char *queue)
{
	amqp_bytes_t name = amqp_cstring_bytes(queue);
	struct error *e;

	limit_wait(r);
	amqp_queue_declare(r->link, CHANNEL, name, 1, 0, 0, 0, amqp_empty_table);
	e = raw_check(r, queue);
	if (!e || e->code != ERROR_NOT_FOUND)
		return e;
	error_free(e);
	/* Durable: RabbitMQ 4.3 denies queues that are neither that nor exclusive. */
	amqp_queue_declare(r->link, CHANNEL, name, 0, 1, 0, 0, amqp_empty_table);
	return raw_check(r, queue);
}

/* The next frame on our channel; ERROR_TIMEOUT after the deadline (monotonic; INT64_MAX: none). */
static struct error *next_frame(struct amqp_raw *r, int64_t deadline_ms, amqp_frame_t *ret_frame)
{
	for (;;) {
		int64_t left_ms = deadline_ms - clock_mono_ms();
		struct timeval wait = {.tv_sec = 1};
		int status;

		if (left_ms <= 0)
			return error_new(ERROR_TIMEOUT, "nothing came from the broker in time");
		if (left_ms < 1000)
			wait = (struct timeval){.tv_usec = (suseconds_t)(left_ms * 1000)};
		amqp_maybe_release_buffers(r->link);
		status = amqp_simple_wait_frame_noblock(r->link, ret_frame, &wait);
		if (status == AMQP_STATUS_TIMEOUT)
			continue;
		if (status != AMQP_STATUS_OK) {
			r->alive = false;
			return amqp_status_error(status, "broker connection");
		}
		return NULL;
	}
}

/* The broker closes the channel or the connection: its reason. */
static struct error *check_closed(struct amqp_raw *r, const amqp_frame_t *f, const char *what)
{
	const amqp_method_t *m = &f->payload.method;

	if (f->frame_type != AMQP_FRAME_METHOD)
		return NULL;
	if (m->id == AMQP_CHANNEL_CLOSE_METHOD) {
		const amqp_channel_close_t *c = m->decoded;

		r->alive = false; /* simplest: the rest of this program's work is over */
		return amqp_reply_error(c->reply_code, c->reply_text, what);
	}
	if (m->id == AMQP_CONNECTION_CLOSE_METHOD) {
		const amqp_connection_close_t *c = m->decoded;

		r->alive = false;
		return amqp_reply_error(c->reply_code, c->reply_text, what);
	}
	return NULL;
}

static void note_held(struct amqp_raw *r, const amqp_frame_t *f)
{
	amqp_method_number_t id = f->frame_type == AMQP_FRAME_METHOD ? f->payload.method.id : 0;

	if (id != AMQP_CONNECTION_BLOCKED_METHOD && id != AMQP_CONNECTION_UNBLOCKED_METHOD)
		return;
	error_free(r->held);
	r->held = id == AMQP_CONNECTION_BLOCKED_METHOD ? amqp_blocked_error(f->payload.method.decoded) : NULL;
}

/* Takes e. */
static struct error *not_confirmed(struct amqp_raw *r, const char *queue, struct error *e)
{
	if (r->held) {
		error_free(e);
		return error_wrap(error_copy(r->held), "queue %s: not sent", queue);
	}
	return error_wrap(e, "queue %s: sent, but the broker has not confirmed it; it may have it", queue);
}

static struct error *wait_confirm(struct amqp_raw *r, const char *queue)
{
	int64_t deadline_ms = r->deadline_ms ? r->deadline_ms : clock_mono_ms() + CONFIRM_MS;
	bool returned = false;

	for (;;) {
		amqp_frame_t f = {0};
		struct error *e = next_frame(r, deadline_ms, &f);

		if (e && e->code == ERROR_TIMEOUT)
			return not_confirmed(r, queue, e);
		TRY(e);
		note_held(r, &f);
		TRY(check_closed(r, &f, queue));
		if (f.frame_type != AMQP_FRAME_METHOD)
			continue; /* header and body of what came back */
		if (f.payload.method.id == AMQP_BASIC_RETURN_METHOD)
			returned = true;
		else if (f.payload.method.id == AMQP_BASIC_NACK_METHOD)
			return error_new(ERROR_LIMIT, "queue %s: the broker did not take the message", queue);
		else if (f.payload.method.id == AMQP_BASIC_ACK_METHOD)
			break;
	}
	return returned ? error_new(ERROR_NOT_FOUND, "queue %s: there is none of that name", queue) : NULL;
}

struct error *amqp_raw_send(struct amqp_raw *r, const char *queue, const char *text, size_t len)
{
	const amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG,
						    .delivery_mode = AMQP_DELIVERY_PERSISTENT};
	int status;

	if (!r->confirming) {
		amqp_confirm_select(r->link, CHANNEL);
		TRY(raw_check(r, "switch publisher confirms on"));
		r->confirming = true;
	}
	status = amqp_basic_publish(r->link, CHANNEL, amqp_empty_bytes, amqp_cstring_bytes(queue), 1, 0, &properties,
				    (amqp_bytes_t){len, (void *)text});
	if (status != AMQP_STATUS_OK) {
		r->alive = false;
		return amqp_status_error(status, "send");
	}
	return wait_confirm(r, queue);
}

/* One delivery: its method is read, its header and body follow. */
static struct error *take_one(struct amqp_raw *r, uint64_t tag, amqp_raw_fn *fn, void *arg)
{
	amqp_message_t m;
	amqp_rpc_reply_t reply = amqp_read_message(r->link, CHANNEL, &m, 0);
	struct error *e;
	int status;

	if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
		r->alive = false;
		return error_new(ERROR_UNAVAILABLE, "broker connection: lost in the middle of a message");
	}
	e = fn(m.body.bytes, m.body.len, arg);
	amqp_destroy_message(&m);
	if (e)
		return e;
	status = amqp_basic_ack(r->link, CHANNEL, tag, 0);
	if (status == AMQP_STATUS_OK)
		return NULL;
	r->alive = false;
	return amqp_status_error(status, "acknowledge");
}

static struct error *take_all(struct amqp_raw *r, const char *queue, unsigned long count, int64_t timeout_ms,
			      amqp_raw_fn *fn, void *arg)
{
	for (unsigned long taken = 0; !count || taken < count;) {
		int64_t deadline_ms = timeout_ms ? clock_mono_ms() + timeout_ms : INT64_MAX;
		bool delivered = false;

		while (!delivered) {
			amqp_frame_t f = {0};

			TRY(next_frame(r, deadline_ms, &f));
			TRY(check_closed(r, &f, queue));
			if (f.frame_type != AMQP_FRAME_METHOD)
				continue;
			if (f.payload.method.id == AMQP_BASIC_CANCEL_METHOD)
				return error_new(ERROR_NOT_FOUND, "queue %s was deleted", queue);
			delivered = f.payload.method.id == AMQP_BASIC_DELIVER_METHOD;
			if (delivered) {
				const amqp_basic_deliver_t *d = f.payload.method.decoded;

				TRY(take_one(r, d->delivery_tag, fn, arg));
				taken++;
			}
		}
	}
	return NULL;
}

/* A message that came meanwhile, or was not acknowledged, goes back with the channel. */
static struct error *leave_channel(struct amqp_raw *r)
{
	struct error *e = NULL;

	set_wait(r, LEAVE_MS);
	r->confirming = false;
	r->alive = amqp_channel_close(r->link, CHANNEL, AMQP_REPLY_SUCCESS).reply_type == AMQP_RESPONSE_NORMAL;
	if (r->alive)
		e = amqp_link_open_channel(r->link, CHANNEL);
	r->alive = r->alive && !e;
	limit_wait(r);
	return e;
}

struct error *amqp_raw_receive(struct amqp_raw *r, const char *queue, unsigned long count, int64_t timeout_ms,
			       amqp_raw_fn *fn, void *arg)
{
	static const char tag[] = "raw";
	struct error *e;

	amqp_basic_qos(r->link, CHANNEL, 0, 1, 0);
	TRY(raw_check(r, "set the prefetch"));
	amqp_basic_consume(r->link, CHANNEL, amqp_cstring_bytes(queue), amqp_cstring_bytes(tag), 0, 0, 0,
			   amqp_empty_table);
	TRY(raw_check(r, queue));
	e = take_all(r, queue, count, timeout_ms, fn, arg);
	if (r->alive) {
		struct error *left = leave_channel(r);

		if (e)
			error_free(left);
		else
			e = left;
	}
	return e;
}
