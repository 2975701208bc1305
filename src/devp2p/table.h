/* The Kademlia table of discovery v4: nodes that have answered us, in buckets by distance. Private to discovery.
 *
 * Distance is the XOR of the Keccak-256 hashes of the public keys; bucket 15 holds the half of all keys that differs in
 * the first bit, bucket 0 all that share more than the first 15 bits. Threads: loop thread. */
#ifndef DSN_DEVP2P_TABLE_H
#define DSN_DEVP2P_TABLE_H

#include "devp2p/discv4_packet.h"

#define TABLE_BUCKETS 16
#define BUCKET_NODES 16
#define BUCKET_REPLACEMENTS 10

struct table_node {
	uint8_t public[SECP_PUBLIC_BYTES];
	uint8_t id[32]; /* hash of the public key */
	struct discv4_endpoint endpoint;
	unsigned fails; /* requests in a row that it did not answer */
};

struct table;
struct table *table_new(const void *ctx, const uint8_t self_id[32]);
/* NULL when it is not there. Valid until the table is changed. */
struct table_node *table_find(struct table *t, const uint8_t id[32]);
/* A node has answered: it becomes the first of its bucket; when there is no room, a replacement (the oldest of those
 * goes). Too many of one public /24: it is not taken. */
void table_answered(struct table *t, const uint8_t public[SECP_PUBLIC_BYTES], const uint8_t id[32],
		    const struct discv4_endpoint *endpoint);
/* It did not answer: after `limit` times in a row it goes and the newest replacement comes in. */
void table_failed(struct table *t, const uint8_t id[32], unsigned limit);
/* Would a node with this id be taken, at least as a replacement? */
bool table_has_room(const struct table *t, const uint8_t id[32]);
size_t table_count(const struct table *t);
/* The nearest to a target, nearest first; replacements are not among them. */
size_t table_closest(const struct table *t, const uint8_t target_id[32], const struct table_node **ret_nodes,
		     size_t max);
/* Different nodes in random order. */
size_t table_random(const struct table *t, const struct table_node **ret_nodes, size_t max);
/* The node to be checked next: one that failed lately, else the last of a random bucket; NULL when there is none. */
const struct table_node *table_to_check(const struct table *t);

/* Is a nearer to the target than b? */
bool table_id_nearer(const uint8_t target[32], const uint8_t a[32], const uint8_t b[32]);

#endif
