/* Publishing with confirms.
 *
 * The broker numbers what we publish on a channel in confirm mode from 1 and confirms by number, several at once if it
 * likes. A message that no queue takes comes back (basic.return) before its confirm. Refused deliveries go the same
 * way, to the dead letters: only when the broker has the copy is the original let go. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/amqp_limits.h"
#include "bus/amqp_link.h"
#include "bus/amqp_owner.h"

#define REASON_LIMIT 400

struct error *amqp_publish_open(struct amqp_owner *o)
{
	amqp_confirm_select_t select = {.nowait = 1};

	o->next_number = 1;
	TRY(amqp_link_send_open(o->link, CHANNEL_PUBLISH));
	return amqp_link_send_method(o->link, CHANNEL_PUBLISH, AMQP_CONFIRM_SELECT_METHOD, &select);
}

/* Void when the delivery's channel was closed since. */
struct error *amqp_publish_settle(struct amqp_owner *o, const struct amqp_order *order, bool accept)
{
	struct amqp_mailbox *m = o->link ? amqp_mailbox_of_channel(o, order->tag.channel) : NULL;
	int status;

	if (!m || m->generation != order->tag.generation)
		return NULL;
	if (accept) {
		amqp_settle_done(&m->settle, order->tag.number);
		return NULL;
	}
	amqp_settle_forget(&m->settle, order->tag.number);
	status = amqp_basic_nack(o->link, order->tag.channel, order->tag.number, 0, 0);
	return status == AMQP_STATUS_OK ? NULL : amqp_status_error(status, "acknowledge");
}

struct error *amqp_publish_settled(struct amqp_owner *o)
{
	for (struct amqp_mailbox *m = o->mailboxes; m; m = m->next) {
		uint64_t number;
		bool multiple;

		while (m->channel && amqp_settle_take(&m->settle, &number, &multiple)) {
			int status = amqp_basic_ack(o->link, m->channel, number, multiple);

			if (status != AMQP_STATUS_OK)
				return amqp_status_error(status, "acknowledge");
		}
	}
	return NULL;
}

/* The order's end. `e` may be NULL and is copied. */
static struct error *finish(struct amqp_owner *o, struct amqp_order *order, const struct error *e)
{
	struct error *failure = NULL;

	if (order->kind == ORDER_REJECT) {
		failure = amqp_publish_settle(o, order, !e || order->cut);
	} else {
		struct amqp_report *r = amqp_report_new(REPORT_SENT);

		r->token = order->token;
		r->error = e ? error_copy(e) : NULL;
		amqp_pipe_give(o->pipe, &r->item);
	}
	mem_free(order);
	return failure;
}

static amqp_table_entry_t text_header(const char *key, const char *value)
{
	size_t len = strlen(value);

	return (amqp_table_entry_t){amqp_cstring_bytes(key),
				    {.kind = AMQP_FIELD_KIND_UTF8,
				     .value.bytes = {len < REASON_LIMIT ? len : REASON_LIMIT, (void *)value}}};
}

static int publish_one(struct amqp_owner *o, const struct amqp_order *order, int64_t left_ms)
{
	bool reject = order->kind == ORDER_REJECT;
	const char *exchange = reject ? o->dead_exchange : order->status ? o->status_exchange : o->exchange;
	amqp_basic_properties_t p = {
		._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG,
		.content_type = amqp_cstring_bytes(order->is_json ? "application/json" : "application/octet-stream"),
		.delivery_mode = order->lasting || reject ? AMQP_DELIVERY_PERSISTENT : AMQP_DELIVERY_NONPERSISTENT,
	};
	amqp_table_entry_t headers[2];
	char expiration[24];

	if (order->message_id) {
		p._flags |= AMQP_BASIC_MESSAGE_ID_FLAG;
		p.message_id = amqp_cstring_bytes(order->message_id);
	}
	if (left_ms > 0) {
		snprintf(expiration, sizeof(expiration), "%lld", (long long)left_ms);
		p._flags |= AMQP_BASIC_EXPIRATION_FLAG;
		p.expiration = amqp_cstring_bytes(expiration);
	}
	if (reject) {
		headers[0] = text_header("x-dsn-reason", order->reason);
		headers[1] = text_header("x-dsn-mailbox", order->id ? order->id : "");
		p._flags |= AMQP_BASIC_HEADERS_FLAG;
		p.headers = (amqp_table_t){2, headers};
	}
	/* A status that nobody watches is no failure; anything else without a queue comes back. */
	return amqp_basic_publish(o->link, CHANNEL_PUBLISH, amqp_cstring_bytes(exchange),
				  amqp_cstring_bytes(order->to ? order->to : ""), !order->status, 0, &p,
				  (amqp_bytes_t){order->len, order->bytes});
}

