/* Ratios to real time, loads and capacity, from counters that a machine would have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "node/agent/speed.h"

#define STEP_MS 5000
#define CORES 8
#define BLOCKS 90000
#define RUNG_720 4

/* A machine on which one encoder runs, and others. */
struct machine {
	struct speed *measure;
	struct speed_look now;
	struct speed_unit unit;
};

static int setup(void **state)
{
	struct machine *m = mem_new(NULL, struct machine);

	m->measure = speed_new(m);
	m->now.cores = CORES;
	m->unit = (struct speed_unit){.who = 1, .blocks_per_s = BLOCKS, .rungs = 1u << RUNG_720};
	m->now.units = &m->unit;
	m->now.unit_count = 1;
	*state = m;
	speed_take(m->measure, &m->now);
	return 0;
}

static int teardown(void **state)
{
	mem_free(*state);
	return 0;
}

/* Five seconds in which the encoder used `cores`, and encoded `speed` times as much; others used the rest of `busy`. */
static void step(struct machine *m, double cores, double busy, double speed)
{
	m->now.now_ms += STEP_MS;
	m->now.all_ms += CORES * STEP_MS;
	m->now.busy_ms += (int64_t)(busy * STEP_MS);
	m->unit.cpu_ms += (int64_t)(cores * STEP_MS);
	m->unit.out_ms += (int64_t)(speed * STEP_MS);
	speed_take(m->measure, &m->now);
}

static struct api_beat tell(struct machine *m)
{
	struct api_beat b = api_beat_unknown;

	speed_tell(m->measure, m->now.now_ms, &b);
	return b;
}

static void test_nothing_is_known_at_first(void **state)
{
	struct machine *m = *state;
	struct api_beat b = tell(m);

	assert_int_equal(speed_load_pm(m->measure), -1);
	assert_int_equal(b.load_pm, 0);
	assert_int_equal(b.realtime_pm[RUNG_720], API_BEAT_UNKNOWN);
	assert_int_equal(b.blocks_per_s, API_BEAT_UNKNOWN);
}

static void test_ratio(void **state)
{
	static const struct {
		double cores, busy, speed;
		int ratio_pm, load_pm, jobs_pm;
	} rows[] = {
		{1, 1, 1, 125, 130, 130},      /* alone: a core of eight */
		{1, 6, 1, 333, 750, 130},      /* five others: of three that are there for it */
		{1, 8, 1, 1000, 1000, 130},    /* the machine is full, and it keeps up */
		{0.5, 8, 0.5, 2000, 1000, 60}, /* the machine is full, and it does not */
		{0.5, 0.5, 0.5, 125, 60, 60},  /* its source stutters: it is none the slower */
		{2, 2, 2, 125, 250, 250},      /* a file comes as fast as it is taken */
	};
	struct machine *m = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct api_beat b;

		m->now.now_ms += SPEED_WINDOW_MS; /* what was before is forgotten */
		m->now.all_ms += CORES * (int64_t)SPEED_WINDOW_MS;
		m->unit.who++;
		speed_take(m->measure, &m->now);
		step(m, rows[i].cores, rows[i].busy, rows[i].speed);
		b = tell(m);
		assert_in_range(b.realtime_pm[RUNG_720], rows[i].ratio_pm - 1, rows[i].ratio_pm + 1);
		assert_int_equal(b.load_pm, rows[i].load_pm);
		assert_int_equal(b.jobs_load_pm, rows[i].jobs_pm);
		assert_int_equal(b.realtime_pm[RUNG_720 + 1], API_BEAT_UNKNOWN);
	}
}

static void test_percentile_and_window(void **state)
{
	struct machine *m = *state;

	for (int i = 0; i < 19; i++)
		step(m, 1, 1, 1);
	assert_int_equal(tell(m).realtime_pm[RUNG_720], 125);
	step(m, 1, 8, 1);
	assert_int_equal(tell(m).realtime_pm[RUNG_720], 125); /* one in twenty may be slow */
	step(m, 1, 8, 1);
	assert_int_equal(tell(m).realtime_pm[RUNG_720], 1000);
	m->now.now_ms += SPEED_WINDOW_MS;
	assert_int_equal(tell(m).realtime_pm[RUNG_720], API_BEAT_UNKNOWN);
}

static void test_bound_of_a_unit(void **state)
{
	struct machine *m = *state;

	m->unit.cores = 2;
	step(m, 1, 1, 1);
	assert_int_equal(tell(m).realtime_pm[RUNG_720], 500);
}

static void test_capacity(void **state)
{
	struct machine *m = *state;

	step(m, 0.9, 1, 1);
	assert_int_equal(tell(m).blocks_per_s, API_BEAT_UNKNOWN); /* too little to go by */
	step(m, 0.9, 1, 1);
	assert_in_range(tell(m).blocks_per_s, 799000, 801000);
	for (int i = 0; i < 300; i++)
		step(m, 1.8, 2, 1); /* it has become slower */
	assert_in_range(tell(m).blocks_per_s, 399000, 405000);
	m->now.unit_count = 0;
	for (int i = 0; i < 300; i++)
		step(m, 0, 0, 0);
	assert_int_equal(tell(m).blocks_per_s, API_BEAT_UNKNOWN); /* so long ago that nobody knows */
}

static void test_what_is_left_out(void **state)
{
	struct machine *m = *state;

	m->now.now_ms += SPEED_LEAST_MS - 1; /* too soon */
	m->now.all_ms += 1000;
	m->now.busy_ms += 1000;
	speed_take(m->measure, &m->now);
	assert_int_equal(speed_load_pm(m->measure), -1);
	step(m, 1, 1, 0); /* a start, a pause: nothing is encoded */
	assert_int_equal(tell(m).realtime_pm[RUNG_720], API_BEAT_UNKNOWN);
	m->unit.who = 2; /* another run, whose counters begin anew */
	m->unit.cpu_ms = m->unit.out_ms = 100;
	step(m, 1, 1, 1);
	assert_int_equal(tell(m).realtime_pm[RUNG_720], API_BEAT_UNKNOWN);
	m->unit.rungs = 0; /* no encoder */
	step(m, 1, 1, 1);
	assert_int_equal(tell(m).realtime_pm[RUNG_720], API_BEAT_UNKNOWN);
	assert_int_equal(tell(m).jobs_load_pm, 130);
	step(m, 1, -9, 1); /* counters that were set back */
	assert_int_equal(tell(m).load_pm, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_is_known_at_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ratio, setup, teardown),
		cmocka_unit_test_setup_teardown(test_percentile_and_window, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound_of_a_unit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_capacity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_left_out, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
