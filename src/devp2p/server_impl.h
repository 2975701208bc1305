/* The parts of a p2p server, shared by the files that make it: server.c (open, stop, the tick), peer.c (a connection),
 * admit.c (who may stay), dial.c (whom to dial). Not for other rooms. */
#ifndef DSN_DEVP2P_SERVER_IMPL_H
#define DSN_DEVP2P_SERVER_IMPL_H

#include "base/buf.h"
#include "base/loop.h"
#include "devp2p/discovery.h"
#include "devp2p/server.h"

struct dial;

/* A set of public keys. */
struct p2p_key_set {
	uint8_t (*keys)[SECP_PUBLIC_BYTES];
	size_t n;
};

struct p2p {
	uv_loop_t *loop;
	struct secp_key key;
	struct p2p_protocol protocol;
	char *client;
	struct enode self;
	uv_tcp_t *listener; /* memory of its own, until uv has closed it; NULL: does not listen */
	struct discovery *discovery;
	struct dial *dialer;
	struct p2p_key_set trusted;
	struct p2p_peer *first, *last; /* all connections, oldest first */
	/* Connections are freed here only, so that no callback pulls the ground from under another. */
	struct timer *reap, *tick;
	struct buf *scratch; /* frames are made here, then handed to the wire; NULL while not in use for long */
	unsigned max_peers, max_pending;
	size_t low_water, high_water;
	size_t unfinished_limit, unfinished;
	int64_t frame_timeout_ms, tick_ms;
	bool stopping;
	int64_t stop_until_ms;
	void (*stopped)(void *arg);
	void *stopped_arg;
	struct p2p_counters counters;
};

/* Connections that have ended are put away at the next turn of the loop. */
void p2p_reap_soon(struct p2p *p);

#endif
