#include "whisper/topic_index.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

/* First entry whose topic is not before (or with `behind`: that comes after) `topic`. */
static size_t bound(const struct topic_index *t, const uint8_t topic[TOPIC_BYTES], bool behind)
{
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(t->entries[middle].topic, topic, TOPIC_BYTES);

		if (order < 0 || (behind && order == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct topic_index_entry *topic_index_find(const struct topic_index *t, const uint8_t topic[TOPIC_BYTES],
						 size_t *ret_count)
{
	size_t first = bound(t, topic, false);

	*ret_count = bound(t, topic, true) - first;
	return t->entries ? t->entries + first : NULL;
}

void topic_index_add(struct topic_index *t, const uint8_t topic[TOPIC_BYTES], void *value)
{
	size_t count, at = bound(t, topic, true);
	const struct topic_index_entry *there = topic_index_find(t, topic, &count);

	for (size_t i = 0; i < count; i++) {
		if (there[i].value == value)
			return;
	}
	if (t->count == t->capacity) {
		t->capacity = t->capacity ? 2 * t->capacity : 8;
		t->entries = mem_resize(t->ctx, t->entries, struct topic_index_entry, t->capacity);
	}
	memmove(t->entries + at + 1, t->entries + at, (t->count - at) * sizeof t->entries[0]);
	memcpy(t->entries[at].topic, topic, TOPIC_BYTES);
	t->entries[at].value = value;
	t->count++;
}

void topic_index_remove(struct topic_index *t, const void *value)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++) {
		if (t->entries[i].value != value)
			t->entries[kept++] = t->entries[i];
	}
	t->count = kept;
}
