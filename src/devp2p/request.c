#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "devp2p/address.h"
#include "devp2p/discovery_impl.h"

#define ANSWER_MS 500
#define LATE_MS 2000 /* an answer later than that is taken for unasked-for; until then it still proves an address */
#define EXPIRATION_S 20
#define SMALL_TABLE 32 /* nodes */
#define REQUESTS_MAX 256
#define KEPT_MAX (2 * REQUESTS_MAX) /* with late ones */

static uint64_t expiration(void)
{
	return (uint64_t)(clock_wall_ms() / 1000) + EXPIRATION_S;
}

/* Takes it out of the list. */
static struct discovery_request take(struct discovery *d, struct discovery_request *r)
{
	struct discovery_request taken = *r;
	size_t i = (size_t)(r - d->requests);

	memmove(r, r + 1, (d->request_count - i - 1) * sizeof(*r));
	if (--d->request_count == 0) {
		mem_free(d->requests);
		d->requests = NULL;
		d->request_capacity = 0;
	}
	return taken;
}

static bool too_many(const struct discovery *d, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < d->request_count; i++)
		n += !d->requests[i].late;
	return n >= max;
}

static void drop_late(struct discovery *d)
{
	for (size_t i = 0; i < d->request_count; i++) {
		if (d->requests[i].late) {
			take(d, &d->requests[i]);
			return;
		}
	}
}

static struct discovery_request *add(struct discovery *d, enum discovery_request_kind kind,
				     const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t id[32],
				     const struct discv4_endpoint *endpoint)
{
	struct discovery_request *r;

	if (d->request_count >= KEPT_MAX)
		drop_late(d);
	if (d->request_count == d->request_capacity) {
		d->request_capacity += 16;
		d->requests = mem_resize(d, d->requests, struct discovery_request, d->request_capacity);
	}
	r = &d->requests[d->request_count++];
	memset(r, 0, sizeof(*r));
	r->kind = kind;
	memcpy(r->public, public, SECP_PUBLIC_BYTES);
	memcpy(r->id, id, 32);
	r->endpoint = *endpoint;
	r->deadline_ms = clock_mono_ms() + ANSWER_MS;
	d->next_deadline_ms = r->deadline_ms < d->next_deadline_ms ? r->deadline_ms : d->next_deadline_ms;
	return r;
}

/* A ping whose answer is not late yet. */
static struct discovery_request *find_ping(struct discovery *d, const uint8_t id[32])
{
	for (size_t i = 0; i < d->request_count; i++) {
		struct discovery_request *r = &d->requests[i];

		if (r->kind == REQUEST_PING && !r->late && !memcmp(r->id, id, 32))
			return r;
	}
	return NULL;
}

bool discovery_request_ping(struct discovery *d, const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t id[32],
			    const struct discv4_endpoint *endpoint, bool for_lookup, bool pinged_us)
{
	struct discv4_packet p = {.type = DISCV4_PING, .version = 4, .from = d->self, .to = *endpoint};
	struct discovery_request *r = find_ping(d, id);

	if (r && r->endpoint.udp == endpoint->udp && discv4_endpoint_same_ip(&r->endpoint, endpoint)) {
		r->for_lookup = r->for_lookup || for_lookup;
		r->pinged_us = r->pinged_us || pinged_us;
		return true;
	}
	/* Half of the room is for lookups and upkeep, whatever strangers make us ask. */
	if (too_many(d, pinged_us && !for_lookup ? REQUESTS_MAX / 2 : REQUESTS_MAX))
		return false;
	r = add(d, REQUEST_PING, public, id, endpoint);
	r->for_lookup = for_lookup;
	r->pinged_us = pinged_us;
	p.expiration = expiration();
	discovery_send(d, &p, endpoint);
	memcpy(r->hash, p.hash, sizeof(r->hash));
	return true;
}

static bool send_find(struct discovery *d, const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t id[32],
		      const struct discv4_endpoint *endpoint)
{
	struct discv4_packet p = {.type = DISCV4_FIND_NODE, .expiration = expiration()};

	if (too_many(d, REQUESTS_MAX))
		return false;
	add(d, REQUEST_FIND, public, id, endpoint)->for_lookup = true;
	memcpy(p.target, discovery_lookup_target(d), SECP_PUBLIC_BYTES);
	discovery_send(d, &p, endpoint);
	return true;
}

bool discovery_request_find(struct discovery *d, const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t id[32],
			    const struct discv4_endpoint *endpoint)
{
	int64_t now_ms = clock_mono_ms();
	const struct contact *c = contact_find(&d->contacts, id, endpoint, now_ms);

	if (c && c->pinged_ms && now_ms - c->pinged_ms < PROOF_MS)
		return send_find(d, public, id, endpoint);
	return discovery_request_ping(d, public, id, endpoint, true, false);
}

/* A ping of the lookup's was answered: ask, as soon as the node has its proof of us. */
static void find_after_pong(struct discovery *d, const struct discovery_request *r, const struct contact *c)
{
	if (c->pinged_ms) {
		if (!send_find(d, r->public, r->id, &r->endpoint))
			discovery_lookup_done(d, r->id, false);
	} else if (!too_many(d, REQUESTS_MAX)) {
		add(d, REQUEST_THEIR_PING, r->public, r->id, &r->endpoint)->for_lookup = true;
	} else {
		discovery_lookup_done(d, r->id, false);
	}
}

