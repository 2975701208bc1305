/* The bus over Whisper: opening, state, topics and the network's key. See whisper_impl.h. */
#include <ctype.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/whisper_impl.h"
#include "crypto/keccak.h"
#include "crypto/secret.h"

#define INSTANCE_BYTES 16
#define ENVELOPES_KEPT 4096
#define ACCEPTED_KEPT 8192
#define EPHEMERAL_KEPT 2048

/* --- topics --- */

void wbus_topic(const struct wbus *w, const char *id, uint8_t ret_topic[TOPIC_BYTES])
{
	char *text = mem_printf(NULL, "dsn/%s/%s", w->network, id);
	uint8_t digest[KECCAK_BYTES];

	/* Names of networks are lower case; ids are the same in either. */
	for (char *p = text; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	keccak256(text, strlen(text), digest);
	memcpy(ret_topic, digest, TOPIC_BYTES);
	mem_free(text);
}

void wbus_hash(const uint8_t *bytes, size_t n, uint8_t ret_key[WHISPER_KEY_BYTES])
{
	uint8_t digest[KECCAK_BYTES];

	keccak256(bytes, n, digest);
	memcpy(ret_key, digest, WHISPER_KEY_BYTES);
}

static void on_watch(void *arg)
{
	struct wbus *w = arg;
	size_t n = w->watching;
	uint8_t(*topics)[TOPIC_BYTES];

	for (const struct wbus_mailbox *box = w->mailboxes; box; box = box->next)
		n++;
	for (const struct wbus_sender *s = w->senders; s; s = s->next)
		n++;
	topics = talloc_zero_size(w, (n + 1) * TOPIC_BYTES);
	n = 0;
	for (const struct wbus_mailbox *box = w->mailboxes; box; box = box->next)
		memcpy(topics[n++], box->topic, TOPIC_BYTES);
	for (const struct wbus_sender *s = w->senders; s; s = s->next)
		memcpy(topics[n++], s->topic, TOPIC_BYTES);
	if (w->watching)
		memcpy(topics[n++], w->status_topic, TOPIC_BYTES);
	mem_free(w->watch_timer);
	w->watch_timer = NULL;
	w->port->watch(w->port, (const uint8_t(*)[TOPIC_BYTES])topics, n);
	mem_free(topics);
}

void wbus_watch(struct wbus *w)
{
	if (!w->watch_timer)
		w->watch_timer = timer_start(w, w->loop, 0, 0, on_watch, w);
}

/* --- what we say of ourselves --- */

uint8_t *wbus_wrap(const struct wbus *w, const void *ctx, const uint8_t *plain, size_t n, size_t *ret_n)
{
	uint8_t *data = mem_array(ctx, uint8_t, n + WHISPER_WRAP_BYTES);
	uint8_t *nonce = data + n + AES_GCM_TAG_BYTES;

	crypto_random_bytes(nonce, AES_GCM_NONCE_BYTES);
	aes_gcm_seal(w->key, nonce, plain, n, data);
	*ret_n = n + WHISPER_WRAP_BYTES;
	return data;
}

struct error *wbus_unwrap(const struct wbus *w, const void *ctx, const uint8_t *data, size_t n, uint8_t **ret_plain)
{
	size_t sealed_bytes = n - AES_GCM_NONCE_BYTES;
	uint8_t *plain = mem_array(ctx, uint8_t, sealed_bytes);
	struct error *e = aes_gcm_open(w->key, data + sealed_bytes, data, sealed_bytes, plain);

	if (e) {
		mem_free(plain);
		return e;
	}
	*ret_plain = plain;
	return NULL;
}

static void on_said(const struct error *e, void *arg)
{
	struct wbus *w = arg;

	w->posting--;
	if (e)
		log_debug("whisper.not-posted", "why=%s", log_q(e->message));
}

void wbus_say(struct wbus *w, const struct message *m, const char *to_topic_of, uint32_t ttl_s, bool urgent)
{
	void *tmp = mem_strdup(w, "");
	uint8_t topic[TOPIC_BYTES], *bytes, *data;
	size_t n, data_bytes;
	struct error *e = seal_write(tmp, w->keyring, m, SEAL_OPEN, &bytes, &n);

	if (!e && w->posting >= WHISPER_POSTING_MAX)
		e = error_new(ERROR_LIMIT, "%d are under way", WHISPER_POSTING_MAX);
	if (e) {
		log_warn("whisper.not-said", "from=%s why=%s", m->from, log_q(e->message));
		error_free(e);
	} else {
		wbus_topic(w, to_topic_of, topic);
		data = wbus_wrap(w, tmp, bytes, n, &data_bytes);
		w->posting++;
		w->port->post(w->port, w, topic, ttl_s, data, data_bytes, urgent, on_said, w);
	}
	mem_free(tmp);
}

/* --- state --- */

static void set_state(struct wbus *w, bool up, const struct error *why)
{
	struct bus *bus = w->bus;

	if (up == w->up && (up || w->reported_down))
		return;
	if (!up && !w->up && !why)
		return; /* only the network's key is not there yet */
	w->up = up;
	w->reported_down = !up;
	for (struct wbus_mailbox *box = w->mailboxes; box; box = box->next) {
		if (up)
			wbus_mailbox_up(box);
		else
			wbus_mailbox_down(box);
	}
	if (!up)
		wbus_lost(w, why);
	bus_report_state(bus, up, why); /* may free it all */
}

static void on_port_state(bool up, const struct error *why, void *arg)
{
	struct wbus *w = arg;

	w->port_up = up;
	set_state(w, up && w->keyed, why);
}

/* The network's key takes some 50 ms: on a worker. */
struct derivation {
	struct wbus *w;
	char *password;
	uint8_t key[SYM_KEY_BYTES];
};

static void run_derivation(void *arg)
{
	struct derivation *d = arg;

	payload_key_from_password(d->password, d->key);
}

static void on_derived(void *arg)
{
	struct derivation *d = arg;
	struct wbus *w = d->w;

	memcpy(w->key, d->key, SYM_KEY_BYTES);
	w->keyed = true;
	wbus_wake(w);
	set_state(w, w->port_up, NULL);
}

static void drop_derivation(void *arg)
{
	mem_free(arg);
}

static void derive_key(struct wbus *w)
{
	struct derivation *d = mem_new(NULL, struct derivation);

	d->w = w;
	d->password = mem_printf(d, "dsn/%s", w->network);
	work_start(w, w->loop, run_derivation, on_derived, drop_derivation, d);
}

/* --- the backend --- */

static int wbus_destroy(struct wbus *w)
{
	if (w->gone)
		*w->gone = true;
	mem_free(w->port); /* first: it may still send what is urgent */
	return 0;
}

static struct error *wbus_open(const void *ctx, uv_loop_t *loop, const struct bus_options *options, struct bus *bus,
			       void **ret_self)
{
	static const struct whisper_port_events events = {.state = on_port_state, .envelope = wbus_got};
	struct whisper_address *address;
	struct wbus *w;
	struct error *e;

	if (!options->keyring)
		return error_new(
			ERROR_INVALID,
			"the bus over Whisper carries sealed messages only: a key is wanted (see keys in the manual)");
	w = mem_new(ctx, struct wbus);
	w->loop = loop;
	w->bus = bus;
	w->keyring = options->keyring;
	w->network = mem_strdup(w, options->network);
	w->prefetch = options->prefetch;
	w->instance = hex_random(w, INSTANCE_BYTES);
	w->envelopes = whisper_seen_new(w, ENVELOPES_KEPT);
	w->accepted = whisper_seen_new(w, ACCEPTED_KEPT);
	w->ephemeral = whisper_seen_new(w, EPHEMERAL_KEPT);
	wbus_topic(w, "status", w->status_topic);
	e = whisper_address_new(w, options->url, &address);
	if (!e)
		e = whisper_port_open(w, loop, options, address, &events, w, &w->port);
	if (e) {
		mem_free(w);
		return e;
	}
	talloc_set_destructor(w, wbus_destroy);
	derive_key(w);
	*ret_self = w;
	return NULL;
}

static struct error *wbus_watch_status(void *self)
{
	struct wbus *w = self;

	if (w->watching)
		return NULL;
	w->watching = true;
	wbus_watch(w);
	return NULL;
}

static bool wbus_is_up(const void *self)
{
	return ((const struct wbus *)self)->up;
}

const struct bus_backend bus_backend_whisper = {
	.scheme = "shh",
	.check_url = whisper_address_check,
	.open = wbus_open,
	.serve = wbus_serve,
	.unserve = wbus_unserve,
	.send = wbus_send,
	.forget = wbus_forget,
	.accept = wbus_accept,
	.reject = wbus_reject,
	.drop = wbus_drop,
	.watch_status = wbus_watch_status,
	.is_up = wbus_is_up,
};
