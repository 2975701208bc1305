#include "devp2p/dial.h"

#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/mem.h"
#include "devp2p/admit.h"

#define DIALS_AT_ONCE 16
#define CANDIDATES 32 /* found nodes that wait for their turn */
#define PAST_DIALS 128
#define LOOKUP_FIRST_MS 250
#define LOOKUP_MAX_MS 30000
#define LOOKUP_LONELY_MS 4000 /* at most, with less than half of the peers wanted */
#define REST_MAX_MS 600000

struct target {
	struct enode node;
	struct backoff backoff;
	int64_t next_ms;
	struct target *next;
};

/* A node dialed of ourselves that is not to be dialed again before `until_ms`. */
struct past_dial {
	uint8_t key[16]; /* of the public key */
	int64_t until_ms;
	unsigned fails; /* in a row */
};

struct dial {
	struct p2p *p2p;
	struct target *statics;
	struct enode *bootnodes;
	size_t bootnode_count;
	struct enode *candidates; /* a ring, made when first needed */
	size_t candidate_first, candidate_count;
	struct past_dial *past;
	int64_t next_lookup_ms, lookup_wait_ms;
};

struct dial *dial_new(struct p2p *p)
{
	struct dial *d = mem_new(p, struct dial);

	d->p2p = p;
	d->past = mem_array(d, struct past_dial, PAST_DIALS);
	d->lookup_wait_ms = LOOKUP_FIRST_MS;
	return d;
}

static struct target **find_static(struct dial *d, const uint8_t public[SECP_PUBLIC_BYTES])
{
	struct target **t = &d->statics;

	while (*t && memcmp((*t)->node.public, public, SECP_PUBLIC_BYTES) != 0)
		t = &(*t)->next;
	return t;
}

void dial_add_static(struct dial *d, const struct enode *e)
{
	struct target **t = find_static(d, e->public);

	if (!*t)
		*t = mem_new(d, struct target);
	(*t)->node = *e;
	(*t)->backoff = (struct backoff){.first_ms = 500, .max_ms = 30000, .steady_ms = 10000};
	(*t)->next_ms = 0;
}

bool dial_remove_static(struct dial *d, const uint8_t public[SECP_PUBLIC_BYTES])
{
	struct target **t = find_static(d, public), *gone = *t;

	if (!gone)
		return false;
	*t = gone->next;
	mem_free(gone);
	return true;
}

bool dial_is_static(const struct dial *d, const uint8_t public[SECP_PUBLIC_BYTES])
{
	return *find_static((struct dial *)d, public) != NULL;
}

void dial_add_bootnode(struct dial *d, const struct enode *e)
{
	d->bootnodes = mem_resize(d, d->bootnodes, struct enode, d->bootnode_count + 1);
	d->bootnodes[d->bootnode_count++] = *e;
}

/* Connected, on the way to it, or ourselves? */
static bool busy_with(const struct p2p *p, const uint8_t public[SECP_PUBLIC_BYTES])
{
	if (!memcmp(public, p->key.public, SECP_PUBLIC_BYTES))
		return true;
	for (const struct p2p_peer *q = p->first; q; q = q->next) {
		if (q->known && q->state != PEER_CLOSING && !memcmp(q->public, public, SECP_PUBLIC_BYTES))
			return true;
	}
	return false;
}

static unsigned dialing(const struct p2p *p)
{
	unsigned n = 0;

	for (const struct p2p_peer *q = p->first; q; q = q->next)
		n += !q->inbound && q->state <= PEER_HELLO;
	return n;
}

static bool dialed_lately(const struct dial *d, const uint8_t public[SECP_PUBLIC_BYTES], int64_t now_ms)
{
	for (size_t i = 0; i < PAST_DIALS; i++) {
		if (d->past[i].until_ms > now_ms && !memcmp(d->past[i].key, public, sizeof(d->past[i].key)))
			return true;
	}
	return false;
}

/* Its entry, or the one that is over first. */
static struct past_dial *entry_for(struct dial *d, const uint8_t public[SECP_PUBLIC_BYTES])
{
	struct past_dial *first = d->past;

	for (struct past_dial *it = d->past; it < d->past + PAST_DIALS; it++) {
		if (!memcmp(it->key, public, sizeof(it->key)))
			return it;
		if (it->until_ms < first->until_ms)
			first = it;
	}
	memcpy(first->key, public, sizeof(first->key));
	first->fails = 0;
	return first;
}

/* How long not to dial a node again that is neither static nor up any more, the first time. */
static int64_t rest_ms(const struct p2p_peer *peer)
{
	switch (peer->ended_reason) {
	case DISCONNECT_USELESS:
	case DISCONNECT_VERSION:
	case DISCONNECT_INVALID_IDENTITY:
	case DISCONNECT_UNEXPECTED_IDENTITY:
	case DISCONNECT_SELF:
		return REST_MAX_MS;
	case DISCONNECT_PROTOCOL:
	case DISCONNECT_SUBPROTOCOL:
		return 60000;
	case DISCONNECT_TOO_MANY:
		return 10000;
	default:
		return 2000;
	}
}

