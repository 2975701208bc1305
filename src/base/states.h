/* State machines as tables: every way from one state to another is a row, and docs/states.md is made from the tables.
 * Threads: any. */
#ifndef DSN_BASE_STATES_H
#define DSN_BASE_STATES_H

#include <stdbool.h>
#include <stddef.h>

struct state_move {
	int from, to;
	const char *when;
};

/* The first of `names` is where everything begins. */
struct state_machine {
	const char *title;
	const char *const *names;
	size_t name_count;
	const struct state_move *moves;
	size_t move_count;
};

/* The tables `what`_names and `what`_moves of the source that says it. */
#define STATE_MACHINE(title, what)                                                                     \
	{                                                                                              \
		(title), what##_names, sizeof(what##_names) / sizeof((what##_names)[0]), what##_moves, \
			sizeof(what##_moves) / sizeof((what##_moves)[0])                               \
	}

/* Does a row lead from one to the other? */
bool state_may(const struct state_machine *m, int from, int to);

/* Returns `to`, which is `from` or where a row of the table leads: x->state = state_next(&state_of_job, x->state, to).
 * Another way is a fault of the caller's and ends the program. */
int state_next(const struct state_machine *m, int from, int to);

/* As Mermaid's stateDiagram-v2. Belongs to ctx. */
char *state_diagram(const void *ctx, const struct state_machine *m);

#endif
