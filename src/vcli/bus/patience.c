#include "vcli/bus/patience.h"

#define PATIENCE_MS 10000

int64_t vcli_patience_ms(const struct vcli *v)
{
	if (v->set.timeout_ms > 0)
		return v->set.timeout_ms;
	return v->timeout_ms > 0 && v->timeout_ms < PATIENCE_MS ? v->timeout_ms : PATIENCE_MS;
}
