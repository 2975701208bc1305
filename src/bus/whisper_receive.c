/* Receiving over Whisper: what comes waits for its turn of the loop, is opened, delivered, acknowledged. See
 * whisper_impl.h. */
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/whisper_impl.h"
#include "crypto/ecies.h"

/* What may wait for its turn, and in a mailbox that is being claimed. */
#define INBOX_COUNT 4096
#define INBOX_BYTES ((size_t)16 << 20)
#define EARLY_COUNT 256
#define EARLY_BYTES ((size_t)4 << 20)
#define TURN 32 /* envelopes in a turn of the loop */

#define ACK_TTL_MS 60000
/* A repetition is acknowledged again, but not for every copy that somebody replays. */
#define ACK_AGAIN_MS 500

struct whisper_delivery {
	struct bus_delivery head; /* first */
	char *mailbox;            /* NULL: a status */
	bool sealed;
	uint8_t key[WHISPER_KEY_BYTES]; /* of the sealed bytes */
};

/* --- queues --- */

static bool queue_put(struct wbus_envelope_queue *q, struct wbus_envelope_item *item, size_t count_max,
		      size_t bytes_max)
{
	if (q->count >= count_max || q->bytes + item->n > bytes_max)
		return false;
	if (!q->first)
		q->last = &q->first;
	item->next = NULL;
	*q->last = item;
	q->last = &item->next;
	q->count++;
	q->bytes += item->n;
	return true;
}

static struct wbus_envelope_item *queue_take(struct wbus_envelope_queue *q)
{
	struct wbus_envelope_item *item = q->first;

	if (!item)
		return NULL;
	q->first = item->next;
	q->count--;
	q->bytes -= item->n;
	return item;
}

static void on_turn(void *arg);

void wbus_wake(struct wbus *w)
{
	if (!w->inbox_timer)
		w->inbox_timer = timer_start(w, w->loop, 0, 0, on_turn, w);
}

void wbus_got(const uint8_t topic[TOPIC_BYTES], const uint8_t hash[ENVELOPE_HASH_BYTES], const uint8_t *data, size_t n,
	      void *arg)
{
	struct wbus *w = arg;
	struct wbus_envelope_item *item;

	if (whisper_seen_find(w->envelopes, hash))
		return;
	item = mem_new(w, struct wbus_envelope_item);
	memcpy(item->topic, topic, TOPIC_BYTES);
	item->data = mem_memdup(item, data, n);
	item->n = n;
	if (!queue_put(&w->inbox, item, INBOX_COUNT, INBOX_BYTES)) {
		log_debug("whisper.dropped", "waiting=%zu", w->inbox.count);
		mem_free(item); /* it will be sent again */
		return;
	}
	whisper_seen_add(w->envelopes, hash);
	wbus_wake(w);
}

void wbus_release(struct wbus_mailbox *box, bool drop)
{
	struct wbus_envelope_item *item;

	while ((item = queue_take(&box->early))) {
		if (drop || !queue_put(&box->w->inbox, item, INBOX_COUNT, INBOX_BYTES))
			mem_free(item);
	}
	if (box->w->inbox.first)
		wbus_wake(box->w);
}

/* --- delivering --- */

static struct whisper_delivery *delivery_new(struct wbus *w, const char *mailbox)
{
	struct whisper_delivery *d = mem_new(w, struct whisper_delivery);

	d->head.backend = &bus_backend_whisper;
	d->head.self = w;
	d->mailbox = mailbox ? mem_strdup(d, mailbox) : NULL;
	return d;
}

static void acknowledge(struct wbus *w, const char *from, const char *to, const uint8_t key[WHISPER_KEY_BYTES])
{
	json_t *body = json_object();
	struct message *m = message_new(w, MESSAGE_ACK, from, to, ACK_TTL_MS, body);

	m->re = hex_encode(m, key, RE_BYTES);
	wbus_say(w, m, to, WHISPER_TTL_S, true);
	mem_free(m);
	json_decref(body);
}

static struct wbus_mailbox *served(const struct wbus *w, const char *id)
{
	struct wbus_mailbox *box = wbus_mailbox(w, id);

	return box && box->state == MAILBOX_SERVED ? box : NULL;
}

