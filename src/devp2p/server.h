/* A devp2p node on our loop: listens, dials, keeps peers of one capability, finds nodes by discovery v4.
 *
 * Static peers are dialed for ever with back-off; others come from discovery while there is room: a third of
 * `max_peers` is dialed, the rest is for those that dial us; trusted peers count for nothing. Time-outs and limits as
 * go-ethereum v1.9.20 has them: handshake 5 s, silence 30 s, ping every 15 s. Bounds: connections that have not yet
 * said Hello are limited (in all, and to half of that per remote address except loopback): the oldest of the address
 * that has the most gives way. Messages that are still coming in are bounded in bytes over all peers: who holds the
 * most is cut off. When both sides dial each other at the same moment one connection stays, the same on
 * both sides, also when the other side is go-ethereum, which keeps the first that is done at its end. Threads: loop
 * thread. Everything belongs to the server, which belongs to ctx; freeing it closes all at once without a call of
 * `down`, and is not for callbacks other than that of p2p_stop().
 */
#ifndef DSN_DEVP2P_SERVER_H
#define DSN_DEVP2P_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "devp2p/base_message.h"
#include "devp2p/enode.h"

struct p2p;
struct p2p_peer;

/* The one capability we speak. Callbacks may call anything, p2p_disconnect() too. `down` never comes from within
 * another call, but at the next turn of the loop: until then an ended peer is no longer found and takes nothing. */
struct p2p_protocol {
	const char *name; /* "shh" */
	unsigned version;
	uint64_t length;      /* message ids */
	size_t payload_limit; /* bytes of a message that are taken */
	/* The capability is shared and Hello is done. Whatever is returned is p2p_state() of the peer. */
	void *(*up)(struct p2p_peer *peer, void *arg);
	/* `code` counts from 0. An error drops the peer with reason 16 (its message is logged). The payload is valid
	 * during the call, or longer: p2p_hold(). */
	struct error *(*message)(struct p2p_peer *peer, uint64_t code, const uint8_t *payload, size_t n, void *arg);
	/* What was waiting to be sent has fallen below p2p_options.low_water. May be NULL. */
	void (*drained)(struct p2p_peer *peer, void *arg);
	void (*down)(struct p2p_peer *peer, const struct error *why, void *arg);
	void *arg;
};

struct p2p_options {
	const struct secp_key *key; /* copied */
	const char *client;         /* name in Hello, e.g. "dsn/v0.1.0/linux-amd64" */
	const char *listen_address; /* "127.0.0.1"; NULL: does not listen */
	int port;                   /* TCP; 0 picks a free one */
	int udp_port;               /* discovery; 0: the TCP port; -1: no discovery */
	const char
		*announce_host; /* address in our enode; NULL: that we listen on (127.0.0.1 when it is unspecified) */
	unsigned max_peers;     /* 0: 50 */
	unsigned max_pending;   /* inbound connections before Hello; 0: 50 */
	const char *const *bootnodes;     /* enode URLs, NULL-terminated; may be NULL */
	const char *const *static_peers;  /* likewise */
	const char *const *trusted_peers; /* likewise */
	size_t low_water, high_water;     /* bytes; 0: 64 KiB, 1 MiB. p2p_send() refuses above the high one */
	size_t unfinished_limit;          /* bytes of messages that are still coming in, of all peers; 0: 64 MiB */
	int64_t frame_timeout_ms;         /* 0: 30 s of silence drop a peer */
};

struct error *p2p_open(const void *ctx, uv_loop_t *loop, const struct p2p_options *options,
		       const struct p2p_protocol *protocol, struct p2p **ret_p2p) MUST_CHECK;
/* Tells every peer (reason 8), stops listening; `done` once, at most a second later. Then free it. */
void p2p_stop(struct p2p *p, void (*done)(void *arg), void *arg);

/* Our own enode, with the ports that are open. */
const struct enode *p2p_self(const struct p2p *p);
/* Keep a connection to it from now on. ERROR_INVALID for a bad URL. */
struct error *p2p_add_static(struct p2p *p, const char *enode) MUST_CHECK;
/* And ends the connection (reason 0), as go-ethereum does. */
struct error *p2p_remove_static(struct p2p *p, const char *enode) MUST_CHECK;
struct error *p2p_add_trusted(struct p2p *p, const char *enode) MUST_CHECK;
struct error *p2p_remove_trusted(struct p2p *p, const char *enode) MUST_CHECK;

