#include "devp2p/contact.h"

#include <string.h>

#include "base/mem.h"
#include "devp2p/address.h"

struct contact *contact_find(struct contacts *c, const uint8_t id[32], const struct discv4_endpoint *endpoint,
			     int64_t now_ms)
{
	for (size_t i = 0; i < c->n; i++) {
		struct contact *it = &c->items[i];

		if (!memcmp(it->id, id, sizeof(it->id)) && it->endpoint.udp == endpoint->udp &&
		    discv4_endpoint_same_ip(&it->endpoint, endpoint))
			return now_ms - it->answered_ms < PROOF_MS ? it : NULL;
	}
	return NULL;
}

/* Room for one id: its own entry when it has one (a node has one address at a time), a new one, or the oldest. */
static struct contact *room_for(const void *ctx, struct contacts *c, const uint8_t id[32])
{
	struct contact *oldest = c->items;

	for (size_t i = 0; i < c->n; i++) {
		if (!memcmp(c->items[i].id, id, sizeof(c->items[i].id)))
			return &c->items[i];
		if (c->items[i].answered_ms < oldest->answered_ms)
			oldest = &c->items[i];
	}
	if (c->n == CONTACTS_MAX)
		return oldest;
	if (c->n % 16 == 0)
		c->items = mem_resize(ctx, c->items, struct contact, c->n + 16);
	return &c->items[c->n++];
}

struct contact *contact_answered(const void *ctx, struct contacts *c, const uint8_t id[32],
				 const struct discv4_endpoint *endpoint, int64_t now_ms, bool *ret_new)
{
	struct contact *it = contact_find(c, id, endpoint, now_ms);

	*ret_new = !it;
	if (!it) {
		it = room_for(ctx, c, id);
		memset(it, 0, sizeof(*it));
		memcpy(it->id, id, sizeof(it->id));
		it->endpoint = *endpoint;
	}
	it->answered_ms = now_ms;
	return it;
}

void contact_forget(struct contacts *c, const uint8_t id[32])
{
	for (size_t i = 0; i < c->n; i++) {
		if (!memcmp(c->items[i].id, id, sizeof(c->items[i].id))) {
			c->items[i] = c->items[--c->n];
			return;
		}
	}
}
