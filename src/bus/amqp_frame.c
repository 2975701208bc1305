/* What the broker sends, frame by frame, without ever waiting for the rest of something, nor for an answer: what needs
 * one is left to the owner (amqp_owner_needed). */
#include <string.h>
#include <sys/time.h>

#include "base/log.h"
#include "base/mem.h"
#include "bus/amqp_limits.h"
#include "bus/amqp_link.h"
#include "bus/amqp_owner.h"
#include "bus/seal.h"

/* After so many frames the orders of the loop get their turn. */
#define FRAMES_A_TURN 256

static char *copy_bytes(const void *ctx, amqp_bytes_t b)
{
	return mem_strndup(ctx, b.bytes ? b.bytes : "", b.len);
}

static struct amqp_incoming *incoming_of(struct amqp_owner *o, uint16_t channel)
{
	if (channel >= o->incoming_count) {
		size_t count = (size_t)channel + 8;

		o->incoming = mem_resize(o, o->incoming, struct amqp_incoming, count);
		memset(o->incoming + o->incoming_count, 0, (count - o->incoming_count) * sizeof(struct amqp_incoming));
		o->incoming_count = count;
	}
	return &o->incoming[channel];
}

void amqp_frames_forget(struct amqp_owner *o, uint16_t channel)
{
	struct amqp_incoming *in;

	if (channel >= o->incoming_count)
		return;
	in = &o->incoming[channel];
	mem_free(in->bytes);
	mem_free(in->message_id);
	mem_free(in->reply_text);
	memset(in, 0, sizeof(*in));
}

static struct error *deliver(struct amqp_owner *o, uint16_t channel, struct amqp_incoming *in)
{
	struct amqp_mailbox *m = amqp_mailbox_of_channel(o, channel);
	struct amqp_report *r;

	if (!m)
		return NULL;
	amqp_settle_delivered(&m->settle, m, in->number);
	if (in->size > SEAL_LIMIT) {
		amqp_publish_too_large(o, m, in);
		return NULL;
	}
	r = amqp_report_new(REPORT_DELIVERY);
	r->id = m->id ? mem_strdup(r, m->id) : NULL;
	r->plain = m->plain;
	r->tag = (struct amqp_tag){.generation = m->generation, .channel = channel, .number = in->number};
	r->bytes = talloc_steal(r, in->bytes);
	r->len = in->len;
	in->bytes = NULL;
	r->message_id = in->message_id ? mem_strdup(r, in->message_id) : NULL;
	amqp_pipe_give(o->pipe, &r->item);
	return NULL;
}

static struct error *complete(struct amqp_owner *o, uint16_t channel, struct amqp_incoming *in)
{
	struct error *e = NULL;

	if (in->kind == INCOMING_DELIVERY)
		e = deliver(o, channel, in);
	else
		amqp_publish_returned(o, in);
	amqp_frames_forget(o, channel);
	return e;
}

static size_t kept_bytes(const struct amqp_incoming *in)
{
	return in->size <= SEAL_LIMIT ? in->size : AMQP_DEAD_HEAD_BYTES;
}

static struct error *on_header(struct amqp_owner *o, uint16_t channel, const amqp_frame_t *f)
{
	struct amqp_incoming *in = incoming_of(o, channel);
	const amqp_basic_properties_t *p = f->payload.properties.decoded;

	if (in->kind == INCOMING_NONE)
		return NULL;
	in->have_header = true;
	in->size = f->payload.properties.body_size;
	if (p->_flags & AMQP_BASIC_MESSAGE_ID_FLAG)
		in->message_id = copy_bytes(o, p->message_id);
	/* The body of what came back is not needed: the order still holds it. */
	if (in->kind == INCOMING_DELIVERY)
		in->bytes = mem_array(NULL, uint8_t, kept_bytes(in) + 1);
	return in->size ? NULL : complete(o, channel, in);
}

static struct error *on_body(struct amqp_owner *o, uint16_t channel, const amqp_frame_t *f)
{
	struct amqp_incoming *in = incoming_of(o, channel);
	amqp_bytes_t b = f->payload.body_fragment;

	if (in->kind == INCOMING_NONE || !in->have_header)
		return NULL;
	if (b.len > in->size - in->len)
		return error_new(ERROR_UNAVAILABLE, "the broker sent more than it announced");
	if (in->bytes && in->len < kept_bytes(in)) {
		size_t room = kept_bytes(in) - in->len;

		memcpy(in->bytes + in->len, b.bytes, b.len < room ? b.len : room);
	}
	in->len += b.len;
	return in->len == in->size ? complete(o, channel, in) : NULL;
}

