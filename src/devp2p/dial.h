/* Whom to dial, and when: static peers for ever, with back-off; nodes from discovery and the bootnodes while there is
 * room. Private to the p2p server. Threads: loop thread. */
#ifndef DSN_DEVP2P_DIAL_H
#define DSN_DEVP2P_DIAL_H

#include "devp2p/peer.h"

struct dial;

struct dial *dial_new(struct p2p *p);
/* Keep a connection to it; again with another address: that one from now on. */
void dial_add_static(struct dial *d, const struct enode *e);
/* A bootnode: a candidate like those of discovery, but never forgotten. */
void dial_add_bootnode(struct dial *d, const struct enode *e);
/* False: it was not there. */
bool dial_remove_static(struct dial *d, const uint8_t public[SECP_PUBLIC_BYTES]);
bool dial_is_static(const struct dial *d, const uint8_t public[SECP_PUBLIC_BYTES]);
/* Discovery has found a node. */
void dial_found(struct dial *d, const struct enode *e);
/* Dials what is due. */
void dial_poll(struct dial *d, int64_t now_ms);
/* The same, now and then; asks discovery for more when peers are wanted. */
void dial_tick(struct dial *d, int64_t now_ms);
/* A connection is put away; when it was dialed, that decides when to try again. */
void dial_ended(struct dial *d, const struct p2p_peer *peer, int64_t now_ms);

#endif