/* It has arrived: the bytes are remembered, with the sender's id as note, and he is told. */
static void settle(struct wbus *w, struct whisper_delivery *d)
{
	struct whisper_seen_entry *entry = d->sealed ? whisper_seen_find(w->accepted, d->key) : NULL;
	const struct wbus_mailbox *box = d->sealed ? served(w, d->mailbox) : NULL;

	if (entry && d->head.message) {
		entry->pinned = false;
		entry->at_ms = clock_mono_ms();
		entry->note = mem_strdup(entry, d->head.message->from);
		if (d->head.message->key)
			wbus_ephemeral(w, entry->note);
		/* Who has lost the mailbox meanwhile leaves the rest to who has it. */
		if (box)
			acknowledge(w, box->id, entry->note, d->key);
	} else if (entry) {
		whisper_seen_remove(w->accepted, entry); /* maybe for another id with this topic */
	}
	if (d->sealed && wbus_mailbox(w, d->mailbox))
		wbus_mailbox(w, d->mailbox)->delivering--;
	mem_free(d);
}

void wbus_accept(void *self, struct bus_delivery *d)
{
	settle(self, (struct whisper_delivery *)d);
}

/* There are no dead letters. What was opened has arrived all the same: to send it again would not help. */
void wbus_reject(void *self, struct bus_delivery *d, const char *reason)
{
	if (d->message)
		log_warn("whisper.rejected", "mailbox=%s message=%s from=%s why=%s",
			 ((struct whisper_delivery *)d)->mailbox ? ((struct whisper_delivery *)d)->mailbox : "status",
			 d->message->id, d->message->from, log_q(reason));
	settle(self, (struct whisper_delivery *)d);
}

/* As if it had not come: it takes no place among what is remembered, and nothing is posted for it. */
void wbus_drop(void *self, struct bus_delivery *head)
{
	struct wbus *w = self;
	struct whisper_delivery *d = (struct whisper_delivery *)head;
	struct whisper_seen_entry *entry = d->sealed ? whisper_seen_find(w->accepted, d->key) : NULL;

	if (entry)
		whisper_seen_remove(w->accepted, entry);
	if (d->sealed && wbus_mailbox(w, d->mailbox))
		wbus_mailbox(w, d->mailbox)->delivering--;
	mem_free(d);
}

/* A repetition of what was accepted, or is being delivered. */
static void repeated(struct wbus *w, const struct wbus_mailbox *box, struct whisper_seen_entry *entry)
{
	int64_t now_ms = clock_mono_ms();

	if (entry->pinned || now_ms - entry->at_ms < ACK_AGAIN_MS)
		return;
	entry->at_ms = now_ms;
	acknowledge(w, box->id, entry->note, entry->key);
}

static void deliver_sealed(struct wbus_mailbox *box, const uint8_t *data, size_t n)
{
	struct wbus *w = box->w;
	struct whisper_delivery *d;
	struct whisper_seen_entry *entry;
	uint8_t key[WHISPER_KEY_BYTES];

	wbus_hash(data, n, key);
	entry = whisper_seen_find(w->accepted, key);
	if (entry) {
		repeated(w, box, entry);
		return;
	}
	if (box->delivering >= w->prefetch)
		return; /* it comes again */
	entry = whisper_seen_add(w->accepted, key);
	entry->pinned = true;
	box->delivering++;
	d = delivery_new(w, box->id);
	d->sealed = true;
	memcpy(d->key, key, sizeof(key));
	bus_receive(w->bus, &d->head, d->mailbox, false, NULL, data, n);
}

/* --- opening --- */

static bool early(struct wbus_mailbox *box, const struct wbus_envelope_item *item)
{
	struct wbus_envelope_item *copy;

	if (box->state != MAILBOX_CLAIMING)
		return false;
	copy = mem_new(box, struct wbus_envelope_item);
	memcpy(copy->topic, item->topic, TOPIC_BYTES);
	copy->data = mem_memdup(copy, item->data, item->n);
	copy->n = item->n;
	if (!queue_put(&box->early, copy, EARLY_COUNT, EARLY_BYTES))
		mem_free(copy);
	return true;
}

static bool is_topic(const uint8_t a[TOPIC_BYTES], const uint8_t b[TOPIC_BYTES])
{
	return !memcmp(a, b, TOPIC_BYTES);
}