static struct error *on_channel_close(struct amqp_owner *o, uint16_t channel, const amqp_channel_close_t *close)
{
	struct amqp_mailbox *m = amqp_mailbox_of_channel(o, channel);
	amqp_channel_close_ok_t ok = {0};
	int status = amqp_send_method(o->link, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
	struct error *e;

	if (status != AMQP_STATUS_OK)
		return amqp_status_error(status, "answer the broker");
	e = amqp_reply_error(close->reply_code, close->reply_text, "the broker closed a channel");
	if (channel == CHANNEL_PUBLISH) {
		/* One of those under way was refused, the broker does not say which; none of the others is lost by
		 * sending it again. A missing exchange is no missing mailbox. */
		if (e->code != ERROR_REFUSED)
			e->code = ERROR_UNAVAILABLE;
		log_warn("bus.publish-refused", "why=%s", log_q(e->message));
		amqp_publish_fail(o, e);
		error_free(e);
		o->publish_closed = true;
		amqp_owner_needed(o);
		return NULL;
	}
	if (m) {
		amqp_mailbox_failed(o, m, e);
		return NULL;
	}
	error_free(e);
	if (channel == CHANNEL_SCRATCH) {
		o->scratch_closed = true;
		amqp_owner_needed(o);
	}
	return NULL;
}

static void on_deliver(struct amqp_owner *o, uint16_t channel, const amqp_basic_deliver_t *d)
{
	struct amqp_incoming *in = incoming_of(o, channel);

	amqp_frames_forget(o, channel);
	in->kind = INCOMING_DELIVERY;
	in->number = d->delivery_tag;
}

static void on_return(struct amqp_owner *o, uint16_t channel, const amqp_basic_return_t *r)
{
	struct amqp_incoming *in = incoming_of(o, channel);

	amqp_frames_forget(o, channel);
	in->kind = INCOMING_RETURN;
	in->reply_code = r->reply_code;
	in->reply_text = copy_bytes(o, r->reply_text);
}

/* The broker took our consumer away: the queue was deleted, or its leader is gone. */
static void on_cancel(struct amqp_owner *o, uint16_t channel)
{
	struct amqp_mailbox *m = amqp_mailbox_of_channel(o, channel);

	if (!m)
		return;
	m->channel_to_close = channel;
	amqp_mailbox_failed(o, m, error_new(ERROR_UNAVAILABLE, "%s: the broker cancelled the consumer", m->queue));
}

static struct error *on_connection_close(struct amqp_owner *o, const amqp_connection_close_t *close)
{
	amqp_connection_close_ok_t ok = {0};
	struct error *e = amqp_reply_error(close->reply_code, close->reply_text, "the broker closed the connection");

	(void)amqp_send_method(o->link, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
	return e;
}

static void on_blocked(struct amqp_owner *o, const amqp_connection_blocked_t *blocked)
{
	struct amqp_report *r = amqp_report_new(REPORT_HELD);

	o->blocked = blocked != NULL;
	if (blocked)
		r->error = amqp_blocked_error(blocked);
	log_warn(blocked ? "bus.blocked" : "bus.unblocked", "network=%s%s%s", o->network, blocked ? " why=" : "",
		 blocked ? log_q(r->error->message) : "");
	amqp_pipe_give(o->pipe, &r->item);
}

static struct error *on_method(struct amqp_owner *o, uint16_t channel, const amqp_method_t *method)
{
	const void *m = method->decoded;

	switch (method->id) {
	case AMQP_BASIC_DELIVER_METHOD:
		on_deliver(o, channel, m);
		return NULL;
	case AMQP_BASIC_RETURN_METHOD:
		on_return(o, channel, m);
		return NULL;
	case AMQP_BASIC_ACK_METHOD:
		return amqp_publish_confirmed(o, ((const amqp_basic_ack_t *)m)->delivery_tag,
					      ((const amqp_basic_ack_t *)m)->multiple, true);
	case AMQP_BASIC_NACK_METHOD:
		return amqp_publish_confirmed(o, ((const amqp_basic_nack_t *)m)->delivery_tag,
					      ((const amqp_basic_nack_t *)m)->multiple, false);
	case AMQP_BASIC_CANCEL_METHOD:
		on_cancel(o, channel);
		return NULL;
	case AMQP_CHANNEL_CLOSE_METHOD:
		return on_channel_close(o, channel, m);
	case AMQP_CONNECTION_CLOSE_METHOD:
		return on_connection_close(o, m);
	case AMQP_CONNECTION_BLOCKED_METHOD:
		on_blocked(o, m);
		return NULL;
	case AMQP_CONNECTION_UNBLOCKED_METHOD:
		on_blocked(o, NULL);
		return NULL;
	}
	return NULL;
}

static struct error *on_frame(struct amqp_owner *o, const amqp_frame_t *f)
{
	switch (f->frame_type) {
	case AMQP_FRAME_METHOD:
		return on_method(o, f->channel, &f->payload.method);
	case AMQP_FRAME_HEADER:
		return on_header(o, f->channel, f);
	case AMQP_FRAME_BODY:
		return on_body(o, f->channel, f);
	}
	return NULL;
}

struct error *amqp_frames_read(struct amqp_owner *o)
{
	const struct timeval at_once = {0};

	for (int i = 0; i < FRAMES_A_TURN; i++) {
		amqp_frame_t f;
		int status = amqp_simple_wait_frame_noblock(o->link, &f, &at_once);

		if (status == AMQP_STATUS_TIMEOUT)
			break;
		if (status != AMQP_STATUS_OK)
			return amqp_status_error(status, "broker connection");
		TRY(on_frame(o, &f));
		amqp_maybe_release_buffers_on_channel(o->link, f.channel);
		/* poll() tells of the rest, if there is any: asking here once more costs each message two calls. */
		if (!amqp_frames_ahead(o))
			break;
	}
	/* Refused ones whose copy the broker has confirmed. */
	return amqp_publish_settled(o);
}

bool amqp_frames_ahead(const struct amqp_owner *o)
{
	return amqp_frames_enqueued(o->link) || amqp_data_in_buffer(o->link);
}
