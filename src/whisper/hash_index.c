#include "whisper/hash_index.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/secret.h"
#include "whisper/envelope.h"

#define BITS_MIN 3

struct slot {
	const uint8_t *hash; /* NULL: free */
	void *value;
};

struct hash_index {
	struct slot *slots;
	unsigned bits; /* 2^bits slots */
	size_t count;
	uint64_t seed, factor;
};

static size_t capacity(const struct hash_index *h)
{
	return (size_t)1 << h->bits;
}

static size_t home(const struct hash_index *h, const uint8_t *hash)
{
	uint64_t key;

	memcpy(&key, hash, sizeof key);
	return (size_t)(((key ^ h->seed) * h->factor) >> (64 - h->bits));
}

static size_t next(const struct hash_index *h, size_t i)
{
	return (i + 1) & (capacity(h) - 1);
}

struct hash_index *hash_index_new(const void *ctx)
{
	struct hash_index *h = mem_new(ctx, struct hash_index);

	crypto_random_bytes(&h->seed, sizeof h->seed);
	crypto_random_bytes(&h->factor, sizeof h->factor);
	h->factor |= 1;
	h->bits = BITS_MIN;
	h->slots = mem_array(h, struct slot, capacity(h));
	return h;
}

size_t hash_index_count(const struct hash_index *h)
{
	return h->count;
}

/* Where it is, or the free slot where it would be. */
static size_t place(const struct hash_index *h, const uint8_t *hash)
{
	size_t i = home(h, hash);

	while (h->slots[i].hash && memcmp(h->slots[i].hash, hash, ENVELOPE_HASH_BYTES) != 0)
		i = next(h, i);
	return i;
}

void *hash_index_find(const struct hash_index *h, const uint8_t *hash)
{
	return h->slots[place(h, hash)].value;
}

static void resize(struct hash_index *h, unsigned bits)
{
	struct slot *old = h->slots;
	size_t old_capacity = capacity(h);

	h->bits = bits;
	h->slots = mem_array(h, struct slot, capacity(h));
	for (size_t i = 0; i < old_capacity; i++) {
		if (old[i].hash)
			h->slots[place(h, old[i].hash)] = old[i];
	}
	mem_free(old);
}

void hash_index_add(struct hash_index *h, const uint8_t *hash, void *value)
{
	struct slot *slot;

	if ((h->count + 1) * 4 > capacity(h) * 3)
		resize(h, h->bits + 1);
	slot = &h->slots[place(h, hash)];
	assert(!slot->hash && value);
	*slot = (struct slot){.hash = hash, .value = value};
	h->count++;
}

void hash_index_remove(struct hash_index *h, const uint8_t *hash)
{
	size_t mask = capacity(h) - 1, gap = place(h, hash);

	assert(h->slots[gap].hash);
	/* Whoever was pushed along by what goes moves back, so that searches need no marks of what was. */
	for (size_t i = next(h, gap); h->slots[i].hash; i = next(h, i)) {
		size_t from_home = (i - home(h, h->slots[i].hash)) & mask;

		if (from_home >= ((i - gap) & mask)) {
			h->slots[gap] = h->slots[i];
			gap = i;
		}
	}
	h->slots[gap] = (struct slot){0};
	h->count--;
	if (h->bits > BITS_MIN && h->count * 8 < capacity(h))
		resize(h, h->bits - 1);
}
