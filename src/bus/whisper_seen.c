#include "bus/whisper_seen.h"

#include <string.h>

#include "base/mem.h"

#define BUCKETS 1024 /* a power of two */

struct whisper_seen {
	size_t limit, count;
	struct whisper_seen_entry *oldest, *newest;
	struct whisper_seen_entry *buckets[BUCKETS];
};

struct whisper_seen *whisper_seen_new(const void *ctx, size_t limit)
{
	struct whisper_seen *s = mem_new(ctx, struct whisper_seen);

	s->limit = limit;
	return s;
}

/* The key is a part of a hash: any two bytes of it do. */
static struct whisper_seen_entry **bucket(const struct whisper_seen *s, const uint8_t key[WHISPER_KEY_BYTES])
{
	return (struct whisper_seen_entry **)&s->buckets[(key[0] * 256u + key[1]) % BUCKETS];
}

struct whisper_seen_entry *whisper_seen_find(const struct whisper_seen *s, const uint8_t key[WHISPER_KEY_BYTES])
{
	struct whisper_seen_entry *e = *bucket(s, key);

	while (e && memcmp(e->key, key, WHISPER_KEY_BYTES) != 0)
		e = e->bucket_next;
	return e;
}

void whisper_seen_remove(struct whisper_seen *s, struct whisper_seen_entry *e)
{
	struct whisper_seen_entry **at = bucket(s, e->key);

	while (*at != e)
		at = &(*at)->bucket_next;
	*at = e->bucket_next;
	*(e->older ? &e->older->newer : &s->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &s->newest) = e->older;
	s->count--;
	mem_free(e);
}

static void forget_one(struct whisper_seen *s)
{
	struct whisper_seen_entry *e = s->oldest;

	while (e && e->pinned)
		e = e->newer;
	if (e)
		whisper_seen_remove(s, e);
}

struct whisper_seen_entry *whisper_seen_add(struct whisper_seen *s, const uint8_t key[WHISPER_KEY_BYTES])
{
	struct whisper_seen_entry *e, **at;

	if (s->count >= s->limit)
		forget_one(s);
	e = mem_new(s, struct whisper_seen_entry);
	memcpy(e->key, key, WHISPER_KEY_BYTES);
	at = bucket(s, key);
	e->bucket_next = *at;
	*at = e;
	e->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = e;
	s->newest = e;
	s->count++;
	return e;
}

size_t whisper_seen_count(const struct whisper_seen *s)
{
	return s->count;
}