size_t p2p_peer_count(const struct p2p *p); /* with Hello done and the capability shared */
/* The next peer after `previous` (NULL: the first); NULL at the end. */
struct p2p_peer *p2p_next_peer(const struct p2p *p, const struct p2p_peer *previous);
struct p2p_peer *p2p_find_peer(const struct p2p *p, const uint8_t public[SECP_PUBLIC_BYTES]);

const uint8_t *p2p_public(const struct p2p_peer *peer);
const char *p2p_client(const struct p2p_peer *peer); /* its name in Hello */
const struct p2p_hello *p2p_hello(const struct p2p_peer *peer);
void *p2p_state(const struct p2p_peer *peer);
bool p2p_inbound(const struct p2p_peer *peer);
bool p2p_trusted(const struct p2p_peer *peer);
bool p2p_static(const struct p2p_peer *peer);
/* "127.0.0.1:30303" */
const char *p2p_local_address(const struct p2p_peer *peer);
const char *p2p_remote_address(const struct p2p_peer *peer);

/* ERROR_LIMIT: above the high water mark (`drained` tells when to go on) or larger than a frame; ERROR_UNAVAILABLE: the
 * peer has ended. Nothing was sent then. */
struct error *p2p_send(struct p2p_peer *peer, uint64_t code, const void *payload, size_t n) MUST_CHECK;
size_t p2p_backlog(const struct p2p_peer *peer); /* bytes */
void p2p_disconnect(struct p2p_peer *peer, enum p2p_disconnect_reason reason, const char *why);

/* In `message`, for work that is too long for one turn of the loop: the payload stays valid, and nothing more is read
 * of the peer, until p2p_go_on() or until the peer has ended and `down` is called. Messages keep their order. */
void p2p_hold(struct p2p_peer *peer);
/* The work is done. Not from within `message`; may give the next one. Nothing happens when the peer does not wait. */
void p2p_go_on(struct p2p_peer *peer);

/* Why a connection was cut off with no Disconnect, or with one that tells less. */
enum p2p_cut {
	P2P_CUT_CROWDED,   /* before Hello, for newer ones */
	P2P_CUT_HANDSHAKE, /* not to be read, or not for our key */
	P2P_CUT_LATE,      /* handshake or Hello did not come in time */
	P2P_CUT_MAC,       /* a frame was altered */
	P2P_CUT_SIZE,      /* a frame, or what it becomes, is too large */
	P2P_CUT_FRAME,     /* malformed */
	P2P_CUT_MESSAGE,   /* of the base protocol: malformed, unknown or out of turn */
	P2P_CUT_SILENT,    /* nothing heard for frame_timeout_ms */
	P2P_CUT_SLOW,      /* nothing taken for 20 s */
	P2P_CUT_HOARD,     /* its unfinished message is the largest while all of them together are too many bytes */
	P2P_CUTS
};
const char *p2p_cut_name(enum p2p_cut why); /* "crowded", "handshake", ... for metrics */

/* Why a discovery packet was refused. */
enum p2p_udp_refusal {
	P2P_UDP_RATE,      /* more than is looked at in a second */
	P2P_UDP_MALFORMED, /* form, hash or signature */
	P2P_UDP_UNASKED,   /* expired, an answer to nothing, a question without endpoint proof */
	P2P_UDP_REFUSALS
};
const char *p2p_udp_refusal_name(enum p2p_udp_refusal why);

/* Counters since the start, for metrics. */
struct p2p_counters {
	uint64_t dialed, dial_failed, accepted, refused, handshake_failed, bytes_in, bytes_out, messages_in,
		messages_out;
	uint64_t disconnects[17]; /* by reason, sent or received; 1: a peer was lost without any */
	uint64_t cuts[P2P_CUTS];
	uint64_t udp_in, udp_refused[P2P_UDP_REFUSALS];
	size_t known_nodes;
};
void p2p_count(const struct p2p *p, struct p2p_counters *ret_counters);

#endif
