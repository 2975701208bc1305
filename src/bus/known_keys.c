#include "bus/known_keys.h"

#include <string.h>

#include "base/mem.h"

#define BUCKETS 1024 /* a power of two */

struct row {
	struct known_key *oldest, *newest;
	size_t count;
};

struct known_keys {
	struct known_key *buckets[BUCKETS];
	struct row rows[KNOWN_PLACES];
};

static const size_t most[KNOWN_PLACES] = {
	[KNOWN_STRANGERS] = KNOWN_STRANGERS_MAX,
	[KNOWN_FAMILIAR] = KNOWN_FAMILIAR_MAX,
	[KNOWN_KEPT] = SIZE_MAX,
};

struct known_keys *known_keys_new(const void *ctx)
{
	return mem_new(ctx, struct known_keys);
}

/* An address is a part of a hash; who searches for many in one bucket fills it with no more than there are at all. */
static struct known_key **bucket(struct known_keys *t, const uint8_t address[ETH_ADDRESS_BYTES])
{
	return &t->buckets[(address[0] * 256u + address[1]) % BUCKETS];
}

static void leave_row(struct known_keys *t, struct known_key *n)
{
	struct row *r = &t->rows[n->place];

	*(n->older ? &n->older->newer : &r->oldest) = n->newer;
	*(n->newer ? &n->newer->older : &r->newest) = n->older;
	r->count--;
}

static void enter_row(struct known_keys *t, struct known_key *n, enum known_keys_place place)
{
	struct row *r = &t->rows[place];

	n->place = place;
	n->older = r->newest;
	n->newer = NULL;
	*(r->newest ? &r->newest->newer : &r->oldest) = n;
	r->newest = n;
	r->count++;
}

static void forget(struct known_keys *t, struct known_key *n)
{
	struct known_key **at = bucket(t, n->address);

	while (*at != n)
		at = &(*at)->bucket_next;
	*at = n->bucket_next;
	leave_row(t, n);
	mem_free(n);
}

static void make_room(struct known_keys *t, enum known_keys_place place)
{
	if (t->rows[place].count >= most[place])
		forget(t, t->rows[place].oldest);
}

struct known_key *known_keys_find(struct known_keys *t, const uint8_t address[ETH_ADDRESS_BYTES])
{
	struct known_key *n = *bucket(t, address);

	while (n && memcmp(n->address, address, ETH_ADDRESS_BYTES) != 0)
		n = n->bucket_next;
	if (n && n != t->rows[n->place].newest) {
		leave_row(t, n);
		enter_row(t, n, n->place);
	}
	return n;
}

struct known_key *known_keys_put(struct known_keys *t, const uint8_t address[ETH_ADDRESS_BYTES],
				 enum known_keys_place place)
{
	struct known_key *n = known_keys_find(t, address), **at;

	if (n && n->place >= place)
		return n;
	if (n) {
		leave_row(t, n);
		make_room(t, place);
		enter_row(t, n, place);
		return n;
	}
	make_room(t, place);
	n = mem_new(t, struct known_key);
	memcpy(n->address, address, ETH_ADDRESS_BYTES);
	at = bucket(t, address);
	n->bucket_next = *at;
	*at = n;
	enter_row(t, n, place);
	return n;
}

const struct known_key *known_keys_newest(const struct known_keys *t, enum known_keys_place place)
{
	return t->rows[place].newest;
}

size_t known_keys_count(const struct known_keys *t, enum known_keys_place place)
{
	return t->rows[place].count;
}
