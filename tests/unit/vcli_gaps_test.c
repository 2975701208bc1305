/* What viewers miss, counted from playlists: gaps, late ones, redundant storages, and what is no playlist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "vcli/drill/gaps.h"

static void see(struct gaps *g, const char *name, const char *text, int64_t now_ms)
{
	gaps_see(g, name, text, strlen(text), now_ms);
}

static json_int_t figure(const struct gaps *g, size_t i, const char *key, int64_t now_ms)
{
	json_t *list = gaps_json(g, now_ms), *value = json_object_get(json_array_get(list, i), key);
	json_int_t n = json_is_boolean(value) ? json_is_true(value) : json_integer_value(value);

	json_decref(list);
	return n;
}

static void test_a_gap(void **state)
{
	struct gaps *g = gaps_new(NULL);

	(void)state;
	assert_false(gaps_ready(g));
	see(g, "a", "#EXTM3U\n", 0);
	assert_false(gaps_ready(g));
	see(g, "a", "#EXTM3U\n#EXTINF:4,\n0000000007.ts\n#EXTINF:4,\n0000000008.ts\n", 0);
	see(g, "b", "#EXTM3U\r\n0000000008.ts\r\n", 0);
	assert_true(gaps_ready(g));
	gaps_begin(g, 1000);
	assert_false(gaps_over(g));
	see(g, "a", "0000000008.ts\n0000000009.ts\n", 3000);
	see(g, "a", "0000000009.ts\n0000000010.ts\n0000000011.ts\n0000000012.ts\n", 4000);
	assert_false(gaps_over(g));
	assert_int_equal(figure(g, 1, "back", 5000), 0);
	assert_int_equal(figure(g, 1, "wait_ms", 5000), 4000);
	assert_int_equal(figure(g, 1, "missing", 5000), 4);
	see(g, "b", "#EXT-X-GAP\n0000000009.ts\n#EXT-X-GAP\n0000000010.ts\n0000000011.ts\n", 9000);
	see(g, "b", "0000000011.ts\n0000000012.ts", 10000);
	assert_true(gaps_over(g));
	assert_int_equal(figure(g, 0, "missing", 10000), 0);
	assert_int_equal(figure(g, 0, "wait_ms", 10000), 2000);
	assert_int_equal(figure(g, 1, "missing", 10000), 2);
	assert_int_equal(figure(g, 1, "wait_ms", 10000), 8000);
	/* Another storage has what the first one lacks. */
	see(g, "b", "0000000009.ts\n", 11000);
	assert_int_equal(figure(g, 1, "missing", 11000), 1);
	mem_free(g);
}

static void test_foreign_texts(void **state)
{
	char many[40];
	struct gaps *g = gaps_new(NULL);

	(void)state;
	see(g, "a", "0000000001.ts\n<html>\n../0000000002.ts\n000000000x.ts\n\n99999999999999999999.ts\n", 0);
	gaps_begin(g, 0);
	see(g, "a", "0000000001.ts\n9000000000.ts\n", 10); /* further away than is counted */
	assert_int_equal(figure(g, 0, "missing", 10), 0);
	see(g, "new", "0000000003.ts\n", 10); /* nobody had it when it began */
	assert_int_equal(figure(g, 1, "missing", 10), 0);
	mem_free(g);
	g = gaps_new(NULL);
	for (int i = 0; i < GAPS_RENDITIONS + 5; i++) {
		memset(many, 'a' + i % 20, sizeof(many));
		many[i % 39 + 1] = '\0';
		see(g, many, "0000000001.ts\n", 0);
	}
	assert_true(gaps_ready(g));
	mem_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_gap),
		cmocka_unit_test(test_foreign_texts),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
