#include "base/bucket.h"

bool bucket_take(struct bucket *b, int64_t now_ms)
{
	int64_t each_ms = b->per_s ? 1000 / b->per_s : INT64_MAX;

	b->spent_ms -= now_ms > b->at_ms ? now_ms - b->at_ms : 0;
	b->at_ms = now_ms;
	if (b->spent_ms < 0)
		b->spent_ms = 0;
	if (!b->per_s || b->spent_ms + each_ms > each_ms * (int64_t)b->burst)
		return false;
	b->spent_ms += each_ms;
	return true;
}