/* Sealed: for whichever of our ids has the topic; two can have the same. The handlers may change the mailboxes, and
 * free the bus. */
static void got_sealed(struct wbus *w, const struct wbus_envelope_item *item, const bool *gone)
{
	void *tmp = mem_strdup(NULL, "");
	char **ids = NULL;
	size_t n = 0;

	for (const struct wbus_mailbox *box = w->mailboxes; box; box = box->next) {
		if (!is_topic(box->topic, item->topic))
			continue;
		ids = mem_resize(tmp, ids, char *, n + 1);
		ids[n++] = mem_strdup(tmp, box->id);
	}
	for (size_t i = 0; i < n && !*gone; i++) {
		struct wbus_mailbox *box = wbus_mailbox(w, ids[i]);

		if (box && !early(box, item) && box->state == MAILBOX_SERVED)
			deliver_sealed(box, item->data, item->n);
	}
	mem_free(tmp);
}

static void got_hello(struct wbus *w, const struct message *m, const struct wbus_envelope_item *item,
		      const uint8_t *plain, size_t n)
{
	struct wbus_mailbox *box = wbus_mailbox(w, m->to);

	if (!box || early(box, item) || box->state != MAILBOX_SERVED)
		return;
	bus_receive(w->bus, &delivery_new(w, box->id)->head, box->id, false, NULL, plain, n);
}

static void got_open(struct wbus *w, const struct wbus_envelope_item *item, const uint8_t *plain, size_t n)
{
	struct message *m;
	struct error *e;

	if (seal_form(plain, n) != SEAL_OPEN) {
		log_debug("whisper.noise", "why=%s", "neither sealed nor signed");
		return;
	}
	if (w->watching && is_topic(item->topic, w->status_topic)) {
		bus_receive(w->bus, &delivery_new(w, NULL)->head, NULL, false, NULL, plain, n);
		return;
	}
	e = seal_read(NULL, w->keyring, NULL, plain, n, &m);
	/* A claim is between servers of one id, and is to keep nobody out for longer than its sender is there. */
	if (!e && (m->kind == MESSAGE_CLAIM ? message_expired : message_is_void)(m, clock_wall_ms())) {
		mem_free(m);
		e = error_new(ERROR_REFUSED, "void: its time to live is over");
	}
	if (e) {
		log_debug("whisper.noise", "why=%s", log_q(e->message));
		error_free(e);
		return;
	}
	if (m->kind == MESSAGE_ACK)
		wbus_acked(w, m);
	else if (m->kind == MESSAGE_CLAIM && wbus_mailbox(w, m->to))
		wbus_mailbox_heard(wbus_mailbox(w, m->to), m);
	else if (m->kind == MESSAGE_HELLO)
		got_hello(w, m, item, plain, n);
	else
		log_debug("whisper.noise", "why=%s", "a kind that is not open");
	mem_free(m);
}

static void handle(struct wbus *w, const struct wbus_envelope_item *item, const bool *gone)
{
	size_t n = item->n;
	uint8_t *plain;
	struct error *e;

	if (n > SEAL_LIMIT + WHISPER_WRAP_BYTES || n <= WHISPER_WRAP_BYTES)
		return;
	/* The cheap way first; authenticated, so that one is not taken for the other. */
	e = wbus_unwrap(w, NULL, item->data, n, &plain);
	if (!e) {
		got_open(w, item, plain, n - WHISPER_WRAP_BYTES);
		mem_free(plain);
		return;
	}
	error_free(e);
	if (n > ECIES_OVERHEAD && seal_form(item->data, n) == SEAL_SEALED)
		got_sealed(w, item, gone);
}

static void on_turn(void *arg)
{
	struct wbus *w = arg;
	struct wbus_envelope_item *item;
	bool gone = false;

	mem_free(w->inbox_timer);
	w->inbox_timer = NULL;
	if (!w->keyed)
		return; /* on_derived wakes it */
	w->gone = &gone;
	for (unsigned i = 0; i < TURN && !gone && (item = queue_take(&w->inbox)); i++) {
		talloc_steal(NULL, item);
		handle(w, item, &gone);
		mem_free(item);
	}
	if (gone)
		return;
	w->gone = NULL;
	if (w->inbox.first)
		wbus_wake(w);
}
