#include "whisper/filter_queue.h"

#include <string.h>

#include "base/mem.h"
#include "whisper/hash_index.h"

#define CAPACITY_MIN 8

struct filter_queue {
	size_t count_limit, byte_limit, bytes;
	struct whisper_message **ring; /* NULL: empty since the last time */
	size_t first, count, capacity;
	struct hash_index *by_hash;
};

static struct whisper_message **place(const struct filter_queue *k, size_t i)
{
	return &k->ring[(k->first + i) % k->capacity];
}

static int filter_queue_destroy(struct filter_queue *k)
{
	for (size_t i = 0; i < k->count; i++)
		whisper_message_unref(*place(k, i));
	return 0;
}

struct filter_queue *filter_queue_new(const void *ctx, size_t count_limit, size_t byte_limit)
{
	struct filter_queue *k = mem_new(ctx, struct filter_queue);

	k->count_limit = count_limit;
	k->byte_limit = byte_limit;
	talloc_set_destructor(k, filter_queue_destroy);
	return k;
}

/* The envelope is often shared with the pool, but outlives it here. */
static size_t message_bytes(const struct whisper_message *m)
{
	return sizeof *m + m->envelope->raw_bytes + m->payload.payload_bytes + m->payload.padding_bytes;
}

static void drop_oldest(struct filter_queue *k)
{
	struct whisper_message *m = *place(k, 0);

	hash_index_remove(k->by_hash, m->envelope->hash);
	k->bytes -= message_bytes(m);
	k->first = (k->first + 1) % k->capacity;
	k->count--;
	whisper_message_unref(m);
}

static void grow(struct filter_queue *k)
{
	size_t capacity = k->capacity ? 2 * k->capacity : CAPACITY_MIN;
	struct whisper_message **ring = mem_array(k, struct whisper_message *, capacity);

	for (size_t i = 0; i < k->count; i++)
		ring[i] = *place(k, i);
	mem_free(k->ring);
	k->ring = ring;
	k->first = 0;
	k->capacity = capacity;
}

size_t filter_queue_add(struct filter_queue *k, struct whisper_message *m)
{
	size_t dropped = 0;

	if (!k->by_hash)
		k->by_hash = hash_index_new(k);
	if (hash_index_find(k->by_hash, m->envelope->hash))
		return 0;
	if (k->count == k->capacity)
		grow(k);
	*place(k, k->count++) = whisper_message_ref(m);
	hash_index_add(k->by_hash, m->envelope->hash, m);
	k->bytes += message_bytes(m);
	/* One that is over the limit by itself is kept alone. */
	while (k->count > k->count_limit || (k->count > 1 && k->bytes > k->byte_limit)) {
		drop_oldest(k);
		dropped++;
	}
	return dropped;
}

static int taken_destroy(struct whisper_message **messages)
{
	for (size_t i = 0; i < talloc_array_length(messages); i++)
		whisper_message_unref(messages[i]);
	return 0;
}

struct whisper_message **filter_queue_take(struct filter_queue *k, const void *ctx, size_t *ret_count)
{
	struct whisper_message **messages = mem_array(ctx, struct whisper_message *, k->count);

	for (size_t i = 0; i < k->count; i++)
		messages[i] = *place(k, i);
	talloc_set_destructor(messages, taken_destroy);
	*ret_count = k->count;
	mem_free(k->ring);
	mem_free(k->by_hash);
	*k = (struct filter_queue){.count_limit = k->count_limit, .byte_limit = k->byte_limit};
	return messages;
}
