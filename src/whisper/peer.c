/* One peer of the shh/6 capability: its status, what it wants, what it sends. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/keccak.h"
#include "whisper/node_impl.h"
#include "whisper/packet.h"

/* go-ethereum 1.8 and older count proof of work otherwise than 1.9 and newer. */
static enum pow_rule rule_of(const char *client, enum pow_rule unknown)
{
	const char *version;
	char *end;

	if (!strncmp(client, "dsn/", 4))
		return POW_EIP627;
	if (strncmp(client, "Geth/", 5))
		return unknown;
	version = strstr(client, "/v1.");
	if (version && isdigit((unsigned char)version[4]) && strtoul(version + 4, &end, 10) <= 8 && *end == '.')
		return POW_LEGACY;
	return POW_EIP627;
}

static void send_packet(struct shh_peer *p, uint64_t code, struct rlp_writer *w)
{
	struct error *e = p2p_send(p->link, code, w->data, w->len);

	/* These are small and rare: a peer that has no room for them reads nothing at all. */
	if (e)
		p2p_disconnect(p->link, DISCONNECT_USELESS, e->message);
	error_free(e);
}

static void send_status(struct shh_peer *p)
{
	struct shh *s = p->node;
	struct shh_status status = {.version = SHH_VERSION, .min_pow = s->demand.min_pow, .light = s->light};
	void *tmp = mem_strdup(NULL, "");
	struct rlp_writer w;

	memcpy(status.bloom, s->demand.bloom, BLOOM_BYTES);
	rlp_writer_init(&w, tmp);
	packet_status_write(&w, &status);
	send_packet(p, SHH_STATUS, &w);
	mem_free(tmp);
}

typedef void write_fn(struct rlp_writer *w, const struct shh *s);

static void write_pow(struct rlp_writer *w, const struct shh *s)
{
	pow_requirement_write(w, s->demand.min_pow);
}

static void write_bloom(struct rlp_writer *w, const struct shh *s)
{
	bloom_write(w, s->demand.bloom);
}

static void tell(struct shh *s, uint64_t code, write_fn *write)
{
	void *tmp = mem_strdup(NULL, "");
	struct rlp_writer w;

	if (!s->p2p) {
		mem_free(tmp);
		return; /* not yet open */
	}
	rlp_writer_init(&w, tmp);
	write(&w, s);
	for (struct p2p_peer *link = p2p_next_peer(s->p2p, NULL), *next; link; link = next) {
		next = p2p_next_peer(s->p2p, link); /* sending may end it */
		send_packet(p2p_state(link), code, &w);
	}
	mem_free(tmp);
}

void shh_peers_send_pow(struct shh *s)
{
	tell(s, SHH_POW, write_pow);
}

void shh_peers_send_bloom(struct shh *s)
{
	tell(s, SHH_BLOOM, write_bloom);
}

static void count_known(struct shh *s, int change)
{
	s->known_peers += (size_t)change;
	timer_again(s->peers_changed, 0, 0);
}

static void *on_up(struct p2p_peer *link, void *arg)
{
	struct shh *s = arg;
	struct shh_peer *p = mem_new(s, struct shh_peer);
	int64_t now = clock_mono_ms();

	p->node = s;
	p->link = link;
	p->rule = rule_of(p2p_client(link), s->options.unknown_rule);
	p->envelopes = (struct shh_bucket){s->options.peer_envelopes_per_s, s->options.peer_envelopes_per_s, now};
	p->bytes = (struct shh_bucket){(double)s->options.peer_bytes_per_s, (double)s->options.peer_bytes_per_s, now};
	send_status(p);
	return p;
}

static void on_down(struct p2p_peer *link, const struct error *why, void *arg)
{
	struct shh_peer *p = p2p_state(link);

	(void)why;
	if (p->known)
		count_known(arg, -1);
	mem_free(p);
}

static void on_drained(struct p2p_peer *link, void *arg)
{
	struct shh_peer *p = p2p_state(link);

	p->blocked = false;
	shh_forward_soon(arg);
}

/* --- rate limits --- */

