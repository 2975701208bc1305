#include "whisper/heap.h"

#include <assert.h>

#include "base/mem.h"

#define CAPACITY_MIN 16

void heap_init(struct heap *h, const void *ctx)
{
	*h = (struct heap){.ctx = ctx};
}

void *heap_top(const struct heap *h)
{
	return h->count > 0 ? h->items[0]->value : NULL;
}

static void put(struct heap *h, size_t at, struct heap_item *item)
{
	h->items[at] = item;
	item->at = at;
}

static void rise(struct heap *h, struct heap_item *item)
{
	size_t at = item->at;

	while (at > 0 && h->items[(at - 1) / 2]->key > item->key) {
		put(h, at, h->items[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(h, at, item);
}

static void sink(struct heap *h, struct heap_item *item)
{
	size_t at = item->at;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= h->count)
			break;
		if (child + 1 < h->count && h->items[child + 1]->key < h->items[child]->key)
			child++;
		if (h->items[child]->key >= item->key)
			break;
		put(h, at, h->items[child]);
		at = child;
	}
	put(h, at, item);
}

static void set_capacity(struct heap *h, size_t capacity)
{
	h->capacity = capacity;
	h->items = mem_resize(h->ctx, h->items, struct heap_item *, capacity);
}

void heap_add(struct heap *h, struct heap_item *item, double key, void *value)
{
	if (h->count == h->capacity)
		set_capacity(h, h->capacity ? 2 * h->capacity : CAPACITY_MIN);
	item->key = key;
	item->value = value;
	put(h, h->count++, item);
	rise(h, item);
}

void heap_remove(struct heap *h, struct heap_item *item)
{
	struct heap_item *last = h->items[h->count - 1];

	assert(h->items[item->at] == item);
	h->count--;
	if (last != item) {
		put(h, item->at, last);
		rise(h, last);
		sink(h, last);
	}
	if (h->capacity > CAPACITY_MIN && h->count * 4 < h->capacity)
		set_capacity(h, h->capacity / 2);
}
