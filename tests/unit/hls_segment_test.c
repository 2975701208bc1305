/* How long a segment lasts, and at which rate its pictures come. */
#include "hls/segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* `count` pictures from start_ms on, one every step_us. */
static struct segment segment(int64_t start_ms, int count, int64_t step_us)
{
	struct segment g = {.open = true, .start_ms = start_ms, .last_ms = start_ms};

	for (int i = 0; i < count; i++)
		segment_count(&g, start_ms + (i * step_us + 500) / 1000, start_ms + (i * step_us + 500) / 1000);
	return g;
}

static void end(void **state)
{
	struct segment g = segment(10000, 50, 40000);
	int64_t next_ms = 12000;

	(void)state;
	assert_int_equal(segment_frame_ms(&g), 40);
	assert_int_equal(segment_end_ms(&g, NULL, 3499), 12000);
	next_ms = 12021; /* a lost picture or a slip of the clock: no hole */
	assert_int_equal(segment_end_ms(&g, &next_ms, 3499), 12021);
	next_ms = 12600; /* something is missing between */
	assert_int_equal(segment_end_ms(&g, &next_ms, 3499), 12000);
	g.audio_end_ms = 12580; /* the sound goes on: the last picture stands */
	assert_int_equal(segment_end_ms(&g, &next_ms, 3499), 12600);
	next_ms = 9000; /* the time line has jumped back */
	assert_int_equal(segment_end_ms(&g, &next_ms, 3499), 12000);
	g.last_ms = 90000; /* never longer than a segment may be */
	assert_int_equal(segment_end_ms(&g, NULL, 3499), 13499);
}

static void rate(void **state)
{
	struct segment g = segment(10000, 50, 40000);

	(void)state;
	assert_int_equal(segment_rate_mhz(&g), 25000);
	segment_count(&g, 12080, 12080); /* one picture is missing */
	assert_int_equal(segment_rate_mhz(&g), 25000);
	g = segment(0, 60, 33367);
	assert_in_range(segment_rate_mhz(&g), 29940, 30000);
	g = segment(0, 1, 0);
	assert_int_equal(segment_rate_mhz(&g), 0);
	g = segment(0, 10, 1000000); /* steps over a quarter of a second say nothing */
	assert_int_equal(segment_rate_mhz(&g), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(end),
		cmocka_unit_test(rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
