#include "manager/jobs/reserve_heap.h"

#include <string.h>

#include "base/mem.h"

void reserve_heap_init(struct reserve_heap *h, const void *ctx)
{
	*h = (struct reserve_heap){.ctx = ctx};
}

static void put(struct reserve_heap *h, size_t row, struct reserve_expiry x)
{
	h->rows[row] = x;
	h->places[x.slot] = (uint32_t)row + 1;
}

static void rise(struct reserve_heap *h, size_t row, struct reserve_expiry x)
{
	while (row > 0 && h->rows[(row - 1) / 2].at_ms > x.at_ms) {
		put(h, row, h->rows[(row - 1) / 2]);
		row = (row - 1) / 2;
	}
	put(h, row, x);
}

static void sink(struct reserve_heap *h, size_t row, struct reserve_expiry x)
{
	for (;;) {
		size_t child = 2 * row + 1;

		if (child + 1 < h->count && h->rows[child + 1].at_ms < h->rows[child].at_ms)
			child++;
		if (child >= h->count || h->rows[child].at_ms >= x.at_ms)
			break;
		put(h, row, h->rows[child]);
		row = child;
	}
	put(h, row, x);
}

void reserve_heap_add(struct reserve_heap *h, uint32_t slot, int64_t at_ms)
{
	if (h->count == h->capacity) {
		h->capacity = h->capacity ? 2 * h->capacity : 64;
		h->rows = mem_resize(h->ctx, h->rows, struct reserve_expiry, h->capacity);
	}
	if (slot >= h->place_count) {
		const size_t count = 2 * (size_t)slot + 64;

		h->places = mem_resize(h->ctx, h->places, uint32_t, count);
		memset(&h->places[h->place_count], 0, (count - h->place_count) * sizeof(*h->places));
		h->place_count = count;
	}
	rise(h, h->count++, (struct reserve_expiry){at_ms, slot});
}

void reserve_heap_remove(struct reserve_heap *h, uint32_t slot)
{
	struct reserve_expiry last;
	size_t row;

	if (slot >= h->place_count || h->places[slot] == 0)
		return;
	row = h->places[slot] - 1;
	h->places[slot] = 0;
	last = h->rows[--h->count];
	if (row == h->count)
		return;
	if (row > 0 && h->rows[(row - 1) / 2].at_ms > last.at_ms)
		rise(h, row, last);
	else
		sink(h, row, last);
}

int64_t reserve_heap_first(const struct reserve_heap *h, uint32_t *ret_slot)
{
	if (h->count == 0)
		return INT64_MAX;
	*ret_slot = h->rows[0].slot;
	return h->rows[0].at_ms;
}
