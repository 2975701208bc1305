/* Sending over Whisper: lanes, repetition, acknowledgements. See whisper_impl.h. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/complete.h"
#include "bus/whisper_impl.h"

/* At least a second, so that the repeated envelope has another expiry and thus another hash; at most less than
 * WHISPER_TTL_S, so that one is always on its way and who comes back gets it at once. */
#define AGAIN_FIRST_MS 1000
#define AGAIN_MAX_MS 15000
#define RTT_FACTOR 4

/* So long an ephemeral id may be silent. */
#define EPHEMERAL_SILENCE_MS 60000

/* What may wait, in a lane and in all. */
#define LANE_COUNT 1024
#define WAITING_COUNT 8192
#define WAITING_BYTES ((size_t)32 << 20)

struct flight { /* a message that is not acknowledged */
	struct flight *next;
	struct wbus_lane *lane;
	char *id;
	uint8_t *bytes;
	size_t len;
	char re[RE_DIGITS + 1];
	bus_sent_fn *fn;
	void *arg;
	unsigned tries;
	int64_t posted_ms; /* monotonic: the first time */
	int64_t again_ms;  /* the pause */
	struct timer *deadline, *again;
	struct whisper_posting *posting;
	struct error *failure; /* of the last post */
};

struct wbus_lane {
	struct wbus_lane *next;
	struct wbus *w;
	char *from, *to;
	uint8_t topic[TOPIC_BYTES];
	struct flight *first, **last;
	size_t count;
};

static int flight_destroy(struct flight *f)
{
	error_free(f->failure);
	return 0;
}

/* --- lanes --- */

static struct wbus_lane *find_lane(const struct wbus *w, const char *from, const char *to)
{
	struct wbus_lane *l = w->lanes;

	while (l && (strcasecmp(l->from, from) || strcasecmp(l->to, to)))
		l = l->next;
	return l;
}

static struct wbus_lane *get_lane(struct wbus *w, const char *from, const char *to)
{
	struct wbus_lane *l = find_lane(w, from, to);

	if (l)
		return l;
	l = mem_new(w, struct wbus_lane);
	l->w = w;
	l->from = mem_strdup(l, from);
	l->to = mem_strdup(l, to);
	wbus_topic(w, to, l->topic);
	l->last = &l->first;
	l->next = w->lanes;
	w->lanes = l;
	return l;
}

static void drop_lane(struct wbus_lane *l)
{
	struct wbus_lane **at = &l->w->lanes;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	mem_free(l);
}

static void depart(struct flight *f);

/* The end of a flight; the lane may be gone afterwards. */
static void leave(struct flight *f)
{
	struct wbus_lane *l = f->lane;
	struct wbus *w = l->w;
	struct flight **at = &l->first;
	bool was_first = l->first == f;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	if (!f->next)
		l->last = at;
	l->count--;
	w->waiting_count--;
	w->waiting_bytes -= f->len;
	mem_free(f);
	if (!l->first)
		drop_lane(l);
	else if (was_first)
		depart(l->first);
}

/* Takes `e`, NULL when it has arrived. */
static void land(struct flight *f, struct error *e)
{
	struct wbus *w = f->lane->w;

	bus_complete_later(w, w->loop, e, f->fn, f->arg);
	leave(f);
}

/* --- repetition --- */

static int64_t first_pause_ms(const struct wbus *w)
{
	int64_t ms = w->rtt_ms * RTT_FACTOR;

	return ms < AGAIN_FIRST_MS ? AGAIN_FIRST_MS : ms > AGAIN_MAX_MS ? AGAIN_MAX_MS : ms;
}

static void post(struct flight *f);

static void ephemeral_key(const char *id, uint8_t ret_key[WHISPER_KEY_BYTES])
{
	char lower[ID_DIGITS + 1] = {0};

	for (size_t i = 0; i < ID_DIGITS && id[i]; i++)
		lower[i] = (char)tolower((unsigned char)id[i]);
	wbus_hash((const uint8_t *)lower, ID_DIGITS, ret_key);
}

void wbus_ephemeral(struct wbus *w, const char *id)
{
	uint8_t key[WHISPER_KEY_BYTES];

	ephemeral_key(id, key);
	if (!whisper_seen_find(w->ephemeral, key))
		whisper_seen_add(w->ephemeral, key);
}

static bool has_gone(const struct flight *f)
{
	uint8_t key[WHISPER_KEY_BYTES];

	if (clock_mono_ms() - f->posted_ms < EPHEMERAL_SILENCE_MS)
		return false;
	ephemeral_key(f->lane->to, key);
	return whisper_seen_find(f->lane->w->ephemeral, key);
}

