/* How a connection begins: dialed or taken from the listener. */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "devp2p/admit.h"
#include "devp2p/peer.h"

#define DIAL_MS 15000

/* The TCP connection stands. */
static void established(struct p2p_peer *peer)
{
	struct p2p *p = peer->p2p;
	struct sockaddr_storage local, remote;
	struct error *e = wire_addresses(peer->wire, &local, &remote);

	if (!e) {
		address_format(&local, peer->local);
		address_format(&remote, peer->remote);
		discv4_endpoint_of((struct sockaddr *)&remote, &peer->remote_endpoint);
		peer->state = PEER_HANDSHAKE;
		peer->deadline_ms = clock_mono_ms() + HANDSHAKE_MS;
		peer->handshake = handshake_new(peer, &p->key, peer->inbound ? NULL : peer->public);
		if (!peer->inbound) {
			struct buf *out = buf_new(peer, HANDSHAKE_LIMIT);

			e = handshake_begin(peer->handshake, out);
			if (!e)
				e = peer_send_bytes(peer, out);
			mem_free(out);
		}
	}
	if (!e)
		e = wire_read(peer->wire);
	if (e)
		peer_end(peer, NO_REASON, e);
}

static void connect_next(struct p2p_peer *peer, struct error *failed);

static void on_connected(int status, void *arg)
{
	struct p2p_peer *peer = arg;

	if (peer->state == PEER_CLOSING)
		return;
	if (status < 0)
		connect_next(peer, error_uv(status, "connecting to %s", peer->remote));
	else
		established(peer);
}

static const struct wire_events wire_events = {
	.connected = on_connected,
	.data = peer_on_data,
	.written = peer_on_written,
};

/* Tries the addresses one after the other. Takes `failed`, why the one before did not work. */
static void connect_next(struct p2p_peer *peer, struct error *failed)
{
	while (peer->address_next < peer->address_count) {
		const struct sockaddr_storage *address = &peer->addresses[peer->address_next++];

		error_free(failed);
		mem_free(peer->wire);
		peer->wire = wire_new(peer, peer->p2p->loop, false, &wire_events, peer);
		address_format(address, peer->remote);
		failed = wire_connect_tcp(peer->wire, (const struct sockaddr *)address);
		if (!failed)
			return;
	}
	peer_end(peer, NO_REASON, failed);
}

static void on_resolved(struct error *e, const struct sockaddr_storage *addresses, size_t n, void *arg)
{
	struct p2p_peer *peer = arg;

	mem_free(peer->resolve);
	peer->resolve = NULL;
	if (e) {
		peer_end(peer, NO_REASON, e);
		return;
	}
	peer->addresses = mem_memdup(peer, addresses, n * sizeof(*addresses));
	peer->address_count = n;
	connect_next(peer, NULL);
}

void peer_dial(struct p2p *p, const struct enode *e, bool is_static)
{
	struct p2p_peer *peer = peer_new(p, false);

	p->counters.dialed++;
	memcpy(peer->public, e->public, SECP_PUBLIC_BYTES);
	peer->known = true;
	peer->is_static = is_static;
	peer->trusted = p2p_key_set_has(&p->trusted, peer->public);
	peer->tcp = e->tcp;
	peer->udp = e->udp;
	peer->deadline_ms = clock_mono_ms() + DIAL_MS;
	peer->resolve = resolve_start(peer, p->loop, e->host, e->tcp, on_resolved, peer);
}

void peer_accept(struct p2p *p)
{
	struct p2p_peer *peer = peer_new(p, true);

	p->counters.accepted++;
	peer->wire = wire_new(peer, p->loop, false, &wire_events, peer);
	struct error *e = wire_accept(peer->wire, (uv_stream_t *)p->listener);
	if (e)
		peer_end(peer, NO_REASON, e);
	else
		established(peer);
	if (peer->state == PEER_HANDSHAKE)
		admit_make_room(peer);
}
