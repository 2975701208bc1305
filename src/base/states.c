#include "base/states.h"

#include <assert.h>

#include "base/mem.h"

bool state_may(const struct state_machine *m, int from, int to)
{
	for (size_t i = 0; i < m->move_count; i++) {
		if (m->moves[i].from == from && m->moves[i].to == to)
			return true;
	}
	return false;
}

int state_next(const struct state_machine *m, int from, int to)
{
	assert(from == to || state_may(m, from, to));
	return to;
}

char *state_diagram(const void *ctx, const struct state_machine *m)
{
	char *text = mem_printf(ctx, "stateDiagram-v2\n    [*] --> %s\n", m->names[0]);

	for (size_t i = 0; i < m->move_count; i++) {
		const struct state_move *move = &m->moves[i];

		text = talloc_asprintf_append_buffer(text, "    %s --> %s: %s\n", m->names[move->from],
						     m->names[move->to], move->when);
	}
	return text;
}
