/* Who may stay: limits of peers and of connections that are not yet peers, doubles, ourselves. Private to the p2p
 * server. Threads: loop thread. */
#ifndef DSN_DEVP2P_ADMIT_H
#define DSN_DEVP2P_ADMIT_H

#include "devp2p/peer.h"

/* How many peers we look for ourselves: a third, rounded up. */
unsigned admit_dialed_share(const struct p2p *p);
/* How many are up that count against the limits (trusted ones do not); `dialed`: only those we dialed, connections on
 * their way to that included. */
unsigned admit_count(const struct p2p *p, bool dialed);
/* The reason to refuse a connection whose remote key is known, or NO_REASON. Asked after the handshake and again after
 * Hello; a double of a peer that is up is for admit_twin() then. */
int admit_check(const struct p2p_peer *peer);
/* Another connection to the same node that is up, or NULL. */
struct p2p_peer *admit_twin(const struct p2p_peer *peer);
/* A connection of ours to the same node whose handshake is under way or done, but which is not up; NULL: none. */
struct p2p_peer *admit_own_attempt(const struct p2p_peer *peer);
/* An inbound connection has come: when there are too many before Hello, in all or from its address, an older one gives
 * way. It is the oldest of the address that has the most of them, so that no address can crowd out another; one whose
 * key has been proven goes last. */
void admit_make_room(struct p2p_peer *newest);

/* Takes note of how much memory the message that `peer` is sending takes; who takes most is cut off when all together
 * take too much: it may be `peer`. */
void admit_weigh(struct p2p_peer *peer);

/* Of two connections that both sides made at the same moment: does our side decide at once which one stays? The one
 * with the larger key does, so that not both sides drop a different one. */
bool admit_decides(const struct p2p_peer *peer);

bool p2p_key_set_has(const struct p2p_key_set *s, const uint8_t public[SECP_PUBLIC_BYTES]);
void p2p_key_set_add(const void *ctx, struct p2p_key_set *s, const uint8_t public[SECP_PUBLIC_BYTES]);
void p2p_key_set_remove(struct p2p_key_set *s, const uint8_t public[SECP_PUBLIC_BYTES]);

#endif