static void remember(struct dial *d, const struct p2p_peer *peer, int64_t now_ms)
{
	struct past_dial *it = entry_for(d, peer->public);
	int64_t ms;

	it->fails = peer->was_up ? 0 : it->fails + 1;
	ms = rest_ms(peer) << (it->fails < 2 ? 0 : it->fails < 8 ? it->fails - 1 : 7);
	it->until_ms = now_ms + (ms < REST_MAX_MS ? ms : REST_MAX_MS);
}

void dial_ended(struct dial *d, const struct p2p_peer *peer, int64_t now_ms)
{
	int64_t ran_ms = peer->was_up ? now_ms - peer->up_ms : 0;

	if (peer->inbound)
		return;
	struct target *t = *find_static(d, peer->public);
	if (t)
		t->next_ms = now_ms + backoff_next_ms(&t->backoff, ran_ms);
	else
		remember(d, peer, now_ms);
	if (peer->was_up && d->lookup_wait_ms > 1000)
		d->lookup_wait_ms = 1000;
}

void dial_found(struct dial *d, const struct enode *e)
{
	if (!e->tcp || busy_with(d->p2p, e->public))
		return;
	if (!d->candidates)
		d->candidates = mem_array(d, struct enode, CANDIDATES);
	for (size_t i = 0; i < d->candidate_count; i++) {
		if (!memcmp(d->candidates[(d->candidate_first + i) % CANDIDATES].public, e->public, SECP_PUBLIC_BYTES))
			return;
	}
	if (d->candidate_count == CANDIDATES) {
		d->candidate_first = (d->candidate_first + 1) % CANDIDATES;
		d->candidate_count--;
	}
	d->candidates[(d->candidate_first + d->candidate_count++) % CANDIDATES] = *e;
	dial_poll(d, clock_mono_ms());
}

static bool wanted(const struct dial *d)
{
	const struct p2p *p = d->p2p;

	return admit_count(p, true) < admit_dialed_share(p) && admit_count(p, false) < p->max_peers;
}

static bool may_dial(const struct dial *d, const struct enode *e, int64_t now_ms)
{
	return e->tcp && e->host[0] && !busy_with(d->p2p, e->public) && !dialed_lately(d, e->public, now_ms) &&
	       wanted(d) && dialing(d->p2p) < DIALS_AT_ONCE;
}

static void poll_static(struct dial *d, int64_t now_ms)
{
	for (struct target *t = d->statics; t; t = t->next) {
		if (now_ms >= t->next_ms && dialing(d->p2p) < DIALS_AT_ONCE && !busy_with(d->p2p, t->node.public))
			peer_dial(d->p2p, &t->node, true);
	}
}

static void poll_candidates(struct dial *d, int64_t now_ms)
{
	while (d->candidate_count && wanted(d) && dialing(d->p2p) < DIALS_AT_ONCE) {
		const struct enode *e = &d->candidates[d->candidate_first];

		d->candidate_first = (d->candidate_first + 1) % CANDIDATES;
		d->candidate_count--;
		if (may_dial(d, e, now_ms))
			peer_dial(d->p2p, e, false);
	}
	for (size_t i = 0; i < d->bootnode_count; i++) {
		if (may_dial(d, &d->bootnodes[i], now_ms))
			peer_dial(d->p2p, &d->bootnodes[i], false);
	}
}

static void ask_discovery(struct dial *d, int64_t now_ms)
{
	const struct p2p *p = d->p2p;
	struct enode known[8];
	bool dialed = false;

	if (!p->discovery)
		return;
	size_t n = discovery_random(p->discovery, known, sizeof(known) / sizeof(known[0]));
	for (size_t i = 0; i < n; i++) {
		if (may_dial(d, &known[i], now_ms)) {
			peer_dial(d->p2p, &known[i], false);
			dialed = true;
		}
	}
	/* As long as there is somebody to dial, there is no need to look for more. */
	if (dialed || dialing(p) >= DIALS_AT_ONCE || now_ms < d->next_lookup_ms)
		return;
	int64_t max_ms = admit_count(p, true) < admit_dialed_share(p) / 2 ? LOOKUP_LONELY_MS : LOOKUP_MAX_MS;
	d->next_lookup_ms = now_ms + (d->lookup_wait_ms < max_ms ? d->lookup_wait_ms : max_ms);
	d->lookup_wait_ms = d->lookup_wait_ms * 2 < LOOKUP_MAX_MS ? d->lookup_wait_ms * 2 : LOOKUP_MAX_MS;
	discovery_lookup(p->discovery);
}

void dial_poll(struct dial *d, int64_t now_ms)
{
	if (d->p2p->stopping)
		return;
	poll_static(d, now_ms);
	if (!wanted(d))
		return;
	poll_candidates(d, now_ms);
}

void dial_tick(struct dial *d, int64_t now_ms)
{
	dial_poll(d, now_ms);
	if (!d->p2p->stopping && wanted(d))
		ask_discovery(d, now_ms);
}
