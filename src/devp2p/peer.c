#include "devp2p/peer.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "devp2p/admit.h"
#include "devp2p/dial.h"

#define WRITE_MS 20000
#define DISCONNECT_MS 1000
/* How long two connections to one node stand side by side: long enough for the remote's Disconnect of one of them to
 * arrive; the side that decides waits less, so that the other side hears of it in time. */
#define HOLD_MS 1000
#define PARK_DECIDES_MS 300
#define PARK_FOLLOWS_MS 2000
#define REST_LIMIT (64 * 1024)   /* bytes read together with Hello or a message: less than one read of the wire */
#define SCRATCH_KEPT (64 * 1024) /* bytes of the frame buffer that are kept between frames */
#define SCRATCH_LIMIT (FRAME_LIMIT + FRAME_LIMIT / 4)

static void feed(struct p2p_peer *peer, const uint8_t *bytes, size_t n);

static int peer_destroy(struct p2p_peer *peer)
{
	struct p2p *p = peer->p2p;

	*(peer->previous ? &peer->previous->next : &p->first) = peer->next;
	*(peer->next ? &peer->next->previous : &p->last) = peer->previous;
	error_free(peer->why);
	return 0;
}

struct p2p_peer *peer_new(struct p2p *p, bool inbound)
{
	struct p2p_peer *peer = mem_new(p, struct p2p_peer);

	peer->p2p = p;
	peer->inbound = inbound;
	peer->ended_reason = NO_REASON;
	peer->previous = p->last;
	*(p->last ? &p->last->next : &p->first) = peer;
	p->last = peer;
	talloc_set_destructor(peer, peer_destroy);
	return peer;
}

bool peer_is_up(const struct p2p_peer *peer)
{
	return peer->state == PEER_UP && peer->announced;
}

/* A read or write of the socket failed, or the remote closed it. */
static void connection_lost(struct p2p_peer *peer, int status)
{
	peer->gone = true;
	if (peer->state == PEER_CLOSING)
		p2p_reap_soon(peer->p2p);
	else if (status == 0)
		peer_end(peer, NO_REASON, error_new(ERROR_UNAVAILABLE, "the peer has closed the connection"));
	else
		peer_end(peer, NO_REASON, error_uv(status, "the connection"));
}

static struct buf *scratch(struct p2p *p)
{
	if (!p->scratch)
		p->scratch = buf_new(p, SCRATCH_LIMIT);
	buf_clear(p->scratch);
	return p->scratch;
}

struct error *peer_send_bytes(struct p2p_peer *peer, struct buf *out)
{
	struct p2p *p = peer->p2p;
	struct error *e = wire_write(peer->wire, out->data, out->len);

	if (!e) {
		if (wire_backlog(peer->wire) == out->len)
			peer->last_write_ms = clock_mono_ms();
		peer->bytes_written += out->len;
		p->counters.bytes_out += out->len;
		peer->above = peer->above || wire_backlog(peer->wire) >= p->low_water;
	}
	if (out == p->scratch && out->capacity > SCRATCH_KEPT) {
		mem_free(out);
		p->scratch = NULL;
	}
	return e;
}

struct error *peer_send(struct p2p_peer *peer, uint64_t code, const void *payload, size_t n)
{
	struct buf *out = scratch(peer->p2p);

	TRY(frames_write(peer->frames, code, payload, n, out));
	struct error *e = peer_send_bytes(peer, out);
	if (!e)
		peer->p2p->counters.messages_out++;
	return e;
}

static void send_or_end(struct p2p_peer *peer, uint64_t code, const void *payload, size_t n)
{
	struct error *e = peer_send(peer, code, payload, n);

	if (e)
		peer_end(peer, NO_REASON, e);
}

static bool tell_reason(struct p2p_peer *peer, int reason)
{
	struct rlp_writer w;

	if (reason == NO_REASON || !peer->frames || peer->gone)
		return false;
	rlp_writer_init(&w, peer);
	p2p_disconnect_write(&w, (enum p2p_disconnect_reason)reason);
	struct error *e = peer_send(peer, BASE_DISCONNECT, w.data, w.len);
	mem_free(w.data);
	if (!e) {
		/* Closing with bytes unread would reset the connection and lose the Disconnect: the remote closes. */
		wire_shutdown(peer->wire);
		e = wire_read(peer->wire);
	}
	bool told = !e;
	error_free(e);
	return told;
}