static void on_again(void *arg)
{
	struct flight *f = arg;

	mem_free(f->again);
	f->again = NULL;
	if (has_gone(f)) {
		land(f, error_new(ERROR_NOT_FOUND, "%s, which goes with its process, has not answered for %d s",
				  f->lane->to, EPHEMERAL_SILENCE_MS / 1000));
		return;
	}
	log_debug("whisper.again", "message=%s to=%s try=%u", f->id, f->lane->to, f->tries + 1);
	post(f);
}

static void on_posted(const struct error *e, void *arg)
{
	struct flight *f = arg;

	f->posting = NULL;
	error_free(f->failure);
	f->failure = e ? error_copy(e) : NULL;
	if (e)
		log_debug("whisper.not-posted", "message=%s why=%s", f->id, log_q(e->message));
	if (f->tries == 1) {
		f->posted_ms = clock_mono_ms();
		f->again_ms = first_pause_ms(f->lane->w);
	}
	f->again = timer_start(f, f->lane->w->loop, f->again_ms, 0, on_again, f);
	f->again_ms = f->again_ms * 2 < AGAIN_MAX_MS ? f->again_ms * 2 : AGAIN_MAX_MS;
}

static void post(struct flight *f)
{
	struct whisper_port *port = f->lane->w->port;

	f->tries++;
	f->posting = port->post(port, f, f->lane->topic, WHISPER_TTL_S, f->bytes, f->len, false, on_posted, f);
}

static void depart(struct flight *f)
{
	post(f);
}

static void on_deadline(void *arg)
{
	struct flight *f = arg;
	struct error *e;

	if (f->failure)
		e = error_new(ERROR_TIMEOUT, "void before it could be sent: %s", f->failure->message);
	else if (f->tries)
		e = error_new(ERROR_TIMEOUT, "%s has not acknowledged it, sent %u times", f->lane->to, f->tries);
	else
		e = error_new(ERROR_TIMEOUT,
			      "void before it could be sent: %s has not acknowledged what was sent before",
			      f->lane->to);
	land(f, e);
}

/* --- the way in --- */

static struct error *no_room(const struct wbus *w, const char *to, size_t in_lane)
{
	return error_new(ERROR_LIMIT,
			 "too much is not yet acknowledged: %zu messages for %s, %zu messages and %zu bytes in all",
			 in_lane, to, w->waiting_count, w->waiting_bytes);
}

static void enqueue(struct wbus *w, const struct bus_item *item, int64_t left_ms, bus_sent_fn *fn, void *arg)
{
	struct wbus_lane *l = find_lane(w, item->from, item->to);
	struct flight *f;
	uint8_t key[WHISPER_KEY_BYTES];
	char *re;

	if ((l && l->count >= LANE_COUNT) || w->waiting_count >= WAITING_COUNT ||
	    w->waiting_bytes + item->len > WAITING_BYTES) {
		bus_complete_later(w, w->loop, no_room(w, item->to, l ? l->count : 0), fn, arg);
		return;
	}
	l = get_lane(w, item->from, item->to);
	f = mem_new(l, struct flight);
	talloc_set_destructor(f, flight_destroy);
	f->lane = l;
	f->id = mem_strdup(f, item->id);
	f->bytes = mem_memdup(f, item->bytes, item->len);
	f->len = item->len;
	f->fn = fn;
	f->arg = arg;
	wbus_hash(f->bytes, f->len, key);
	re = hex_encode(f, key, RE_BYTES);
	memcpy(f->re, re, sizeof(f->re));
	mem_free(re);
	if (item->until_ms)
		f->deadline = timer_start(f, w->loop, left_ms, 0, on_deadline, f);
	*l->last = f;
	l->last = &f->next;
	l->count++;
	w->waiting_count++;
	w->waiting_bytes += f->len;
	if (l->first == f)
		depart(f);
}

/* Acknowledgements come to the sender's topic, whether it is served or not. */
static void know_sender(struct wbus *w, const char *id)
{
	struct wbus_sender *s = w->senders;

	while (s && strcasecmp(s->id, id))
		s = s->next;
	if (s)
		return;
	s = mem_new(w, struct wbus_sender);
	s->id = mem_strdup(s, id);
	wbus_topic(w, id, s->topic);
	s->next = w->senders;
	w->senders = s;
	if (!wbus_mailbox(w, id))
		wbus_watch(w);
}

/* What is sent once. */
struct once {
	struct wbus *w;
	bus_sent_fn *fn;
	void *arg;
	bool counted;
};

