#include "base/steady.h"

int64_t steady_look(struct steady *s, int64_t wall_ms, int64_t mono_ms)
{
	int64_t apart_ms = wall_ms - mono_ms, jump_ms = s->since_ms ? apart_ms - s->apart_ms : 0;

	s->apart_ms = apart_ms;
	if (jump_ms > -STEADY_JUMP_MS && jump_ms < STEADY_JUMP_MS)
		jump_ms = 0;
	if (!s->since_ms || jump_ms)
		s->since_ms = mono_ms;
	return jump_ms;
}