static void count_end(struct p2p_peer *peer, enum peer_state was, int reason)
{
	struct p2p_counters *c = &peer->p2p->counters;
	size_t kinds = sizeof(c->disconnects) / sizeof(c->disconnects[0]);

	if (reason != NO_REASON)
		c->disconnects[(size_t)reason < kinds ? (size_t)reason : DISCONNECT_SUBPROTOCOL]++;
	else if (was == PEER_UP)
		c->disconnects[DISCONNECT_NETWORK]++;
	if (was == PEER_CONNECTING)
		c->dial_failed++;
	else if (was == PEER_HANDSHAKE || (was == PEER_HELLO && reason == NO_REASON))
		c->handshake_failed++;
}

/* `received`: the reason is the remote's. */
static void finish(struct p2p_peer *peer, int reason, bool received, struct error *why)
{
	enum peer_state was = peer->state;

	if (was == PEER_CLOSING) {
		error_free(why);
		return;
	}
	count_end(peer, was, reason);
	log_debug(was == PEER_UP ? "p2p.down" : "p2p.ended", "peer=%s inbound=%d reason=%s why=%s",
		  peer->remote[0] ? peer->remote : "-", peer->inbound,
		  reason == NO_REASON ? "-" : p2p_disconnect_name((uint64_t)reason), why ? log_q(why->message) : "-");
	peer->state = PEER_CLOSING;
	peer->p2p->unfinished -= peer->unfinished;
	peer->unfinished = 0;
	peer->ended_reason = reason;
	peer->why = why;
	if (received || !tell_reason(peer, reason))
		peer->gone = true;
	mem_free(peer->resolve);
	peer->resolve = NULL;
	mem_free(peer->rest);
	peer->rest = NULL;
	peer->deadline_ms = clock_mono_ms() + DISCONNECT_MS;
	p2p_reap_soon(peer->p2p);
}

void peer_end(struct p2p_peer *peer, int reason, struct error *why)
{
	finish(peer, reason, false, why);
}

void peer_cut(struct p2p_peer *peer, enum p2p_cut what, int reason, struct error *why)
{
	if (peer->state != PEER_CLOSING)
		peer->p2p->counters.cuts[what]++;
	finish(peer, reason, false, why);
}

static void refuse(struct p2p_peer *peer, int reason)
{
	if (peer->inbound)
		peer->p2p->counters.refused++;
	peer_end(peer, reason, error_new(ERROR_REFUSED, "%s", p2p_disconnect_name((uint64_t)reason)));
}

static void send_hello(struct p2p_peer *peer)
{
	struct p2p *p = peer->p2p;
	struct p2p_hello h = {.version = 5, .client = p->client, .cap_count = 1, .listen_port = p->self.tcp};
	struct rlp_writer w;

	strncpy(h.caps[0].name, p->protocol.name, sizeof(h.caps[0].name) - 1);
	h.caps[0].version = p->protocol.version;
	memcpy(h.public, p->key.public, SECP_PUBLIC_BYTES);
	rlp_writer_init(&w, peer);
	p2p_hello_write(&w, &h);
	send_or_end(peer, BASE_HELLO, w.data, w.len);
	mem_free(w.data);
}

/* Only the side that decides does so: the other one goes on with every connection, so none waits for ever. */
static void hold(struct p2p_peer *peer)
{
	wire_pause(peer->wire);
	peer->state = PEER_HELD;
	peer->deadline_ms = clock_mono_ms() + HOLD_MS;
}

/* Bytes that came while nobody read. */
static void feed_rest(struct p2p_peer *peer)
{
	struct buf *rest = peer->rest;

	peer->rest = NULL;
	if (rest)
		feed(peer, (const uint8_t *)rest->data, rest->len);
	mem_free(rest);
}

void peer_release(struct p2p_peer *peer)
{
	struct error *e = wire_read(peer->wire);

	if (e) {
		peer_end(peer, NO_REASON, e);
		return;
	}
	peer->state = PEER_HELLO;
	peer->deadline_ms = clock_mono_ms() + HANDSHAKE_MS;
	send_hello(peer);
	feed_rest(peer);
}

