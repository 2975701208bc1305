#include <string.h>

#include "base/mem.h"
#include "crypto/secret.h"
#include "devp2p/discovery_impl.h"

#define ASKED_AT_ONCE 3
#define RESULT 16 /* nearest nodes that are asked in the end */
#define KEPT 48   /* further ones stand in for those that do not answer */

enum ask_state { ASK_NOT_YET, ASK_UNDER_WAY, ASK_DONE, ASK_FAILED };

struct lookup_seen {
	uint8_t public[SECP_PUBLIC_BYTES];
	uint8_t id[32];
	struct discv4_endpoint endpoint;
	enum ask_state state;
};

struct discovery_lookup {
	uint8_t target[SECP_PUBLIC_BYTES];
	uint8_t target_id[32];
	struct lookup_seen seen[KEPT]; /* nearest first */
	size_t n;
	unsigned under_way;
};

const uint8_t *discovery_lookup_target(const struct discovery *d)
{
	return d->lookup->target;
}

static size_t find_seen(const struct discovery_lookup *l, const uint8_t id[32])
{
	size_t i = 0;

	while (i < l->n && memcmp(l->seen[i].id, id, 32) != 0)
		i++;
	return i;
}

static void insert(struct discovery_lookup *l, const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t id[32],
		   const struct discv4_endpoint *endpoint)
{
	size_t at = l->n;

	if (find_seen(l, id) < l->n)
		return;
	while (at > 0 && table_id_nearer(l->target_id, id, l->seen[at - 1].id))
		at--;
	if (at == KEPT)
		return;
	if (l->n == KEPT) {
		/* What is being asked is needed when it answers. */
		if (l->seen[KEPT - 1].state == ASK_UNDER_WAY)
			return;
		l->n--;
	}
	memmove(l->seen + at + 1, l->seen + at, (l->n - at) * sizeof(l->seen[0]));
	l->n++;
	memset(&l->seen[at], 0, sizeof(l->seen[at]));
	memcpy(l->seen[at].public, public, SECP_PUBLIC_BYTES);
	memcpy(l->seen[at].id, id, 32);
	l->seen[at].endpoint = *endpoint;
}

/* The nearest node not asked yet among the nearest that have not failed; NULL: none. */
static struct lookup_seen *next_to_ask(struct discovery_lookup *l)
{
	size_t alive = 0;

	for (size_t i = 0; i < l->n && alive < RESULT; i++) {
		if (l->seen[i].state == ASK_NOT_YET)
			return &l->seen[i];
		alive += l->seen[i].state != ASK_FAILED;
	}
	return NULL;
}

static void step(struct discovery *d)
{
	struct discovery_lookup *l = d->lookup;
	struct lookup_seen *s;

	while (l->under_way < ASKED_AT_ONCE && (s = next_to_ask(l))) {
		bool asked = discovery_request_find(d, s->public, s->id, &s->endpoint);

		s->state = asked ? ASK_UNDER_WAY : ASK_FAILED;
		l->under_way += asked;
	}
	if (l->under_way == 0) {
		d->lookup = NULL;
		mem_free(l);
	}
}

void discovery_lookup_start(struct discovery *d, const uint8_t target[SECP_PUBLIC_BYTES])
{
	const struct table_node *nearest[RESULT];
	struct discovery_lookup *l = mem_new(d, struct discovery_lookup);

	memcpy(l->target, target, SECP_PUBLIC_BYTES);
	enode_id(target, l->target_id);
	d->lookup = l;
	size_t n = table_closest(d->table, l->target_id, nearest, RESULT);
	for (size_t i = 0; i < n; i++)
		insert(l, nearest[i]->public, nearest[i]->id, &nearest[i]->endpoint);
	step(d);
}

void discovery_lookup_add(struct discovery *d, const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t id[32],
			  const struct discv4_endpoint *endpoint)
{
	if (d->lookup)
		insert(d->lookup, public, id, endpoint);
}

void discovery_lookup_done(struct discovery *d, const uint8_t id[32], bool answered)
{
	struct discovery_lookup *l = d->lookup;
	size_t i = l ? find_seen(l, id) : 0;

	if (!l || i == l->n || l->seen[i].state != ASK_UNDER_WAY)
		return;
	l->seen[i].state = answered ? ASK_DONE : ASK_FAILED;
	l->under_way--;
	step(d);
}

void discovery_lookup_next(struct discovery *d)
{
	uint8_t target[SECP_PUBLIC_BYTES];

	while (!d->lookup && table_count(d->table) > 0) {
		if (d->self_lookup_due) {
			d->self_lookup_due = false;
			discovery_lookup_start(d, d->key->public);
		} else if (d->lookups_due) {
			d->lookups_due--;
			crypto_random_bytes(target, sizeof(target));
			discovery_lookup_start(d, target);
		} else {
			return;
		}
	}
}
