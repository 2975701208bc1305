#include "http/budget.h"

#define SMALL_BYTES 65536

bool http_budget_hold(struct http_budget *b, size_t *held, size_t bytes)
{
	size_t counted = bytes > SMALL_BYTES ? bytes : 0;

	if (!b)
		return true;
	b->used = b->used - *held + counted;
	*held = counted;
	return counted == 0 || b->used <= b->limit;
}
