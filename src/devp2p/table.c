#include "devp2p/table.h"

#include <string.h>

#include "base/mem.h"
#include "crypto/secret.h"
#include "devp2p/address.h"

#define SUBNET_PER_BUCKET 2
#define SUBNET_PER_TABLE 10

struct table_bucket {
	struct table_node *nodes[BUCKET_NODES]; /* the one that answered last is first */
	size_t n;
	struct table_node *replacements[BUCKET_REPLACEMENTS]; /* newest first */
	size_t replacement_count;
};

struct table {
	uint8_t self_id[32];
	struct table_bucket buckets[TABLE_BUCKETS];
};

struct table *table_new(const void *ctx, const uint8_t self_id[32])
{
	struct table *t = mem_new(ctx, struct table);

	memcpy(t->self_id, self_id, sizeof(t->self_id));
	return t;
}

static size_t bucket_index(const struct table *t, const uint8_t id[32])
{
	for (size_t bit = 0; bit < TABLE_BUCKETS; bit++) {
		if ((t->self_id[bit / 8] ^ id[bit / 8]) & (0x80 >> bit % 8))
			return TABLE_BUCKETS - 1 - bit;
	}
	return 0;
}

bool table_id_nearer(const uint8_t target[32], const uint8_t a[32], const uint8_t b[32])
{
	for (size_t i = 0; i < 32; i++) {
		uint8_t to_a = target[i] ^ a[i], to_b = target[i] ^ b[i];

		if (to_a != to_b)
			return to_a < to_b;
	}
	return false;
}

static size_t index_of(struct table_node *const *nodes, size_t n, const uint8_t id[32])
{
	size_t i = 0;

	while (i < n && memcmp(nodes[i]->id, id, 32) != 0)
		i++;
	return i;
}

static void take_out(struct table_node **nodes, size_t *n, size_t i)
{
	for (--*n; i < *n; i++)
		nodes[i] = nodes[i + 1];
}

static void put_first(struct table_node **nodes, size_t *n, struct table_node *node)
{
	for (size_t i = (*n)++; i > 0; i--)
		nodes[i] = nodes[i - 1];
	nodes[0] = node;
}

struct table_node *table_find(struct table *t, const uint8_t id[32])
{
	struct table_bucket *b = &t->buckets[bucket_index(t, id)];
	size_t i = index_of(b->nodes, b->n, id);

	return i < b->n ? b->nodes[i] : NULL;
}

/* `except`: the node's own id, when it changes its address. */
static bool subnet_full(const struct table *t, const struct table_bucket *own, const struct discv4_endpoint *e,
			const uint8_t *except)
{
	size_t in_bucket = 0, in_table = 0;

	if (discv4_endpoint_network(e) != NETWORK_PUBLIC)
		return false;
	for (const struct table_bucket *b = t->buckets; b < t->buckets + TABLE_BUCKETS; b++) {
		for (size_t i = 0; i < b->n; i++) {
			if (!memcmp(b->nodes[i]->id, except, 32) ||
			    !discv4_endpoint_same_subnet(&b->nodes[i]->endpoint, e))
				continue;
			in_table++;
			in_bucket += b == own;
		}
	}
	return in_bucket >= SUBNET_PER_BUCKET || in_table >= SUBNET_PER_TABLE;
}

static struct table_node *node_new(struct table *t, const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t id[32],
				   const struct discv4_endpoint *endpoint)
{
	struct table_node *node = mem_new(t, struct table_node);

	memcpy(node->public, public, SECP_PUBLIC_BYTES);
	memcpy(node->id, id, 32);
	node->endpoint = *endpoint;
	return node;
}

