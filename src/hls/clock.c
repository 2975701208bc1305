#include "hls/clock.h"

int64_t hls_stamp_unwrap(struct hls_stamp *s, int64_t raw_ms)
{
	if (s->set)
		s->last_ms += (int32_t)((uint32_t)raw_ms - (uint32_t)s->last_ms);
	else
		s->last_ms = raw_ms;
	s->set = true;
	return s->last_ms;
}
