/* What is asked of every table of states. */
#ifndef DSN_TESTS_STATE_MACHINE_H
#define DSN_TESTS_STATE_MACHINE_H

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/states.h"

static inline void assert_every_state_is_reached(const struct state_machine *m)
{
	bool reached[16] = {true};

	assert_in_range(m->name_count, 2, 16);
	for (size_t turn = 0; turn < m->name_count; turn++) {
		for (size_t k = 0; k < m->move_count; k++) {
			if (reached[m->moves[k].from])
				reached[m->moves[k].to] = true;
		}
	}
	for (size_t k = 0; k < m->name_count; k++) {
		assert_non_null(m->names[k]);
		if (!reached[k])
			fail_msg("%s: nothing leads to %s", m->title, m->names[k]);
	}
}

static inline void assert_no_way_stands_twice(const struct state_machine *m)
{
	for (size_t k = 0; k < m->move_count; k++) {
		const struct state_move *a = &m->moves[k];

		assert_int_not_equal(a->from, a->to);
		for (size_t l = 0; l < k; l++)
			assert_false(a->from == m->moves[l].from && a->to == m->moves[l].to);
	}
}

/* What docs/states.md must show of the machine; to mend it, put this text there. */
static inline void assert_the_page_shows(const struct state_machine *m)
{
	char *page = NULL, *block;

	assert_null(file_read(NULL, TEST_SOURCE_DIR "/docs/states.md", 1 << 16, &page, NULL));
	block = mem_printf(page, "## %s\n\n```mermaid\n%s```\n", m->title, state_diagram(page, m));
	if (!strstr(page, block))
		fail_msg("docs/states.md lacks:\n%s", block);
	mem_free(page);
}

#endif