static void on_once(const struct error *e, void *arg)
{
	struct once *o = arg;

	o->w->posting -= o->counted;
	bus_complete_later(o->w, o->w->loop, e ? error_copy(e) : NULL, o->fn, o->arg);
	mem_free(o);
}

static void send_once(struct wbus *w, const struct bus_item *item, enum seal_form form, bus_sent_fn *fn, void *arg)
{
	struct once *o = mem_new(w, struct once);
	uint8_t topic[TOPIC_BYTES], *data;
	size_t n;

	*o = (struct once){w, fn, arg, item->once};
	w->posting += o->counted;
	wbus_topic(w, item->kind == MESSAGE_STATUS ? "status" : item->to, topic);
	if (form == SEAL_SEALED)
		data = mem_memdup(o, item->bytes, n = item->len);
	else
		data = wbus_wrap(w, o, item->bytes, item->len, &n);
	w->port->post(w->port, w, topic, WHISPER_BRIEF_TTL_S, data, n, false, on_once, o);
	mem_free(data);
}

static struct error *check(const struct wbus *w, const struct bus_item *item, enum seal_form form, int64_t left_ms)
{
	size_t extra = form == SEAL_OPEN ? WHISPER_WRAP_BYTES : 0;

	if (!w->up)
		return error_new(ERROR_UNAVAILABLE, "not connected to the Whisper network");
	if (form != SEAL_OPEN && form != SEAL_SEALED)
		return error_new(ERROR_INVALID,
				 "%s: plain messages do not travel over Whisper, and there is no key to seal it",
				 *item->to ? item->to : "status");
	if (form == SEAL_OPEN && (item->kind == MESSAGE_COMMAND || item->kind == MESSAGE_RESULT))
		return error_new(ERROR_INVALID, "%s: a command or result must be sealed", item->to);
	if (item->len + extra > w->port->limit)
		return error_new(ERROR_LIMIT, "the message has %zu bytes sealed, the Whisper network takes %zu",
				 item->len, w->port->limit);
	if (item->once && w->posting >= WHISPER_POSTING_MAX)
		return error_new(ERROR_LIMIT, "%d are under way", WHISPER_POSTING_MAX);
	if (item->until_ms && left_ms <= 0)
		return error_new(ERROR_TIMEOUT, "the message was void before it could be sent");
	return NULL;
}

void wbus_send(void *self, const struct bus_item *item, bus_sent_fn *fn, void *arg)
{
	struct wbus *w = self;
	enum seal_form form = seal_form(item->bytes, item->len);
	int64_t left_ms = item->until_ms - clock_wall_ms();
	struct error *e = check(w, item, form, left_ms);

	if (e) {
		bus_complete_later(w, w->loop, e, fn, arg);
	} else if (form == SEAL_SEALED && !item->once) {
		know_sender(w, item->from);
		enqueue(w, item, left_ms, fn, arg);
	} else {
		send_once(w, item, form, fn, arg);
	}
}

/* --- what ends it --- */

static void measure(struct wbus *w, const struct flight *f)
{
	int64_t ms = clock_mono_ms() - f->posted_ms;

	if (f->tries == 1 && !f->posting)
		w->rtt_ms = w->rtt_ms ? (7 * w->rtt_ms + ms) / 8 : ms;
}

void wbus_acked(struct wbus *w, const struct message *ack)
{
	struct wbus_lane *l = find_lane(w, ack->to, ack->from);
	struct flight *f = l ? l->first : NULL;

	/* One that is vouched for by somebody else is not the recipient's. */
	if (!f || strcasecmp(ack->signer, l->to) || strcasecmp(ack->re, f->re)) {
		log_debug("whisper.strange-ack", "from=%s to=%s", ack->from, ack->to);
		return;
	}
	measure(w, f);
	log_debug("whisper.acked", "message=%s to=%s tries=%u", f->id, l->to, f->tries);
	land(f, NULL);
}

bool wbus_forget(void *self, const char *from, const char *to, const void *arg)
{
	struct wbus_lane *l = find_lane(self, from, to);
	struct flight *f = l ? l->first : NULL;

	while (f && f->arg != arg)
		f = f->next;
	if (!f)
		return false;
	leave(f);
	return true;
}

void wbus_lost(struct wbus *w, const struct error *why)
{
	while (w->lanes) {
		struct wbus_lane *l = w->lanes;

		for (struct flight *f = l->first; f; f = f->next)
			bus_complete_later(w, w->loop,
					   error_new(ERROR_UNAVAILABLE,
						     "connection lost before the acknowledgement: %s",
						     why ? why->message : "no peer"),
					   f->fn, f->arg);
		w->lanes = l->next;
		mem_free(l);
	}
	w->waiting_count = w->waiting_bytes = 0;
}