void table_answered(struct table *t, const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t id[32],
		    const struct discv4_endpoint *endpoint)
{
	struct table_bucket *b = &t->buckets[bucket_index(t, id)];
	size_t i = index_of(b->nodes, b->n, id), r = index_of(b->replacements, b->replacement_count, id);
	struct table_node *node = NULL;

	if (!memcmp(id, t->self_id, 32) || subnet_full(t, b, endpoint, id))
		return;
	if (i < b->n) {
		node = b->nodes[i];
		take_out(b->nodes, &b->n, i);
	} else if (r < b->replacement_count) {
		node = b->replacements[r];
		take_out(b->replacements, &b->replacement_count, r);
	} else {
		node = node_new(t, public, id, endpoint);
	}
	node->endpoint = *endpoint;
	node->fails = 0;
	if (b->n < BUCKET_NODES) {
		put_first(b->nodes, &b->n, node);
		return;
	}
	if (b->replacement_count == BUCKET_REPLACEMENTS)
		mem_free(b->replacements[--b->replacement_count]);
	put_first(b->replacements, &b->replacement_count, node);
}

void table_failed(struct table *t, const uint8_t id[32], unsigned limit)
{
	struct table_bucket *b = &t->buckets[bucket_index(t, id)];
	size_t i = index_of(b->nodes, b->n, id), r = index_of(b->replacements, b->replacement_count, id);

	if (r < b->replacement_count) {
		mem_free(b->replacements[r]);
		take_out(b->replacements, &b->replacement_count, r);
	}
	if (i == b->n || ++b->nodes[i]->fails < limit)
		return;
	mem_free(b->nodes[i]);
	take_out(b->nodes, &b->n, i);
	for (r = 0; r < b->replacement_count; r++) {
		struct table_node *next = b->replacements[r];

		if (!subnet_full(t, b, &next->endpoint, next->id)) {
			take_out(b->replacements, &b->replacement_count, r);
			b->nodes[b->n++] = next; /* last: it is to be checked soon */
			return;
		}
	}
}

bool table_has_room(const struct table *t, const uint8_t id[32])
{
	const struct table_bucket *b = &t->buckets[bucket_index(t, id)];

	return b->n < BUCKET_NODES || b->replacement_count < BUCKET_REPLACEMENTS;
}

size_t table_count(const struct table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < TABLE_BUCKETS; i++)
		n += t->buckets[i].n;
	return n;
}

size_t table_closest(const struct table *t, const uint8_t target_id[32], const struct table_node **ret_nodes,
		     size_t max)
{
	size_t n = 0;

	for (const struct table_bucket *b = t->buckets; b < t->buckets + TABLE_BUCKETS; b++) {
		for (size_t i = 0; i < b->n; i++) {
			size_t at = n;

			for (; at > 0 && table_id_nearer(target_id, b->nodes[i]->id, ret_nodes[at - 1]->id); at--) {
				if (at < max)
					ret_nodes[at] = ret_nodes[at - 1];
			}
			if (at < max)
				ret_nodes[at] = b->nodes[i];
			n += n < max;
		}
	}
	return n;
}

static size_t random_below(size_t n)
{
	uint32_t r = 0;

	crypto_random_bytes(&r, sizeof(r));
	return r % n;
}

size_t table_random(const struct table *t, const struct table_node **ret_nodes, size_t max)
{
	const struct table_node *all[TABLE_BUCKETS * BUCKET_NODES];
	size_t n = 0, taken = 0;

	for (const struct table_bucket *b = t->buckets; b < t->buckets + TABLE_BUCKETS; b++) {
		for (size_t i = 0; i < b->n; i++)
			all[n++] = b->nodes[i];
	}
	for (; taken < max && n > 0; taken++) {
		size_t i = random_below(n);

		ret_nodes[taken] = all[i];
		all[i] = all[--n];
	}
	return taken;
}

const struct table_node *table_to_check(const struct table *t)
{
	const struct table_bucket *filled[TABLE_BUCKETS];
	size_t n = 0;

	for (const struct table_bucket *b = t->buckets; b < t->buckets + TABLE_BUCKETS; b++) {
		for (size_t i = 0; i < b->n; i++) {
			if (b->nodes[i]->fails)
				return b->nodes[i];
		}
		if (b->n)
			filled[n++] = b;
	}
	if (n == 0)
		return NULL;
	const struct table_bucket *b = filled[random_below(n)];
	return b->nodes[b->n - 1];
}
