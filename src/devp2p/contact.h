/* Endpoint proofs of discovery v4: who has answered our ping from which address, and who has pinged us there.
 * Bounded: the one that answered longest ago is forgotten. Private to discovery. Threads: loop thread. */
#ifndef DSN_DEVP2P_CONTACT_H
#define DSN_DEVP2P_CONTACT_H

#include <stdbool.h>

#include "devp2p/discv4_packet.h"

#define CONTACTS_MAX 512
#define PROOF_MS ((int64_t)24 * 3600 * 1000) /* how long a proof holds, here and at go-ethereum */

struct contact {
	uint8_t id[32];
	struct discv4_endpoint endpoint;
	int64_t answered_ms; /* our ping: its address is proven to us */
	int64_t pinged_ms;   /* it pinged us and so has our answer: our address is proven to it; 0: never */
};

struct contacts {
	struct contact *items; /* talloc child of the ctx given; grows */
	size_t n;
};

/* With this id at this address; NULL when there is no proof, or an old one. Valid until the next contact_answered(). */
struct contact *contact_find(struct contacts *c, const uint8_t id[32], const struct discv4_endpoint *endpoint,
			     int64_t now_ms);
/* It has answered our ping from there. *ret_new: it had not lately. */
struct contact *contact_answered(const void *ctx, struct contacts *c, const uint8_t id[32],
				 const struct discv4_endpoint *endpoint, int64_t now_ms, bool *ret_new);
/* It answers no more. */
void contact_forget(struct contacts *c, const uint8_t id[32]);

#endif