static void refuse_held(const struct p2p_peer *up)
{
	for (struct p2p_peer *q = up->p2p->first; q; q = q->next) {
		if (q->state == PEER_HELD && !memcmp(q->public, up->public, SECP_PUBLIC_BYTES))
			refuse(q, DISCONNECT_ALREADY);
	}
}

static void handshake_finished(struct p2p_peer *peer, struct handshake_secrets *secrets)
{
	struct p2p *p = peer->p2p;

	memcpy(peer->public, secrets->remote_public, SECP_PUBLIC_BYTES);
	peer->known = true;
	peer->frames = frames_new(peer, secrets, p->protocol.payload_limit);
	secret_wipe(secrets, sizeof(*secrets));
	mem_free(peer->handshake);
	peer->handshake = NULL;
	peer->trusted = p2p_key_set_has(&p->trusted, peer->public);
	peer->is_static = peer->is_static || (peer->inbound && dial_is_static(p->dialer, peer->public));
	int reason = admit_check(peer);
	peer->state = PEER_HELLO;
	peer->deadline_ms = clock_mono_ms() + HANDSHAKE_MS;
	if (reason != NO_REASON)
		refuse(peer, reason);
	else if (peer->inbound && admit_decides(peer) && admit_own_attempt(peer))
		hold(peer);
	else
		send_hello(peer);
}

/* Returns how many of the bytes belonged to the handshake. */
static size_t feed_handshake(struct p2p_peer *peer, const uint8_t *bytes, size_t n)
{
	struct buf *out = buf_new(peer, HANDSHAKE_LIMIT);
	struct handshake_secrets secrets;
	bool done = false;
	size_t used = 0;
	struct error *e = handshake_receive(peer->handshake, bytes, n, out, &used, &done, &secrets);

	if (!e && out->len)
		e = peer_send_bytes(peer, out);
	mem_free(out);
	if (e)
		peer_cut(peer, P2P_CUT_HANDSHAKE, NO_REASON, e);
	else if (done)
		handshake_finished(peer, &secrets);
	return used;
}

static void bring_up(struct p2p_peer *peer)
{
	struct p2p *p = peer->p2p;

	peer->state = PEER_UP;
	peer->was_up = true;
	peer->up_ms = peer->last_in_ms = peer->last_ping_ms = clock_mono_ms();
	refuse_held(peer);
	log_debug("p2p.up", "peer=%s inbound=%d client=%s", peer->remote, peer->inbound, log_q(peer->hello->client));
	peer->protocol_state = p->protocol.up(peer, p->protocol.arg);
	peer->announced = true;
	feed_rest(peer);
}

void peer_promote(struct p2p_peer *peer)
{
	struct error *e = wire_read(peer->wire);

	if (e)
		peer_end(peer, NO_REASON, e);
	else
		bring_up(peer);
}

static void park(struct p2p_peer *peer)
{
	for (const struct p2p_peer *q = peer->p2p->first; q; q = q->next) {
		if (q != peer && q->state == PEER_PARKED && !memcmp(q->public, peer->public, SECP_PUBLIC_BYTES)) {
			refuse(peer, DISCONNECT_ALREADY);
			return;
		}
	}
	wire_pause(peer->wire);
	peer->state = PEER_PARKED;
	peer->deadline_ms = clock_mono_ms() + (admit_decides(peer) ? PARK_DECIDES_MS : PARK_FOLLOWS_MS);
}

static void received_hello(struct p2p_peer *peer, const uint8_t *payload, size_t n)
{
	static const uint8_t none[SECP_PUBLIC_BYTES];
	struct p2p *p = peer->p2p;
	struct p2p_hello *h = mem_new(peer, struct p2p_hello);
	struct error *e = p2p_hello_read(h, payload, n, h);

	if (e) {
		peer_cut(peer, P2P_CUT_MESSAGE, DISCONNECT_PROTOCOL, e);
		return;
	}
	peer->hello = h;
	if (h->version >= 5)
		frames_compress(peer->frames);
	else
		frames_plain(peer->frames);
	peer->offset = p2p_capability_offset(h, p->protocol.name, p->protocol.version);
	int reason = admit_check(peer);
	if (!memcmp(h->public, none, sizeof(none)))
		reason = DISCONNECT_INVALID_IDENTITY;
	else if (memcmp(h->public, peer->public, SECP_PUBLIC_BYTES) != 0)
		reason = DISCONNECT_UNEXPECTED_IDENTITY;
	else if (!peer->offset)
		reason = DISCONNECT_USELESS;
	struct p2p_peer *twin = reason == NO_REASON ? admit_twin(peer) : NULL;
	if (twin && twin->inbound == peer->inbound)
		reason = DISCONNECT_ALREADY;
	if (reason != NO_REASON)
		refuse(peer, reason);
	else if (twin)
		park(peer);
	else
		bring_up(peer);
}

