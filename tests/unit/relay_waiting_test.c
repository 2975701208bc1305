/* The beginning of a stream that is kept: whole, in its order, and never more than a little. */
#include "relay/waiting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static uint8_t bytes[1 << 20];

static void add(struct waiting *w, uint32_t stamp_ms, size_t len, int64_t now_ms)
{
	struct tag t = {.type = TAG_VIDEO, .stamp_ms = stamp_ms, .data = bytes, .len = len};

	waiting_add(NULL, w, &t, now_ms);
}

static void kept(void **state)
{
	struct waiting w = {0};

	(void)state;
	assert_false(waiting_over(&w));
	for (unsigned i = 0; i < 40; i++) {
		bytes[0] = (uint8_t)i;
		add(&w, i, i % 3, 100 + i);
	}
	assert_int_equal(w.count, 40);
	for (unsigned i = 0; i < 40; i++) {
		assert_int_equal(w.tags[i].tag.stamp_ms, i);
		assert_int_equal(w.tags[i].now_ms, 100 + i);
		assert_int_equal(w.tags[i].tag.len, i % 3);
		assert_true(i % 3 == 0 || w.tags[i].tag.data[0] == i);
	}
	waiting_free(&w);
	assert_int_equal(w.count, 0);
	assert_false(waiting_over(&w));
}

static void over(struct waiting *w, bool expected)
{
	assert_int_equal(waiting_over(w), expected);
	waiting_free(w);
}

static void bounds(void **state)
{
	struct waiting w = {0};

	(void)state;
	add(&w, UINT32_MAX - 99, 1, 0);
	add(&w, WAITING_MS - 100, 1, 0);
	over(&w, false);
	add(&w, UINT32_MAX - 99, 1, 0);
	add(&w, WAITING_MS - 99, 1, 0);
	over(&w, true);
	add(&w, 5000, 1, 0);
	add(&w, 1000, 1, 0);
	over(&w, true);
	add(&w, 0, 1, 7);
	add(&w, 0, 1, 7 + WAITING_MS);
	over(&w, false);
	add(&w, 0, 1, 7);
	add(&w, 0, 1, 8 + WAITING_MS);
	over(&w, true);
	for (int i = 0; i < WAITING_TAGS - 1; i++)
		add(&w, 0, 1, 0);
	assert_false(waiting_over(&w));
	add(&w, 0, 1, 0);
	over(&w, true);
	for (unsigned i = 0; i < WAITING_BYTES / sizeof(bytes) - 1; i++)
		add(&w, 0, sizeof(bytes), 0);
	assert_false(waiting_over(&w));
	add(&w, 0, sizeof(bytes), 0);
	over(&w, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept),
		cmocka_unit_test(bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
