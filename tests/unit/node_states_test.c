/* The tables of states: whole, without doubles; docs/states.md shows what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "node/states.h"

static const struct state_machine *const all[] = {&state_of_node, &state_of_job, &state_of_unit};
#define ALL (sizeof(all) / sizeof(all[0]))

static void every_state_is_reached(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALL; i++) {
		bool reached[8] = {true};

		assert_in_range(all[i]->name_count, 2, 8);
		for (size_t turn = 0; turn < all[i]->name_count; turn++) {
			for (size_t k = 0; k < all[i]->move_count; k++) {
				if (reached[all[i]->moves[k].from])
					reached[all[i]->moves[k].to] = true;
			}
		}
		for (size_t k = 0; k < all[i]->name_count; k++) {
			assert_non_null(all[i]->names[k]);
			if (!reached[k])
				fail_msg("%s: nothing leads to %s", all[i]->title, all[i]->names[k]);
		}
	}
}

static void no_way_stands_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALL; i++) {
		for (size_t k = 0; k < all[i]->move_count; k++) {
			const struct state_move *a = &all[i]->moves[k];

			assert_int_not_equal(a->from, a->to);
			for (size_t l = 0; l < k; l++)
				assert_false(a->from == all[i]->moves[l].from && a->to == all[i]->moves[l].to);
		}
	}
}

static void ways(void **state)
{
	(void)state;
	assert_int_equal(state_next(&state_of_job, JOB_STARTING, JOB_RUNNING), JOB_RUNNING);
	assert_int_equal(state_next(&state_of_job, JOB_RUNNING, JOB_RUNNING), JOB_RUNNING);
}

/* What the page must show of one machine; to mend it, put this text there. */
static void the_page_is_what_the_tables_say(void **state)
{
	char *page = NULL;

	(void)state;
	assert_null(file_read(NULL, TEST_SOURCE_DIR "/docs/states.md", 1 << 16, &page, NULL));
	for (size_t i = 0; i < ALL; i++) {
		char *diagram = state_diagram(page, all[i]);
		char *block = mem_printf(page, "## %s\n\n```mermaid\n%s```\n", all[i]->title, diagram);

		if (!strstr(page, block))
			fail_msg("docs/states.md lacks:\n%s", block);
	}
	mem_free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_is_reached),
		cmocka_unit_test(no_way_stands_twice),
		cmocka_unit_test(ways),
		cmocka_unit_test(the_page_is_what_the_tables_say),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
