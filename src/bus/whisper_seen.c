#include "bus/whisper_seen.h"

#include <string.h>

#include "base/mem.h"

#define BUCKETS 1024 /* a power of two */

struct seen {
	size_t limit, count;
	struct seen_entry *oldest, *newest;
	struct seen_entry *buckets[BUCKETS];
};

struct seen *seen_new(const void *ctx, size_t limit)
{
	struct seen *s = mem_new(ctx, struct seen);

	s->limit = limit;
	return s;
}

/* The key is a part of a hash: any two bytes of it do. */
static struct seen_entry **bucket(const struct seen *s, const uint8_t key[WHISPER_KEY_BYTES])
{
	return (struct seen_entry **)&s->buckets[(key[0] * 256u + key[1]) % BUCKETS];
}

struct seen_entry *seen_find(const struct seen *s, const uint8_t key[WHISPER_KEY_BYTES])
{
	struct seen_entry *e = *bucket(s, key);

	while (e && memcmp(e->key, key, WHISPER_KEY_BYTES) != 0)
		e = e->bucket_next;
	return e;
}

void seen_remove(struct seen *s, struct seen_entry *e)
{
	struct seen_entry **at = bucket(s, e->key);

	while (*at != e)
		at = &(*at)->bucket_next;
	*at = e->bucket_next;
	*(e->older ? &e->older->newer : &s->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &s->newest) = e->older;
	s->count--;
	mem_free(e);
}

static void forget_one(struct seen *s)
{
	struct seen_entry *e = s->oldest;

	while (e && e->pinned)
		e = e->newer;
	if (e)
		seen_remove(s, e);
}

struct seen_entry *seen_add(struct seen *s, const uint8_t key[WHISPER_KEY_BYTES])
{
	struct seen_entry *e, **at;

	if (s->count >= s->limit)
		forget_one(s);
	e = mem_new(s, struct seen_entry);
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

size_t seen_count(const struct seen *s)
{
	return s->count;
}