static void received_disconnect(struct p2p_peer *peer, const struct frame *f)
{
	uint64_t reason = p2p_disconnect_read(f->payload, f->n);

	finish(peer, reason <= DISCONNECT_SUBPROTOCOL ? (int)reason : DISCONNECT_SUBPROTOCOL, true,
	       error_new(ERROR_UNAVAILABLE, "the peer has ended it: %s", p2p_disconnect_name(reason)));
}

static void received_ping(struct p2p_peer *peer)
{
	static const uint8_t empty_list[] = {0xc0};

	/* Who does not read gets no more answers: pings must not pile up bytes here. */
	if (wire_backlog(peer->wire) < peer->p2p->high_water)
		send_or_end(peer, BASE_PONG, empty_list, sizeof(empty_list));
}

static void received(struct p2p_peer *peer, const struct frame *f)
{
	struct p2p *p = peer->p2p;

	p->counters.messages_in++;
	peer->last_in_ms = clock_mono_ms();
	if (f->code == BASE_DISCONNECT) {
		received_disconnect(peer, f);
	} else if (peer->state == PEER_HELLO) {
		if (f->code == BASE_HELLO)
			received_hello(peer, f->payload, f->n);
		else
			peer_cut(peer, P2P_CUT_MESSAGE, DISCONNECT_PROTOCOL,
				 error_new(ERROR_INVALID, "message %" PRIu64 " before Hello", f->code));
	} else if (f->code == BASE_PING) {
		received_ping(peer);
	} else if (f->code >= peer->offset && f->code - peer->offset < p->protocol.length) {
		struct error *e = p->protocol.message(peer, f->code - peer->offset, f->payload, f->n, p->protocol.arg);

		if (e)
			peer_end(peer, DISCONNECT_SUBPROTOCOL, e);
	} else if (f->code >= BASE_LENGTH) {
		peer_cut(peer, P2P_CUT_MESSAGE, DISCONNECT_PROTOCOL,
			 error_new(ERROR_INVALID, "message %" PRIu64 " of nobody", f->code));
	}
}

static void keep_rest(struct p2p_peer *peer, const uint8_t *bytes, size_t n)
{
	peer->rest = buf_new(peer, REST_LIMIT);
	struct error *e = buf_append(peer->rest, bytes, n);
	if (e)
		peer_end(peer, NO_REASON, e);
}

static enum p2p_cut cut_of(const struct error *e)
{
	return e->code == ERROR_REFUSED ? P2P_CUT_MAC : e->code == ERROR_LIMIT ? P2P_CUT_SIZE : P2P_CUT_FRAME;
}

/* `more`: call for a message even when no byte is left. Once more after the last message, with nothing: its memory is
 * given back then. */
static void take_messages(struct p2p_peer *peer, const uint8_t *bytes, size_t n, bool more)
{
	while (more && !peer->waits && (peer->state == PEER_HELLO || peer->state == PEER_UP)) {
		struct frame f = {0};
		size_t used = 0;
		struct error *e = frames_read(peer->frames, bytes, n, &used, &f);

		if (e) {
			peer_cut(peer, cut_of(e), NO_REASON, e);
			return;
		}
		bytes += used;
		n -= used;
		more = f.complete;
		if (f.complete)
			received(peer, &f);
	}
	if (peer->frames && peer->state != PEER_CLOSING)
		admit_weigh(peer);
	if (n && (peer->state == PEER_PARKED || peer->state == PEER_HELD || (peer->state == PEER_UP && peer->waits)))
		keep_rest(peer, bytes, n);
}

