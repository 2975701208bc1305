/* Which things ask for a topic: a sorted array, searched for each envelope, changed seldom. Threads: loop thread. */
#ifndef DSN_WHISPER_TOPIC_INDEX_H
#define DSN_WHISPER_TOPIC_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "whisper/envelope.h"

struct topic_index_entry {
	uint8_t topic[TOPIC_BYTES];
	void *value;
};

struct topic_index {
	struct topic_index_entry
		*entries; /* by topic, those of one topic in the order they were added; talloc child of ctx */
	size_t count, capacity;
	const void *ctx;
};

/* The same pair twice is one. */
void topic_index_add(struct topic_index *t, const uint8_t topic[TOPIC_BYTES], void *value);
/* Under all topics. */
void topic_index_remove(struct topic_index *t, const void *value);
/* The entries of a topic, valid until the next change. */
const struct topic_index_entry *topic_index_find(const struct topic_index *t, const uint8_t topic[TOPIC_BYTES],
						 size_t *ret_count);

#endif
