#include "devp2p/admit.h"

#include <string.h>

#include "base/mem.h"

unsigned admit_dialed_share(const struct p2p *p)
{
	return (p->max_peers + 2) / 3;
}

unsigned admit_count(const struct p2p *p, bool dialed)
{
	unsigned n = 0;

	for (const struct p2p_peer *q = p->first; q; q = q->next) {
		if (q->trusted || q->state == PEER_CLOSING)
			continue;
		if (dialed ? !q->inbound && !q->is_static : q->state == PEER_UP)
			n++;
	}
	return n;
}

static unsigned count_inbound(const struct p2p *p)
{
	unsigned n = 0;

	for (const struct p2p_peer *q = p->first; q; q = q->next)
		n += q->inbound && !q->trusted && q->state == PEER_UP;
	return n;
}

/* Room for those we dial is kept free only where we dial of ourselves; one inbound place stays in any case. */
static unsigned inbound_limit(const struct p2p *p)
{
	unsigned share = admit_dialed_share(p);

	if (!p->discovery)
		return p->max_peers;
	return p->max_peers > share ? p->max_peers - share : 1;
}

struct p2p_peer *admit_twin(const struct p2p_peer *peer)
{
	for (struct p2p_peer *q = peer->p2p->first; q; q = q->next) {
		if (q != peer && q->state == PEER_UP && !memcmp(q->public, peer->public, SECP_PUBLIC_BYTES))
			return q;
	}
	return NULL;
}

struct p2p_peer *admit_own_attempt(const struct p2p_peer *peer)
{
	for (struct p2p_peer *q = peer->p2p->first; q; q = q->next) {
		if (q != peer && !q->inbound && (q->state == PEER_HANDSHAKE || q->state == PEER_HELLO) &&
		    !memcmp(q->public, peer->public, SECP_PUBLIC_BYTES))
			return q;
	}
	return NULL;
}

int admit_check(const struct p2p_peer *peer)
{
	const struct p2p *p = peer->p2p;
	/* An operator's wish goes beyond the limit. */
	bool wished = peer->trusted || (peer->is_static && !peer->inbound);

	if (p->stopping)
		return DISCONNECT_QUITTING;
	if (!memcmp(peer->public, p->key.public, SECP_PUBLIC_BYTES))
		return DISCONNECT_SELF;
	if (peer->state == PEER_HANDSHAKE && admit_twin(peer))
		return DISCONNECT_ALREADY;
	if (wished || admit_twin(peer))
		return NO_REASON;
	if (admit_count(p, false) >= p->max_peers || (peer->inbound && count_inbound(p) >= inbound_limit(p)))
		return DISCONNECT_TOO_MANY;
	return NO_REASON;
}

bool admit_decides(const struct p2p_peer *peer)
{
	return memcmp(peer->p2p->key.public, peer->public, SECP_PUBLIC_BYTES) > 0;
}

static bool pending(const struct p2p_peer *q)
{
	return q->inbound && !q->gone && q->state != PEER_UP && q->state != PEER_PARKED;
}

static unsigned count_pending_at(const struct p2p *p, const struct discv4_endpoint *address)
{
	unsigned n = 0;

	for (const struct p2p_peer *q = p->first; q; q = q->next)
		n += pending(q) && discv4_endpoint_same_ip(&q->remote_endpoint, address);
	return n;
}

/* Those that have ended already go first, those that have proven their key last. */
static int worth(const struct p2p_peer *q)
{
	return q->state == PEER_CLOSING ? 0 : q->state == PEER_HANDSHAKE ? 1 : 2;
}

/* The first that is to go: of `address`, or of any when it is NULL. */
static struct p2p_peer *victim(const struct p2p *p, const struct p2p_peer *newest,
			       const struct discv4_endpoint *address)
{
	struct p2p_peer *found = NULL;

	for (struct p2p_peer *q = p->first; q; q = q->next) {
		if (q == newest || !pending(q) || (address && !discv4_endpoint_same_ip(&q->remote_endpoint, address)))
			continue;
		if (!found || worth(q) < worth(found))
			found = q;
	}
	return found;
}

/* The address with the most pending connections. */
static const struct discv4_endpoint *most_crowded(const struct p2p *p)
{
	const struct discv4_endpoint *found = NULL;
	unsigned most = 0;

	for (const struct p2p_peer *q = p->first; q; q = q->next) {
		unsigned n = pending(q) ? count_pending_at(p, &q->remote_endpoint) : 0;

		if (n > most) {
			most = n;
			found = &q->remote_endpoint;
		}
	}
	return found;
}

static void give_way(struct p2p_peer *q)
{
	if (!q)
		return;
	q->p2p->counters.refused++;
	peer_cut(q, P2P_CUT_CROWDED, NO_REASON, error_new(ERROR_LIMIT, "too many connections that do not get on"));
	/* Its socket closes now: a flood of connections must not wait for the end of the loop's turn. */
	mem_free(q->wire);
	q->wire = NULL;
	q->gone = true;
}

void admit_make_room(struct p2p_peer *newest)
{
	struct p2p *p = newest->p2p;
	const struct discv4_endpoint *address = &newest->remote_endpoint;
	unsigned n = 0, of_address = p->max_pending > 1 ? p->max_pending / 2 : 1;

	if (discv4_endpoint_network(address) != NETWORK_LOOPBACK && count_pending_at(p, address) > of_address)
		give_way(victim(p, newest, address));
	for (const struct p2p_peer *q = p->first; q; q = q->next)
		n += pending(q);
	if (n > p->max_pending)
		give_way(victim(p, newest, most_crowded(p)));
}

void admit_weigh(struct p2p_peer *peer)
{
	struct p2p *p = peer->p2p;

	p->unfinished -= peer->unfinished;
	peer->unfinished = frames_held(peer->frames);
	p->unfinished += peer->unfinished;
	while (p->unfinished > p->unfinished_limit) {
		struct p2p_peer *most = peer;

		for (struct p2p_peer *q = p->first; q; q = q->next) {
			if (q->unfinished > most->unfinished)
				most = q;
		}
		peer_cut(most, P2P_CUT_HOARD, NO_REASON,
			 error_new(ERROR_LIMIT, "unfinished messages take %zu bytes, %zu are allowed", p->unfinished,
				   p->unfinished_limit));
	}
}

bool p2p_key_set_has(const struct p2p_key_set *s, const uint8_t public[SECP_PUBLIC_BYTES])
{
	for (size_t i = 0; i < s->n; i++) {
		if (!memcmp(s->keys[i], public, SECP_PUBLIC_BYTES))
			return true;
	}
	return false;
}

void p2p_key_set_add(const void *ctx, struct p2p_key_set *s, const uint8_t public[SECP_PUBLIC_BYTES])
{
	if (p2p_key_set_has(s, public))
		return;
	s->keys = mem_resize_(ctx, s->keys, sizeof(*s->keys), s->n + 1, "keys");
	memcpy(s->keys[s->n++], public, SECP_PUBLIC_BYTES);
}

void p2p_key_set_remove(struct p2p_key_set *s, const uint8_t public[SECP_PUBLIC_BYTES])
{
	for (size_t i = 0; i < s->n; i++) {
		if (!memcmp(s->keys[i], public, SECP_PUBLIC_BYTES)) {
			memmove(s->keys + i, s->keys + i + 1, (s->n - i - 1) * sizeof(*s->keys));
			s->n--;
			return;
		}
	}
}
