/* What expires, the earliest first: a heap of slots that finds each again. Of use inside the reservations only. */
#ifndef DSN_MANAGER_JOBS_RESERVE_HEAP_H
#define DSN_MANAGER_JOBS_RESERVE_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct reserve_heap {
	const void *ctx;
	struct reserve_expiry {
		int64_t at_ms;
		uint32_t slot;
	} * rows;
	uint32_t *places; /* of a slot: 1 + its row; 0: it stands nowhere */
	size_t count, capacity, place_count;
};

void reserve_heap_init(struct reserve_heap *h, const void *ctx);
/* The slot stands nowhere yet. */
void reserve_heap_add(struct reserve_heap *h, uint32_t slot, int64_t at_ms);
/* Nothing, where it stands nowhere. */
void reserve_heap_remove(struct reserve_heap *h, uint32_t slot);
/* INT64_MAX: there is none, and *ret_slot stays. */
int64_t reserve_heap_first(const struct reserve_heap *h, uint32_t *ret_slot);

#endif