static void feed(struct p2p_peer *peer, const uint8_t *bytes, size_t n)
{
	if (peer->state == PEER_HANDSHAKE) {
		size_t used = feed_handshake(peer, bytes, n);

		bytes += used;
		n -= used;
	}
	take_messages(peer, bytes, n, n > 0);
}

void p2p_hold(struct p2p_peer *peer)
{
	if (peer->state != PEER_UP)
		return;
	peer->waits = true;
	wire_pause(peer->wire);
}

void p2p_go_on(struct p2p_peer *peer)
{
	struct buf *rest = peer->rest;
	const char *bytes = rest ? rest->data : "";
	struct error *e;

	if (!peer->waits || peer->state != PEER_UP)
		return;
	peer->waits = false;
	peer->rest = NULL;
	peer->last_in_ms = clock_mono_ms(); /* it could not be heard meanwhile */
	e = wire_read(peer->wire);
	if (e)
		peer_end(peer, NO_REASON, e);
	else
		take_messages(peer, (const uint8_t *)bytes, rest ? rest->len : 0, true);
	mem_free(rest);
}

void peer_on_data(const char *bytes, ssize_t len, void *arg)
{
	struct p2p_peer *peer = arg;

	if (len <= 0) {
		connection_lost(peer, (int)len);
		return;
	}
	peer->p2p->counters.bytes_in += (uint64_t)len;
	feed(peer, (const uint8_t *)bytes, (size_t)len);
}

void peer_on_written(int status, void *arg)
{
	struct p2p_peer *peer = arg;
	struct p2p *p = peer->p2p;

	peer->last_write_ms = clock_mono_ms();
	if (status < 0) {
		connection_lost(peer, status);
	} else if (peer->above && wire_backlog(peer->wire) < p->low_water) {
		peer->above = false;
		if (peer_is_up(peer) && p->protocol.drained)
			p->protocol.drained(peer, p->protocol.arg);
	}
}

void peer_report_down(struct p2p_peer *peer)
{
	struct p2p *p = peer->p2p;

	if (!peer->announced)
		return;
	peer->announced = false;
	p->protocol.down(peer, peer->why, p->protocol.arg);
	peer->protocol_state = NULL;
}

static void tick_up(struct p2p_peer *peer, int64_t now_ms)
{
	static const uint8_t empty_list[] = {0xc0};
	struct p2p *p = peer->p2p;
	size_t backlog = wire_backlog(peer->wire);
	uint64_t taken = peer->bytes_written - backlog;

	if (backlog == 0 || taken != peer->bytes_taken)
		peer->last_write_ms = now_ms;
	peer->bytes_taken = taken;
	if (now_ms - peer->last_in_ms >= p->frame_timeout_ms)
		peer_cut(peer, P2P_CUT_SILENT, DISCONNECT_READ_TIMEOUT,
			 error_new(ERROR_TIMEOUT, "nothing heard for %" PRId64 " ms", p->frame_timeout_ms));
	else if (now_ms - peer->last_write_ms >= WRITE_MS)
		peer_cut(peer, P2P_CUT_SLOW, NO_REASON, error_new(ERROR_TIMEOUT, "nothing taken for %d ms", WRITE_MS));
	else if (now_ms - peer->last_ping_ms >= p->frame_timeout_ms / 2 && backlog < p->high_water) {
		peer->last_ping_ms = now_ms;
		send_or_end(peer, BASE_PING, empty_list, sizeof(empty_list));
	}
}

void peer_tick(struct p2p_peer *peer, int64_t now_ms)
{
	if (peer->state == PEER_UP) {
		tick_up(peer, now_ms);
		return;
	}
	if (now_ms < peer->deadline_ms)
		return;
	if (peer->state == PEER_CLOSING) {
		peer->gone = true;
		p2p_reap_soon(peer->p2p);
	} else if (peer->state == PEER_HELD) {
		peer_release(peer);
	} else if (peer->state == PEER_PARKED) {
		refuse(peer, DISCONNECT_ALREADY);
	} else if (peer->state == PEER_CONNECTING) {
		peer_end(peer, NO_REASON, error_new(ERROR_TIMEOUT, "no answer in time"));
	} else {
		peer_cut(peer, P2P_CUT_LATE, NO_REASON, error_new(ERROR_TIMEOUT, "no answer in time"));
	}
}
