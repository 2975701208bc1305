/* Serving mailboxes: one channel for each consumed queue, so that what the broker refuses for one leaves the others
 * alone.
 *
 * RabbitMQ's quorum queues do not enforce exclusive consumers. So a durable mailbox has a lock beside it: a queue that
 * is exclusive to the connection that serves the mailbox. The broker refuses it to anybody else and drops it with the
 * connection, also when that dies without a word. */
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/amqp_limits.h"
#include "bus/amqp_link.h"
#include "bus/amqp_names.h"
#include "bus/amqp_owner.h"

#define WATCH_LENGTH 10000
#define WATCH_PREFETCH 256
/* Channels that rest after use: more mailboxes than are given up in one turn. */
#define CHANNELS_SPARE 32

static amqp_table_entry_t text_argument(const char *key, const char *value)
{
	return (amqp_table_entry_t){amqp_cstring_bytes(key),
				    {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes(value)}};
}

static amqp_table_entry_t number_argument(const char *key, int32_t value)
{
	return (amqp_table_entry_t){amqp_cstring_bytes(key), {.kind = AMQP_FIELD_KIND_I32, .value.i32 = value}};
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static struct amqp_mailbox **find(struct amqp_owner *o, const char *id, const char *plain_queue)
{
	struct amqp_mailbox **at = &o->mailboxes;

	while (*at && !(same((*at)->id, id) && same((*at)->plain ? (*at)->queue : NULL, plain_queue)))
		at = &(*at)->next;
	return at;
}

struct amqp_mailbox *amqp_mailbox_add(struct amqp_owner *o, const char *id, bool durable, const char *plain_queue)
{
	struct amqp_mailbox **at = find(o, id, plain_queue), *m = *at;

	if (m) {
		m->removing = false;
		return m;
	}
	*at = m = mem_new(o, struct amqp_mailbox);
	m->backoff = (struct backoff){.first_ms = 200, .max_ms = 10000, .steady_ms = 10000};
	m->durable = durable;
	m->plain = plain_queue != NULL;
	if (id) {
		m->id = mem_strdup(m, id);
		m->queue = plain_queue ? mem_strdup(m, plain_queue) : amqp_name_mailbox(m, o->network, id);
	} else {
		char *random = hex_random(NULL, 16);

		m->queue = amqp_name_watch(m, o->network, random);
		mem_free(random);
	}
	return m;
}

struct amqp_mailbox *amqp_mailbox_of_channel(struct amqp_owner *o, uint16_t channel)
{
	struct amqp_mailbox *m = o->mailboxes;

	while (m && m->channel != channel)
		m = m->next;
	return m;
}

static void mailbox_unlink(struct amqp_owner *o, struct amqp_mailbox *m)
{
	struct amqp_mailbox **at = &o->mailboxes;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	mem_free(m);
}

static void close_cancelled(struct amqp_owner *o, struct amqp_mailbox *m)
{
	if (o->link && m->channel_to_close)
		(void)amqp_channel_close(o->link, m->channel_to_close, AMQP_REPLY_SUCCESS);
	m->channel_to_close = 0;
}

/* Failures on the way out do not matter: a lost connection shows again at the next call. */
static void mailbox_close(struct amqp_owner *o, struct amqp_mailbox *m)
{
	close_cancelled(o, m);
	if (o->link && m->channel) {
		amqp_frames_forget(o, m->channel);
		(void)amqp_channel_close(o->link, m->channel, AMQP_REPLY_SUCCESS);
		if (m->durable && !m->plain) {
			char *lock = amqp_name_lock(m, o->network, m->id);
			struct error *e;

			amqp_queue_delete(o->link, CHANNEL_SCRATCH, amqp_cstring_bytes(lock), 0, 0);
			e = amqp_link_check(o->link, CHANNEL_SCRATCH, "release a mailbox");
			if (e && e->code != ERROR_UNAVAILABLE)
				error_free(amqp_link_open_channel(o->link, CHANNEL_SCRATCH));
			error_free(e);
		}
	}
	m->channel = 0;
}

void amqp_mailbox_remove(struct amqp_owner *o, const char *id, bool remove)
{
	for (struct amqp_mailbox *m = o->mailboxes, *following; m; m = following) {
		following = m->next;
		if (!same(m->id, id))
			continue;
		mailbox_close(o, m);
		m->removing = remove && m->durable;
		m->retry_at_ms = 0;
		if (!m->removing)
			mailbox_unlink(o, m);
	}
}

/* The queue named by an enode: a broker with few rights may not have it, and the node is served all the same. */
static bool is_optional(const struct amqp_mailbox *m)
{
	return !m->id || (m->plain && strcmp(m->queue, m->id));
}

void amqp_mailbox_failed(struct amqp_owner *o, struct amqp_mailbox *m, struct error *e)
{
	int64_t now_ms = clock_mono_ms(), ran_ms = m->channel ? now_ms - m->opened_at_ms : 0;

	amqp_frames_forget(o, m->channel);
	amqp_owner_needed(o);
	m->channel = 0;
	m->retry_at_ms = now_ms + backoff_next_ms(&m->backoff, ran_ms);
	if (!is_optional(m)) {
		struct amqp_report *r = amqp_report_new(REPORT_REFUSED);

		r->id = mem_strdup(r, m->id);
		r->error = e;
		amqp_pipe_give(o->pipe, &r->item);
	} else {
		log_warn("bus.queue-refused", "queue=%s why=%s", m->queue, log_q(e->message));
		error_free(e);
	}
}

/* --- opening; all calls are on the mailbox's own channel, which the broker closes when it refuses one --- */

static struct error *open_channel(struct amqp_owner *o, struct amqp_mailbox *m)
{
	return amqp_link_send_open(o->link, m->channel);
}

static struct error *take_lock(struct amqp_owner *o, struct amqp_mailbox *m)
{
	char *lock = amqp_name_lock(m, o->network, m->id);
	struct error *e;

	amqp_queue_declare(o->link, m->channel, amqp_cstring_bytes(lock), 0, 0, 1, 0, amqp_empty_table);
	e = amqp_link_check(o->link, m->channel, "claim the mailbox");
	mem_free(lock);
	if (!e || e->code != ERROR_EXISTS)
		return e;
	error_free(e);
	return error_new(ERROR_EXISTS, "another participant serves %s", m->id);
}

/* A passive declaration asks for no right. The broker closes the channel over either answer: there is no such queue, or
 * it is another connection's. One of our own it just finds. */
struct error *amqp_mailbox_probe(struct amqp_owner *o, const char *id)
{
	struct amqp_report *r;
	struct error *e;
	char *lock;
	bool gone;

	if (!o->link)
		return NULL;
	lock = amqp_name_lock(o, o->network, id);
	amqp_queue_declare(o->link, CHANNEL_SCRATCH, amqp_cstring_bytes(lock), 1, 0, 0, 0, amqp_empty_table);
	e = amqp_link_check(o->link, CHANNEL_SCRATCH, lock);
	mem_free(lock);
	if (e && e->code == ERROR_UNAVAILABLE)
		return e;
	gone = e && e->code == ERROR_NOT_FOUND;
	if (e && !gone && e->code != ERROR_EXISTS) {
		log_warn("bus.probe", "id=%s why=%s", id, log_q(e->message));
	} else {
		r = amqp_report_new(REPORT_PROBED);
		r->id = mem_strdup(r, id);
		r->up = !gone;
		amqp_pipe_give(o->pipe, &r->item);
	}
	if (!e)
		return NULL;
	error_free(e);
	return amqp_link_open_channel(o->link, CHANNEL_SCRATCH);
}

static struct error *declare_durable(struct amqp_owner *o, struct amqp_mailbox *m)
{
	amqp_table_entry_t entries[] = {
		text_argument("x-queue-type", "quorum"),
		text_argument("x-dead-letter-exchange", o->dead_exchange),
		number_argument("x-delivery-limit", AMQP_DELIVERY_LIMIT),
		number_argument("x-max-length", AMQP_MAILBOX_LENGTH),
		number_argument("x-max-length-bytes", AMQP_MAILBOX_BYTES),
		text_argument("x-overflow", "reject-publish"),
	};
	amqp_table_t arguments = {m->plain ? 0 : sizeof(entries) / sizeof(entries[0]), entries};
	amqp_bytes_t queue = amqp_cstring_bytes(m->queue);
	struct error *e;

	amqp_queue_declare(o->link, m->channel, queue, 1, 1, 0, 0, amqp_empty_table);
	e = amqp_link_check(o->link, m->channel, m->queue);
	if (!e || e->code != ERROR_NOT_FOUND)
		return e;
	error_free(e);
	TRY(open_channel(o, m));
	amqp_queue_declare(o->link, m->channel, queue, 0, 1, 0, 0, arguments);
	return amqp_link_check(o->link, m->channel, m->queue);
}

/* The rights that `vcli broker setup` gives a node do not allow a binding (it could bind itself to other nodes' ids),
 * and it has made the binding already; so a refusal is no failure. */
static struct error *bind_durable(struct amqp_owner *o, struct amqp_mailbox *m)
{
	struct error *e;

	if (!o->may_bind)
		return NULL;
	amqp_queue_bind(o->link, m->channel, amqp_cstring_bytes(m->queue), amqp_cstring_bytes(o->exchange),
			amqp_cstring_bytes(m->id), amqp_empty_table);
	e = amqp_link_check(o->link, m->channel, "bind the mailbox");
	if (!e || e->code != ERROR_REFUSED)
		return e;
	error_free(e);
	o->may_bind = false;
	return open_channel(o, m);
}

static struct error *declare_ephemeral(struct amqp_owner *o, struct amqp_mailbox *m)
{
	amqp_table_entry_t length[] = {number_argument("x-max-length", WATCH_LENGTH),
				       number_argument("x-max-length-bytes", AMQP_MAILBOX_BYTES)};
	amqp_queue_declare_t declare = {.queue = amqp_cstring_bytes(m->queue),
					.exclusive = 1,
					.auto_delete = 1,
					.nowait = 1,
					.arguments = {2, length}};
	amqp_queue_bind_t bind = {.queue = amqp_cstring_bytes(m->queue),
				  .exchange = amqp_cstring_bytes(m->id ? o->exchange : o->status_exchange),
				  .routing_key = amqp_cstring_bytes(m->id ? m->id : "#"),
				  .nowait = 1};

	TRY(amqp_link_send_method(o->link, m->channel, AMQP_QUEUE_DECLARE_METHOD, &declare));
	return amqp_link_send_method(o->link, m->channel, AMQP_QUEUE_BIND_METHOD, &bind);
}

static struct error *consume(struct amqp_owner *o, struct amqp_mailbox *m)
{
	amqp_basic_qos_t qos = {.prefetch_count = m->id ? o->prefetch : WATCH_PREFETCH};
	struct error *e;

	TRY(amqp_link_send_method(o->link, m->channel, AMQP_BASIC_QOS_METHOD, &qos));
	amqp_basic_consume(o->link, m->channel, amqp_cstring_bytes(m->queue), amqp_empty_bytes, 0, 0, 1,
			   amqp_empty_table);
	e = amqp_link_check(o->link, m->channel, m->queue);
	if (e && e->code == ERROR_EXISTS) {
		error_free(e);
		return error_new(ERROR_EXISTS, "another participant serves %s", m->id ? m->id : m->queue);
	}
	/* A quorum queue without a leader answers nothing at all; the connection is given up with it. */
	if (e && e->code == ERROR_UNAVAILABLE && m->durable && !m->plain)
		e = error_wrap(e, "no answer to consume (if this stays, the queue has no leader, see docs/broker.md)");
	return e;
}

static struct error *mailbox_open(struct amqp_owner *o, struct amqp_mailbox *m)
{
	TRY(open_channel(o, m));
	if (!m->durable) {
		TRY(declare_ephemeral(o, m));
	} else if (m->plain) {
		TRY(declare_durable(o, m));
	} else {
		TRY(take_lock(o, m));
		TRY(declare_durable(o, m));
		TRY(bind_durable(o, m));
	}
	return consume(o, m);
}

static struct error *mailbox_delete(struct amqp_owner *o, const struct amqp_mailbox *m)
{
	struct error *e;

	amqp_queue_delete(o->link, CHANNEL_SCRATCH, amqp_cstring_bytes(m->queue), 0, 0);
	e = amqp_link_check(o->link, CHANNEL_SCRATCH, m->queue);
	if (!e || e->code == ERROR_UNAVAILABLE)
		return e;
	if (e->code != ERROR_NOT_FOUND)
		log_warn("bus.undeleted", "queue=%s why=%s", m->queue, log_q(e->message));
	error_free(e);
	return amqp_link_open_channel(o->link, CHANNEL_SCRATCH);
}

/* Not the one closed last: what the broker sent before it heard of the closing is still to be read, and would pass for
 * deliveries of the next mailbox. So channels go round, in a circle that is small because each costs memory. */
static uint16_t free_channel(struct amqp_owner *o)
{
	int limit = amqp_get_channel_max(o->link), size = CHANNELS_SPARE;

	if (limit <= 0 || limit > UINT16_MAX)
		limit = AMQP_CHANNEL_LIMIT;
	for (const struct amqp_mailbox *m = o->mailboxes; m; m = m->next)
		size++;
	if (size > limit - CHANNEL_FIRST_MAILBOX + 1)
		size = limit - CHANNEL_FIRST_MAILBOX + 1;
	for (int i = 0; i < size; i++) {
		if (++o->last_channel < CHANNEL_FIRST_MAILBOX || o->last_channel >= CHANNEL_FIRST_MAILBOX + size)
			o->last_channel = CHANNEL_FIRST_MAILBOX;
		if (!amqp_mailbox_of_channel(o, (uint16_t)o->last_channel))
			return (uint16_t)o->last_channel;
	}
	return 0;
}

static void report_served(struct amqp_owner *o, const struct amqp_mailbox *m)
{
	struct amqp_report *r;

	if (!m->id || m->plain)
		return;
	r = amqp_report_new(REPORT_SERVED);
	r->id = mem_strdup(r, m->id);
	amqp_pipe_give(o->pipe, &r->item);
}

static struct error *mailbox_try(struct amqp_owner *o, struct amqp_mailbox *m)
{
	struct error *e;

	m->channel = free_channel(o);
	if (!m->channel) {
		amqp_mailbox_failed(o, m, error_new(ERROR_LIMIT, "the broker allows no more channels"));
		return NULL;
	}
	m->generation = ++o->next_generation;
	amqp_settle_begin(&m->settle);
	m->opened_at_ms = clock_mono_ms();
	e = mailbox_open(o, m);
	if (!e) {
		log_debug("bus.mailbox", "queue=%s", m->queue);
		report_served(o, m);
		return NULL;
	}
	if (e->code == ERROR_UNAVAILABLE)
		return e;
	amqp_mailbox_failed(o, m, e);
	return NULL;
}

struct error *amqp_mailboxes_open(struct amqp_owner *o, int64_t now_ms, int64_t *ret_next_ms)
{
	int64_t next_ms = INT64_MAX;

	/* All of them first: a channel is free only then. */
	for (struct amqp_mailbox *m = o->mailboxes; m; m = m->next)
		close_cancelled(o, m);
	for (struct amqp_mailbox *m = o->mailboxes, *following; m; m = following) {
		following = m->next;
		if (m->channel)
			continue;
		if (m->removing) {
			TRY(mailbox_delete(o, m));
			mailbox_unlink(o, m);
			continue;
		}
		if (m->retry_at_ms <= now_ms)
			TRY(mailbox_try(o, m));
		if (!m->channel && m->retry_at_ms < next_ms)
			next_ms = m->retry_at_ms;
	}
	*ret_next_ms = next_ms;
	return NULL;
}
