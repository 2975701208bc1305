#include "relay/waiting.h"

#include <string.h>

#include "base/mem.h"

void waiting_add(const void *ctx, struct waiting *w, const struct tag *t, int64_t now_ms)
{
	struct waiting_tag *added;

	if (w->count == w->capacity) {
		w->capacity = w->capacity ? w->capacity * 2 : 16;
		w->tags = mem_resize(ctx, w->tags, struct waiting_tag, w->capacity);
	}
	added = &w->tags[w->count++];
	*added = (struct waiting_tag){.tag = *t, .now_ms = now_ms};
	added->tag.data = mem_array(ctx, uint8_t, t->len + 1);
	memcpy(added->tag.data, t->data, t->len);
	w->bytes += t->len;
}

bool waiting_over(const struct waiting *w)
{
	const struct waiting_tag *first, *last;
	int32_t stamps_ms;

	if (!w->count)
		return false;
	first = &w->tags[0];
	last = &w->tags[w->count - 1];
	stamps_ms = (int32_t)(last->tag.stamp_ms - first->tag.stamp_ms);
	return stamps_ms > WAITING_MS || stamps_ms < -WAITING_MS || last->now_ms - first->now_ms > WAITING_MS ||
	       w->count >= WAITING_TAGS || w->bytes >= WAITING_BYTES;
}

void waiting_free(struct waiting *w)
{
	for (size_t i = 0; i < w->count; i++)
		mem_free(w->tags[i].tag.data);
	mem_free(w->tags);
	*w = (struct waiting){0};
}
