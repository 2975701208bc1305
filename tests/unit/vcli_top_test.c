/* The screen of `vcli top`: for every size, what is shown, what gives way, and that nothing foreign steers the
 * terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "vcli/order/top_frame.h"

#define NODES 9
#define ORDERS 3

static json_t *nodes_new(void)
{
	json_t *list = json_array();

	for (int i = 0; i < NODES; i++) {
		char id[41];

		snprintf(id, sizeof(id), "%040d", i);
		json_array_append_new(list,
				      json_pack("{s:s,s:s,s:s,s:s,s:i,s:b,s:b,s:b,s:s,s:i,s:s,s:i}", "node_id", id,
						"name", i ? "" : "front", "role", i ? "transcoder" : "distributor",
						"state", i == 7 ? "offline" : "online", "jobs", i, "obeys", i != 3,
						"maintenance", i == 4, "serves", 1, "ip", "192.0.2.7", "rtmp_port",
						1935 + i, "agent_id", id, "load_pm", i == 2 ? -1 : 500));
	}
	return list;
}

static json_t *orders_new(void)
{
	json_t *list = json_array();

	for (int i = 0; i < ORDERS; i++) {
		char job[24];

		snprintf(job, sizeof(job), "02%020d", i + 1);
		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s*}", "job", job, "state",
						      i == 2 ? "failed" : "running", "created",
						      "2026-11-30T18:00:00.000Z", "why",
						      i == 2 ? "x\033[2J\r\n\x7f\u00e4\xc2\x9b"
							       "1A"
							     : NULL));
	}
	return list;
}

static struct top_frame *frame(const void *ctx, size_t width, size_t height)
{
	json_t *nodes = nodes_new(), *orders = orders_new();
	const struct top_frame_view view = {nodes, orders, "http://127.0.0.1:8640", NULL, "18:22:07 UTC"};
	struct top_frame *f = top_frame_make(ctx, &view, width, height);

	json_decref(nodes);
	json_decref(orders);
	return f;
}

static bool has(const struct top_frame *f, const char *text)
{
	for (size_t i = 0; i < f->count; i++) {
		if (strstr(f->lines[i], text))
			return true;
	}
	return false;
}

static void test_large(void **state)
{
	struct top_frame *f = frame(NULL, 120, 40);

	(void)state;
	assert_int_equal(f->count, 40);
	assert_int_equal(strncmp(f->lines[0], "-- 9 nodes: 1 offline, 8 online ---", 35), 0);
	assert_int_equal(strncmp(f->lines[2], "00000000         offline   transcoder  7    50%", 47), 0);
	assert_int_equal(strncmp(f->lines[3], "front            online    distributor", 38), 0);
	assert_true(has(f, "not ours") && has(f, "maintenance") && has(f, "192.0.2.7:1943") && has(f, " -  "));
	assert_true(has(f, "-- 3 jobs: 1 failed, 2 running ---"));
	assert_true(has(f, "0200000000000000000003 failed     2026-11-30T18:00:00 x?[2J?????1A"));
	assert_int_equal(strncmp(f->lines[39], "[dsn] q quits  http://127.0.0.1:8640", 36), 0);
	assert_string_equal(f->lines[39] + 120 - 12, "18:22:07 UTC");
	mem_free(f);
}

static void test_narrow(void **state)
{
	struct top_frame *f = frame(NULL, 30, 24);

	(void)state;
	assert_true(has(f, "NODE             STATE"));
	assert_false(has(f, "ROLE") || has(f, "ADDRESS"));
	assert_true(has(f, "0200000000000000000003"));
	mem_free(f);
}

static void test_low(void **state)
{
	struct top_frame *f = frame(NULL, 100, 12);

	(void)state;
	assert_int_equal(f->count, 12);
	assert_true(has(f, "offline"));
	assert_true(has(f, "... 6 more"));
	assert_true(has(f, "0200000000000000000003 failed") && has(f, "0200000000000000000001"));
	mem_free(f);
}

/* Whatever the size: no line wider, no more lines, no byte but plain ones, and the bar in the end. */
static void test_all_sizes(void **state)
{
	(void)state;
	for (size_t width = 0; width < 140; width += 3) {
		for (size_t height = 0; height < 40; height++) {
			struct top_frame *f = frame(NULL, width, height);

			assert_int_equal(f->count, height ? height : 1);
			for (size_t i = 0; i < f->count; i++) {
				assert_true(strlen(f->lines[i]) <= (width < 8 ? 8 : width));
				for (const char *p = f->lines[i]; *p; p++)
					assert_true(*p >= ' ' && *p <= '~');
			}
			assert_int_equal(strncmp(f->lines[f->count - 1], "[dsn] ", 6), 0);
			mem_free(f);
		}
	}
}

static void test_nothing_yet(void **state)
{
	const struct top_frame_view view = {NULL, NULL, "http://h", "dsnd is away", "18:22:07 UTC"};
	struct top_frame *f = top_frame_make(NULL, &view, 80, 24);

	(void)state;
	assert_true(has(f, "-- 0 nodes --") && has(f, "-- 0 jobs --") && has(f, "q quits  dsnd is away"));
	mem_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_large),     cmocka_unit_test(test_narrow),      cmocka_unit_test(test_low),
		cmocka_unit_test(test_all_sizes), cmocka_unit_test(test_nothing_yet),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