bool discovery_request_got_pong(struct discovery *d, const uint8_t id[32], const struct discv4_packet *p,
				const struct discv4_endpoint *from)
{
	struct discovery_request *waiting = NULL;
	bool is_new = false;

	for (size_t i = 0; i < d->request_count && !waiting; i++) {
		struct discovery_request *r = &d->requests[i];

		if (r->kind == REQUEST_PING && !memcmp(r->id, id, 32) && !memcmp(r->hash, p->reply_to, 32) &&
		    discv4_endpoint_same_ip(&r->endpoint, from))
			waiting = r;
	}
	if (!waiting)
		return false;
	struct discovery_request r = take(d, waiting);
	struct contact *c = contact_answered(d, &d->contacts, id, &r.endpoint, clock_mono_ms(), &is_new);
	if (r.pinged_us)
		c->pinged_ms = clock_mono_ms();
	if (discovery_acceptable(d, id, &r.endpoint))
		table_answered(d->table, r.public, id, &r.endpoint);
	if (r.for_lookup && d->lookup)
		find_after_pong(d, &r, c);
	if (is_new && d->found) {
		struct enode e;

		discv4_endpoint_enode(&r.endpoint, r.public, &e);
		d->found(&e, d->arg);
	}
	return true;
}

/* A node somebody told us of: of use for the lookup, and for the table once it has answered. */
static void hear_of(struct discovery *d, const uint8_t public[SECP_PUBLIC_BYTES],
		    const struct discv4_endpoint *endpoint, const struct discv4_endpoint *teller)
{
	uint8_t id[32];

	enode_id(public, id);
	if (!discv4_endpoint_relayable(teller, endpoint) || !discovery_acceptable(d, id, endpoint) ||
	    !secp_public_valid(public))
		return;
	discovery_lookup_add(d, public, id, endpoint);
	/* Lookups fill the table by themselves; a small one is to grow faster. */
	if (table_count(d->table) < SMALL_TABLE && table_has_room(d->table, id) &&
	    !contact_find(&d->contacts, id, endpoint, clock_mono_ms()))
		discovery_request_ping(d, public, id, endpoint, false, false);
}

/* The FindNode these nodes answer: one that the lookup still waits for before one whose time is not over yet. */
static struct discovery_request *find_asked(struct discovery *d, const uint8_t id[32],
					    const struct discv4_endpoint *from, size_t nodes)
{
	struct discovery_request *found = NULL;

	for (size_t i = 0; i < d->request_count; i++) {
		struct discovery_request *r = &d->requests[i];

		if (r->kind == REQUEST_FIND && !memcmp(r->id, id, 32) && discv4_endpoint_same_ip(&r->endpoint, from) &&
		    r->nodes + nodes <= BUCKET_NODES && (!found || r->for_lookup))
			found = r;
	}
	return found;
}

bool discovery_request_got_neighbors(struct discovery *d, const uint8_t id[32], const struct discv4_packet *p,
				     const struct discv4_endpoint *from)
{
	struct discovery_request *r = find_asked(d, id, from, p->node_count);
	bool whole;

	if (!r)
		return false;
	r->answered = true;
	r->nodes += p->node_count;
	/* Who has more fills the packet. The request stays until its time is over, for packets that come late. */
	whole = r->for_lookup && (p->node_count < DISCV4_PER_PACKET || r->nodes == BUCKET_NODES);
	r->for_lookup = r->for_lookup && !whole;
	for (size_t i = 0; i < p->node_count; i++)
		hear_of(d, p->nodes[i].public, &p->nodes[i].endpoint, from);
	if (whole)
		discovery_lookup_done(d, id, true);
	return true;
}

void discovery_request_got_ping(struct discovery *d, const uint8_t id[32], const struct discv4_endpoint *from)
{
	struct discovery_request *waiting = NULL;

	for (size_t i = 0; i < d->request_count && !waiting; i++) {
		struct discovery_request *r = &d->requests[i];

		if (r->kind == REQUEST_THEIR_PING && !memcmp(r->id, id, 32) &&
		    discv4_endpoint_same_ip(&r->endpoint, from))
			waiting = r;
	}
	if (!waiting)
		return;
	struct discovery_request r = take(d, waiting);
	if (d->lookup && !send_find(d, r.public, r.id, &r.endpoint))
		discovery_lookup_done(d, r.id, false);
}

static void unanswered(struct discovery *d, const struct discovery_request *r)
{
	bool silent = r->kind == REQUEST_PING || (r->kind == REQUEST_FIND && !r->answered);

	if (silent)
		table_failed(d->table, r->id, FAILS_MAX);
	if (silent && !table_find(d->table, r->id))
		contact_forget(&d->contacts, r->id);
	if (!r->for_lookup || !d->lookup)
		return;
	if (r->kind != REQUEST_THEIR_PING)
		discovery_lookup_done(d, r->id, !silent);
	else if (!send_find(d, r->public, r->id, &r->endpoint))
		discovery_lookup_done(d, r->id, false);
}

/* The first whose time is over, in either way; NULL: none. */
static struct discovery_request *first_due(struct discovery *d, int64_t now_ms)
{
	d->next_deadline_ms = INT64_MAX;
	for (size_t i = 0; i < d->request_count; i++) {
		struct discovery_request *r = &d->requests[i];

		if (r->deadline_ms <= now_ms)
			return r;
		if (r->deadline_ms < d->next_deadline_ms)
			d->next_deadline_ms = r->deadline_ms;
	}
	return NULL;
}

void discovery_request_expire(struct discovery *d, int64_t now_ms)
{
	struct discovery_request *due;

	while ((due = first_due(d, now_ms))) {
		struct discovery_request r = *due;

		if (r.late || r.kind == REQUEST_THEIR_PING) {
			take(d, due);
		} else {
			due->late = true;
			due->for_lookup = false;
			due->deadline_ms += LATE_MS - ANSWER_MS;
		}
		if (!r.late)
			unanswered(d, &r);
	}
}
