/* What other rooms ask of a peer. */
#include <string.h>

#include "devp2p/peer.h"

size_t p2p_peer_count(const struct p2p *p)
{
	size_t n = 0;

	for (const struct p2p_peer *peer = p->first; peer; peer = peer->next)
		n += peer_is_up(peer);
	return n;
}

struct p2p_peer *p2p_next_peer(const struct p2p *p, const struct p2p_peer *previous)
{
	struct p2p_peer *peer = previous ? previous->next : p->first;

	while (peer && !peer_is_up(peer))
		peer = peer->next;
	return peer;
}

struct p2p_peer *p2p_find_peer(const struct p2p *p, const uint8_t public[SECP_PUBLIC_BYTES])
{
	struct p2p_peer *peer = p2p_next_peer(p, NULL);

	while (peer && memcmp(peer->public, public, SECP_PUBLIC_BYTES) != 0)
		peer = p2p_next_peer(p, peer);
	return peer;
}

const uint8_t *p2p_public(const struct p2p_peer *peer)
{
	return peer->public;
}

const char *p2p_client(const struct p2p_peer *peer)
{
	return peer->hello->client;
}

const struct p2p_hello *p2p_hello(const struct p2p_peer *peer)
{
	return peer->hello;
}

void *p2p_state(const struct p2p_peer *peer)
{
	return peer->protocol_state;
}

bool p2p_inbound(const struct p2p_peer *peer)
{
	return peer->inbound;
}

bool p2p_trusted(const struct p2p_peer *peer)
{
	return peer->trusted;
}

bool p2p_static(const struct p2p_peer *peer)
{
	return peer->is_static;
}

const char *p2p_local_address(const struct p2p_peer *peer)
{
	return peer->local;
}

const char *p2p_remote_address(const struct p2p_peer *peer)
{
	return peer->remote;
}

struct error *p2p_send(struct p2p_peer *peer, uint64_t code, const void *payload, size_t n)
{
	size_t backlog = p2p_backlog(peer);

	if (peer->state != PEER_UP)
		return error_new(ERROR_UNAVAILABLE, "the peer has gone");
	if (backlog > peer->p2p->high_water)
		return error_new(ERROR_LIMIT, "the peer reads too slowly: %zu bytes wait for it", backlog);
	return peer_send(peer, peer->offset + code, payload, n);
}

size_t p2p_backlog(const struct p2p_peer *peer)
{
	return peer->wire ? wire_backlog(peer->wire) : 0;
}

const char *p2p_cut_name(enum p2p_cut why)
{
	static const char *const names[P2P_CUTS] = {
		[P2P_CUT_CROWDED] = "crowded", [P2P_CUT_HANDSHAKE] = "handshake", [P2P_CUT_LATE] = "late",
		[P2P_CUT_MAC] = "mac",         [P2P_CUT_SIZE] = "size",           [P2P_CUT_FRAME] = "frame",
		[P2P_CUT_MESSAGE] = "message", [P2P_CUT_SILENT] = "silent",       [P2P_CUT_SLOW] = "slow",
		[P2P_CUT_HOARD] = "hoard",
	};

	return names[why];
}

const char *p2p_udp_refusal_name(enum p2p_udp_refusal why)
{
	static const char *const names[P2P_UDP_REFUSALS] = {
		[P2P_UDP_RATE] = "rate",
		[P2P_UDP_MALFORMED] = "malformed",
		[P2P_UDP_UNASKED] = "unasked",
	};

	return names[why];
}

void p2p_disconnect(struct p2p_peer *peer, enum p2p_disconnect_reason reason, const char *why)
{
	peer_end(peer, (int)reason, error_new(ERROR_REFUSED, "%s", why ? why : p2p_disconnect_name(reason)));
}