static bool take(struct shh_bucket *b, double amount, int64_t now)
{
	if (b->rate <= 0)
		return true;
	b->level += b->rate * (double)(now - b->filled_ms) / 1000;
	if (b->level > b->rate)
		b->level = b->rate;
	b->filled_ms = now;
	if (b->level <= 0)
		return false;
	b->level -= amount; /* below zero: a large envelope is paid for afterwards, else it would never pass */
	return true;
}

/* --- packets --- */

static struct error *on_status(struct shh_peer *p, const uint8_t *payload, size_t n)
{
	struct shh_status status;

	if (p->known)
		return NULL; /* go-ethereum ignores a second one as well */
	TRY(packet_status_read(payload, n, &status));
	if (status.light && p->node->light)
		return error_new(ERROR_REFUSED, "both sides are light nodes");
	p->light = status.light;
	p->demand.min_pow = status.min_pow;
	memcpy(p->demand.bloom, status.bloom, BLOOM_BYTES);
	p->known = true;
	count_known(p->node, 1);
	shh_forward_soon(p->node);
	return NULL;
}

static void got_envelope(struct shh_peer *p, struct envelope *e)
{
	struct shh *s = p->node;
	enum shh_refusal why;
	bool is_new;
	struct error *err = shh_admit(s, e, &why, &is_new);

	if (err) {
		log_debug("shh.refused", "peer=%s reason=%s", p2p_remote_address(p->link), log_q(err->message));
		error_free(err);
		return;
	}
	shh_peer_has(p, is_new ? pool_newest(s->pool) : pool_number(s->pool, e->hash));
	if (!is_new || !s->light)
		return;
	/* A light node passes nothing on. */
	for (struct p2p_peer *link = p2p_next_peer(s->p2p, NULL); link; link = p2p_next_peer(s->p2p, link))
		shh_peer_has(p2p_state(link), pool_newest(s->pool));
}

static struct error *take_message(struct shh_peer *p, const uint8_t *raw, size_t n)
{
	struct shh *s = p->node;
	int64_t now = clock_mono_ms();
	uint8_t hash[ENVELOPE_HASH_BYTES];
	struct envelope *e;
	uint64_t known;

	s->counters.received++;
	if (!take(&p->envelopes, 1, now) || !take(&p->bytes, (double)n, now)) {
		s->counters.refused[SHH_RATE]++;
		return NULL;
	}
	/* Megabytes are not even hashed for that. */
	if (n > s->max_message_bytes + ENVELOPE_REST_BYTES) {
		s->counters.refused[SHH_HUGE]++;
		return NULL;
	}
	keccak256(raw, n, hash);
	known = pool_number(s->pool, hash);
	if (known) {
		/* Every peer sends it: no more is computed than tells so. */
		s->counters.duplicates++;
		shh_peer_has(p, known);
		return NULL;
	}
	TRY(envelope_read_hashed(raw, n, hash, &e));
	got_envelope(p, e);
	envelope_unref(e);
	return NULL;
}

/* *ret_more: the slice is over before the packet is. */
static struct error *take_slice(struct shh_peer *p, bool *ret_more)
{
	int64_t end_us = clock_mono_us() + TURNS_SLICE_US;

	while (!rlp_at_end(&p->items)) {
		const uint8_t *raw;
		size_t n;

		if (clock_mono_us() >= end_us) {
			*ret_more = true;
			return NULL;
		}
		TRY(rlp_read_raw(&p->items, &raw, &n));
		TRY(p->item(p, raw, n));
	}
	*ret_more = false;
	return NULL;
}

static bool on_turn(void *arg)
{
	struct shh_peer *p = arg;
	struct p2p_peer *link = p->link;
	bool more = false;
	struct error *e = take_slice(p, &more);

	if (more)
		return true;
	p->turn = NULL;
	if (e) {
		p->node->counters.refused[SHH_MALFORMED]++;
		p2p_disconnect(link, DISCONNECT_SUBPROTOCOL, e->message);
		error_free(e);
	}
	p2p_go_on(link); /* the next packet may come at once, and take a turn of its own */
	return false;
}

