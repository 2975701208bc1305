/* A table of things by the hash of their envelope: for pool and filters. Open addressing, from a random start, so that
 * nobody can choose hashes that collide. It grows and shrinks with its content. Threads: one. */
#ifndef DSN_WHISPER_HASH_INDEX_H
#define DSN_WHISPER_HASH_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct hash_index;
struct hash_index *hash_index_new(const void *ctx);
size_t hash_index_count(const struct hash_index *h);
/* NULL when there is none. */
void *hash_index_find(const struct hash_index *h, const uint8_t *hash);
/* The hash (ENVELOPE_HASH_BYTES) must not be there yet; it is not copied and lives as long as its entry. */
void hash_index_add(struct hash_index *h, const uint8_t *hash, void *value);
/* It must be there. */
void hash_index_remove(struct hash_index *h, const uint8_t *hash);

#endif