static struct error *publish_all(struct amqp_owner *o)
{
	struct amqp_order *order;

	while (!o->blocked && o->window_count < WINDOW_MESSAGES && o->window_bytes < WINDOW_BYTES &&
	       (order = (struct amqp_order *)amqp_list_take(&o->waiting))) {
		int64_t left_ms = order->until_ms ? order->until_ms - clock_wall_ms() : 0;
		int status;

		if (order->until_ms && left_ms <= 0) {
			struct error *late = error_new(ERROR_TIMEOUT, "the message was void before it could be sent");
			struct error *e = finish(o, order, late);

			error_free(late);
			TRY(e);
			continue;
		}
		order->number = o->next_number++;
		o->window_count++;
		o->window_bytes += order->len;
		amqp_list_append(&o->window, &order->item);
		status = publish_one(o, order, left_ms);
		if (status != AMQP_STATUS_OK)
			return amqp_status_error(status, "send");
	}
	return NULL;
}

struct error *amqp_publish_waiting(struct amqp_owner *o)
{
	bool several = o->waiting.first && o->waiting.first->next;
	struct error *e;

	/* Each packet wakes the broker. */
	if (several)
		amqp_link_gather(o->link, true);
	e = publish_all(o);
	if (several)
		amqp_link_gather(o->link, false);
	return e;
}

static struct error *finish_confirmed(struct amqp_owner *o, struct amqp_order *order, bool ack)
{
	struct error *outcome = NULL, *failure;

	if (order->returned)
		outcome = error_new(ERROR_NOT_FOUND, "nobody has a mailbox %s",
				    order->to ? order->to : "for dead letters");
	else if (!ack)
		outcome = error_new(
			ERROR_LIMIT,
			"the broker did not take the message: the mailbox is full or the broker is in trouble");
	o->window_count--;
	o->window_bytes -= order->len;
	failure = finish(o, order, outcome);
	error_free(outcome);
	return failure;
}

struct error *amqp_publish_confirmed(struct amqp_owner *o, uint64_t number, bool multiple, bool ack)
{
	struct amqp_item **at = &o->window.first;

	while (*at) {
		struct amqp_order *order = (struct amqp_order *)*at;

		if (order->number > number)
			break;
		if (order->number != number && !multiple) {
			at = &order->item.next;
			continue;
		}
		*at = order->item.next;
		if (!*at)
			o->window.last = at;
		TRY(finish_confirmed(o, order, ack));
	}
	return NULL;
}

void amqp_publish_too_large(struct amqp_owner *o, const struct amqp_mailbox *m, const struct amqp_incoming *in)
{
	struct amqp_order *order = amqp_order_new(ORDER_REJECT);

	log_warn("bus.too-large", "queue=%s bytes=%zu", m->queue, in->size);
	order->tag = (struct amqp_tag){.generation = m->generation, .channel = m->channel, .number = in->number};
	order->reason = mem_printf(order, "%zu bytes are more than a message has; these are the first %d", in->size,
				   AMQP_DEAD_HEAD_BYTES);
	order->id = m->id ? mem_strdup(order, m->id) : NULL;
	order->message_id = in->message_id ? mem_strdup(order, in->message_id) : NULL;
	order->bytes = mem_memdup(order, in->bytes, AMQP_DEAD_HEAD_BYTES);
	order->len = AMQP_DEAD_HEAD_BYTES;
	order->cut = true;
	amqp_list_append(&o->waiting, &order->item);
	amqp_owner_needed(o);
}

/* A return carries no number, but the message id; of two with one id either is right, they are copies. A refused
 * delivery without id cannot come back: its exchange always has a queue, or the copy is lost with the reason only. */
void amqp_publish_returned(struct amqp_owner *o, const struct amqp_incoming *in)
{
	for (struct amqp_item *i = o->window.first; i; i = i->next) {
		struct amqp_order *order = (struct amqp_order *)i;
		bool same = !in->message_id ? !order->message_id
					    : order->message_id && !strcmp(order->message_id, in->message_id);

		if (same && !order->returned) {
			order->returned = true;
			return;
		}
	}
	log_warn("bus.stray-return", "code=%d why=%s", in->reply_code, log_q(in->reply_text));
}

void amqp_publish_fail(struct amqp_owner *o, const struct error *e)
{
	struct amqp_list *lists[] = {&o->window, &o->waiting};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct amqp_order *order;

		/* A connection that fails meanwhile shows at the next call. */
		while ((order = (struct amqp_order *)amqp_list_take(lists[i])))
			error_free(finish(o, order, e));
	}
	o->window_count = 0;
	o->window_bytes = 0;
}