/* A packet is as large as its sender likes: others are served between its slices. The peer is not read meanwhile. */
static struct error *work_off(struct shh_peer *p, struct rlp items, shh_peer_item_fn *item)
{
	bool more = false;

	p->items = items;
	p->item = item;
	TRY(take_slice(p, &more));
	if (more) {
		p2p_hold(p->link);
		p->turn = turns_add(p, p->node->turns, on_turn, p);
	}
	return NULL;
}

static struct error *on_messages(struct shh_peer *p, const uint8_t *payload, size_t n)
{
	struct rlp items;

	TRY(messages_read(payload, n, &items));
	return work_off(p, items, take_message);
}

/* What it wants has changed. New envelopes follow it at once, those in the pool within a second. */
static void on_demand(struct shh_peer *p, const struct shh_demand *demand)
{
	if (!p->widened) {
		p->before = p->demand;
	} else {
		/* Changed twice before we went through the pool: only what both allowed is there already. */
		if (p->demand.min_pow > p->before.min_pow)
			p->before.min_pow = p->demand.min_pow;
		for (size_t i = 0; i < BLOOM_BYTES; i++)
			p->before.bloom[i] &= p->demand.bloom[i];
	}
	p->widened = p->known;
	p->demand = *demand;
}

static struct error *on_pow(struct shh_peer *p, const uint8_t *payload, size_t n)
{
	struct shh_demand demand = p->demand;

	TRY(pow_requirement_read(payload, n, &demand.min_pow));
	on_demand(p, &demand);
	return NULL;
}

static struct error *on_bloom(struct shh_peer *p, const uint8_t *payload, size_t n)
{
	struct shh_demand demand = p->demand;

	TRY(bloom_read(payload, n, demand.bloom));
	on_demand(p, &demand);
	return NULL;
}

static struct error *take_direct(struct shh_peer *p, const uint8_t *raw, size_t n)
{
	struct envelope *e;

	TRY(envelope_read(raw, n, &e));
	p->node->counters.direct_in++;
	filters_offer(p->node->filters, e, true);
	envelope_unref(e);
	return NULL;
}

/* One envelope, or a list of them as status-go sends. Only a trusted peer may; others are not even looked at. */
static struct error *on_direct(struct shh_peer *p, const uint8_t *payload, size_t n)
{
	struct rlp packet = rlp_of(payload, n), items;
	bool several;

	if (!p->trusted && !p2p_trusted(p->link))
		return NULL;
	TRY(rlp_read_list(&packet, &items));
	several = rlp_next_is_list(&items);
	if (!several)
		items = rlp_of(payload, n - packet.left);
	return work_off(p, items, take_direct);
}

static struct error *take_packet(struct shh_peer *p, uint64_t code, const uint8_t *payload, size_t n)
{
	if (!p->known && code != SHH_STATUS)
		return error_new(ERROR_INVALID, "packet %llu came before the status", (unsigned long long)code);
	switch (code) {
	case SHH_STATUS:
		return on_status(p, payload, n);
	case SHH_MESSAGES:
		return on_messages(p, payload, n);
	case SHH_POW:
		return on_pow(p, payload, n);
	case SHH_BLOOM:
		return on_bloom(p, payload, n);
	case SHH_DIRECT:
		return on_direct(p, payload, n);
	default: /* a request to a mail server, or of another client: not for us */
		return NULL;
	}
}

static struct error *on_packet(struct p2p_peer *link, uint64_t code, const uint8_t *payload, size_t n, void *arg)
{
	struct error *e = take_packet(p2p_state(link), code, payload, n);

	if (e)
		((struct shh *)arg)->counters.refused[SHH_MALFORMED]++;
	return e;
}

const struct p2p_protocol shh_protocol = {
	.name = "shh",
	.version = SHH_VERSION,
	.length = SHH_LENGTH,
	.payload_limit = 16 * 1024 * 1024 - 1, /* go-ethereum's bundles know no bound but the frame's */
	.up = on_up,
	.message = on_packet,
	.drained = on_drained,
	.down = on_down,
};
