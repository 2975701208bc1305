/* One connection, from the first byte to the last: RLPx handshake, Hello, messages, end. Private to the p2p server.
 *
 * An ended connection stays where it is until the server reaps it at the next turn of the loop; `down` is called then,
 * so it never comes from within another call. Threads: loop thread.
 */
#ifndef DSN_DEVP2P_PEER_H
#define DSN_DEVP2P_PEER_H

#include "base/wire.h"
#include "devp2p/address.h"
#include "devp2p/frame.h"
#include "devp2p/handshake.h"
#include "devp2p/resolve.h"
#include "devp2p/server_impl.h"

#define NO_REASON (-1)
#define HANDSHAKE_MS 5000 /* for the handshake, and again for Hello */

enum peer_state {
	PEER_CONNECTING, /* looking up the host, then TCP */
	PEER_HANDSHAKE,
	/* The handshake of an inbound connection is done while one of ours to the same node is on its way: our Hello
	 * waits for that one to succeed or fail, so that both sides keep the same one. */
	PEER_HELD,
	PEER_HELLO,
	/* Hello is done, but another connection to the same node is up: waits to see which one the remote keeps. */
	PEER_PARKED,
	PEER_UP,
	PEER_CLOSING, /* ended: a Disconnect may still be on its way */
};

struct p2p_peer {
	struct p2p *p2p;
	struct p2p_peer *previous, *next;
	enum peer_state state;
	struct wire *wire;
	struct handshake *handshake; /* in PEER_HANDSHAKE */
	struct frames *frames;       /* after it */
	struct p2p_hello *hello;     /* after PEER_HELLO */
	uint8_t public[SECP_PUBLIC_BYTES];
	bool known; /* public is: dialed, or the handshake is done */
	bool inbound, trusted, is_static;
	bool announced; /* up() was called, down() is owed */
	bool was_up;
	bool gone;  /* nothing more to wait for: free it */
	bool above; /* the low water mark: drained() is owed */
	bool waits; /* for p2p_go_on(): its last message is still in use */
	void *protocol_state;
	uint64_t offset; /* of the capability's message ids */

	/* Dialing: the addresses still to be tried. */
	struct resolve *resolve;
	struct sockaddr_storage *addresses;
	size_t address_count, address_next;
	uint16_t tcp, udp; /* as dialed */

	struct discv4_endpoint remote_endpoint;
	char local[ADDRESS_TEXT_BYTES], remote[ADDRESS_TEXT_BYTES];
	struct buf *rest; /* bytes that came while it is held or parked, or waits */

	int64_t deadline_ms; /* of the state; PEER_UP has those below */
	int64_t up_ms, last_in_ms, last_ping_ms;
	int64_t last_write_ms; /* when the system last took bytes */
	uint64_t bytes_written;
	uint64_t bytes_taken; /* of those, at the last look */
	size_t unfinished;    /* bytes of memory for the message that is coming in; part of p2p->unfinished */

	int ended_reason; /* sent or received; NO_REASON */
	struct error *why;
};

/* Takes a connection that is waiting at the listener. */
void peer_accept(struct p2p *p);
void peer_dial(struct p2p *p, const struct enode *e, bool is_static);
/* Ends it: says `reason` to the remote when there is a way to (NO_REASON: does not). Takes `why`. */
void peer_end(struct p2p_peer *peer, int reason, struct error *why);
/* The same, counted by what the remote did wrong. */
void peer_cut(struct p2p_peer *peer, enum p2p_cut what, int reason, struct error *why);
/* `code` counts from 0 at Hello. A frame that is too large: ERROR_LIMIT. */
struct error *peer_send(struct p2p_peer *peer, uint64_t code, const void *payload, size_t n) MUST_CHECK;
/* A held connection goes on. */
void peer_release(struct p2p_peer *peer);
/* A parked connection takes the place of one that has ended. */
void peer_promote(struct p2p_peer *peer);
/* Deadlines and pings. */
void peer_tick(struct p2p_peer *peer, int64_t now_ms);
/* The protocol is told of the end, once. */
void peer_report_down(struct p2p_peer *peer);
bool peer_is_up(const struct p2p_peer *peer);

/* Between peer.c and peer_open.c: a connection in the list, bytes as they are, what the wire tells. */
struct p2p_peer *peer_new(struct p2p *p, bool inbound);
struct error *peer_send_bytes(struct p2p_peer *peer, struct buf *out) MUST_CHECK;
void peer_on_data(const char *bytes, ssize_t len, void *arg);
void peer_on_written(int status, void *arg);

#endif
