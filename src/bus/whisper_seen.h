/* What was seen, by the first bytes of its hash: a bounded table that forgets the oldest, but for what is pinned.
 * Threads: one at a time. */
#ifndef DSN_BUS_WHISPER_SEEN_H
#define DSN_BUS_WHISPER_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/whisper_port.h"

struct whisper_seen;

struct whisper_seen_entry {
	uint8_t key[WHISPER_KEY_BYTES];
	int64_t at_ms; /* monotonic; the owner's */
	bool pinned;   /* not to be forgotten; the owner bounds how many */
	char *note;    /* the owner's, a child of the entry; or NULL */
	/* seen.c's */
	struct whisper_seen_entry *bucket_next, *older, *newer;
};

struct whisper_seen *whisper_seen_new(const void *ctx, size_t limit);
struct whisper_seen_entry *whisper_seen_find(const struct whisper_seen *s, const uint8_t key[WHISPER_KEY_BYTES]);
/* It must not be there yet. */
struct whisper_seen_entry *whisper_seen_add(struct whisper_seen *s, const uint8_t key[WHISPER_KEY_BYTES]);
void whisper_seen_remove(struct whisper_seen *s, struct whisper_seen_entry *e);
size_t whisper_seen_count(const struct whisper_seen *s);

#endif
