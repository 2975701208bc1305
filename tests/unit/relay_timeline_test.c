/* One time line, whatever the publisher's clock does. */
#include "relay/timeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "media/hls.h"

#define OFFSET 12000
#define FRAGMENT 4000
#define FRAME 40
#define SOUND 20
#define GOP 50

/* A source at 25 pictures a second with sound; `clock` is what its clock says beyond the time that goes by. */
struct run {
	struct timeline t;
	int64_t now_ms;
	int64_t last[TIMELINE_TRACKS], at[TIMELINE_TRACKS];
	int frames, jumps;
	int64_t jumped_to_ms;
};

static void setup(struct run *r)
{
	*r = (struct run){.now_ms = 1000000};
	timeline_init(&r->t, OFFSET, FRAGMENT);
}

static enum timeline_step put(struct run *r, enum timeline_track track, bool key, int64_t raw_ms)
{
	struct timeline_frame f = {
		.track = track, .key = key, .raw_ms = (uint32_t)raw_ms, .lead_ms = 0, .now_ms = r->now_ms};
	enum timeline_step step = timeline_put(&r->t, &f, &r->at[track]);

	if (step == TIMELINE_DROP || step == TIMELINE_END)
		return step;
	assert_true(r->at[track] >= r->last[track]);
	r->last[track] = r->at[track];
	if (step == TIMELINE_JUMP) {
		r->jumps++;
		r->jumped_to_ms = r->at[track];
	}
	return step;
}

/* So many pictures, each with the sound of its time. */
static void play(struct run *r, int frames, int64_t clock_ms)
{
	for (int i = 0; i < frames; i++, r->frames++) {
		int64_t time_ms = r->frames * (int64_t)FRAME;

		r->now_ms += FRAME;
		put(r, TIMELINE_VIDEO, r->frames % GOP == 0, time_ms + clock_ms);
		put(r, TIMELINE_AUDIO, false, time_ms + clock_ms);
		put(r, TIMELINE_AUDIO, false, time_ms + clock_ms + SOUND);
	}
}

static void begins_at_the_offset(void **state)
{
	struct run r;
	struct timeline_frame key = {.track = TIMELINE_VIDEO, .key = true, .raw_ms = 777, .lead_ms = 80, .now_ms = 1};
	int64_t at_ms = 0;

	(void)state;
	setup(&r);
	assert_int_equal(put(&r, TIMELINE_AUDIO, false, 700), TIMELINE_DROP);
	assert_int_equal(put(&r, TIMELINE_VIDEO, false, 737), TIMELINE_DROP);
	assert_int_equal(timeline_put(&r.t, &key, &at_ms), TIMELINE_PASS);
	assert_int_equal(at_ms + key.lead_ms, OFFSET);
	assert_int_equal(put(&r, TIMELINE_AUDIO, false, 780), TIMELINE_PASS);
	assert_int_equal(r.at[TIMELINE_AUDIO], at_ms + 3);
}

static void steady(void **state)
{
	struct run r;

	(void)state;
	setup(&r);
	play(&r, 1000, 5);
	assert_int_equal(r.at[TIMELINE_VIDEO], OFFSET + 999 * FRAME);
	assert_int_equal(r.at[TIMELINE_AUDIO], OFFSET + 999 * FRAME + SOUND);
	assert_int_equal(r.t.bridged + r.t.jumps, 0);
}

/* 32 bits that start over are no jump. */
static void wraps(void **state)
{
	struct run r;

	(void)state;
	setup(&r);
	play(&r, 1000, INT64_C(0xffffffff) - 20000);
	assert_int_equal(r.at[TIMELINE_VIDEO], OFFSET + 999 * FRAME);
	assert_int_equal(r.t.bridged + r.t.jumps, 0);
}

static void jump(int64_t by_ms)
{
	struct run r;
	int64_t before_ms, fragment;

	setup(&r);
	play(&r, 10 * GOP + 20, 0);
	play(&r, 29, by_ms);
	assert_int_equal(r.jumps, 0);
	/* Nothing is lost, and frames keep their distance to the next key frame. */
	before_ms = OFFSET + (10 * GOP + 48) * FRAME;
	assert_int_equal(r.at[TIMELINE_VIDEO], before_ms);
	play(&r, 1, by_ms);
	assert_int_equal(r.jumps, 0);
	play(&r, 10 * GOP, by_ms);
	assert_int_equal(r.jumps, 1);
	fragment = (before_ms + FRAME) / FRAGMENT;
	assert_int_equal(r.jumped_to_ms % FRAGMENT, 0);
	assert_int_equal(r.jumped_to_ms / FRAGMENT - fragment, HLS_MARK_FRAGMENTS);
	/* Behind it everything goes on, sound and picture together. */
	assert_int_equal(r.at[TIMELINE_VIDEO], r.jumped_to_ms + (10 * GOP - 1) * FRAME);
	assert_int_equal(r.at[TIMELINE_AUDIO], r.at[TIMELINE_VIDEO] + SOUND);
	assert_int_equal(r.t.bridged, 0);
	assert_true(llabs(r.t.jump_ms - by_ms) <= 4 * FRAME);
}

static void jumps(void **state)
{
	(void)state;
	jump(-20000);
	jump(30000);
	jump(5000);
	jump(-1500);
	jump(INT64_C(5) * 3600 * 1000);
	jump(-INT64_C(20) * 24 * 3600 * 1000);
}

/* One frame from elsewhere: it is put where it belongs, and that is all. */
static void one_stray(void **state)
{
	static const int64_t strays[] = {30000, -8000, 3600000, 1500};
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(strays) / sizeof(strays[0]); i++) {
		setup(&r);
		play(&r, 5 * GOP + 10, 0);
		r.now_ms += FRAME;
		put(&r, TIMELINE_VIDEO, false, r.frames * (int64_t)FRAME + strays[i]);
		assert_int_equal(r.at[TIMELINE_VIDEO], OFFSET + r.frames * FRAME);
		r.frames++;
		play(&r, 5 * GOP, 0);
		assert_int_equal(r.at[TIMELINE_VIDEO], OFFSET + (r.frames - 1) * FRAME);
		assert_int_equal(r.t.jumps, 0);
		assert_int_equal(r.t.bridged, 1);
	}
}

/* Every few seconds one, as some encoders do it. */
static void many_strays(void **state)
{
	struct run r;

	(void)state;
	setup(&r);
	play(&r, 10, 0);
	for (int i = 0; i < 100; i++) {
		r.now_ms += FRAME;
		put(&r, TIMELINE_VIDEO, false, r.frames * (int64_t)FRAME + 7200000);
		r.frames++;
		play(&r, 70, 0);
	}
	assert_int_equal(r.at[TIMELINE_VIDEO], OFFSET + (r.frames - 1) * FRAME);
	assert_int_equal(r.t.jumps, 0);
	assert_int_equal(r.t.bridged, 100);
}

/* A source that was silent goes on where its clock says: time went by. */
static void pause_is_no_jump(void **state)
{
	struct run r;

	(void)state;
	setup(&r);
	play(&r, 100, 0);
	r.now_ms += 4000;
	r.frames += 100;
	play(&r, 100, 0);
	assert_int_equal(r.at[TIMELINE_VIDEO], OFFSET + 299 * FRAME);
	assert_int_equal(r.t.bridged + r.t.jumps, 0);
}

/* What piled up in the network comes at once. */
static void burst_is_no_jump(void **state)
{
	struct run r;

	(void)state;
	setup(&r);
	play(&r, 100, 0);
	for (int i = 0; i < 200; i++) {
		play(&r, 1, 0);
		r.now_ms -= FRAME;
	}
	assert_int_equal(r.at[TIMELINE_VIDEO], OFFSET + 299 * FRAME);
	assert_int_equal(r.t.bridged + r.t.jumps, 0);
}

/* Pictures were left out by a publisher that could not send them all; the sound tells that the clock is right. */
static void sound_speaks_for_the_clock(void **state)
{
	struct run r;

	(void)state;
	setup(&r);
	play(&r, 100, 0);
	for (int i = 0; i < 200; i++, r.frames++) {
		r.now_ms += 1;
		put(&r, TIMELINE_AUDIO, false, r.frames * (int64_t)FRAME);
	}
	play(&r, 10, 0);
	assert_int_equal(r.at[TIMELINE_VIDEO], OFFSET + 309 * FRAME);
	assert_int_equal(r.t.bridged + r.t.jumps, 0);
}

static void late_sound(void **state)
{
	struct run r;

	(void)state;
	setup(&r);
	for (int i = 0; i < 200; i++, r.frames++) {
		r.now_ms += FRAME;
		put(&r, TIMELINE_VIDEO, r.frames % GOP == 0, r.frames * (int64_t)FRAME);
	}
	play(&r, 10, 0);
	assert_int_equal(r.at[TIMELINE_AUDIO], OFFSET + 209 * FRAME + SOUND);
	/* A clock of its own: from when it comes. */
	setup(&r);
	put(&r, TIMELINE_VIDEO, true, 0);
	put(&r, TIMELINE_AUDIO, false, 99999999);
	assert_int_equal(r.at[TIMELINE_AUDIO], OFFSET);
}

/* A clock that stands still does not stop the line. */
static void frozen_clock(void **state)
{
	struct run r;

	(void)state;
	setup(&r);
	play(&r, 100, 0);
	for (int i = 0; i < 250; i++) {
		r.now_ms += FRAME;
		put(&r, TIMELINE_VIDEO, i % GOP == 0, 99 * FRAME);
	}
	assert_true(r.at[TIMELINE_VIDEO] > OFFSET + 99 * FRAME + 250 * FRAME / 4);
}

/* Marks are rare, however often the clock jumps: the line does not run out in a minute. */
static void storm(void **state)
{
	struct run r;

	(void)state;
	setup(&r);
	for (int i = 0; i < 1500; i++)
		play(&r, 10, i % 2 ? 1000000 : 0);
	assert_true(r.t.jumps <= 1500 * 10 * FRAME / 10000 + 3);
}

/* What the stream carries changes: marked at once, also in front of the first frame and of one that is not believed. */
static void changes(void **state)
{
	struct timeline_frame f = {.track = TIMELINE_VIDEO, .key = true, .anew = true, .raw_ms = 777, .now_ms = 1};
	struct timeline t;
	int64_t at_ms = 0, first_ms = OFFSET + HLS_MARK_FRAGMENTS * FRAGMENT;

	(void)state;
	timeline_init(&t, OFFSET, FRAGMENT);
	assert_int_equal(timeline_put(&t, &f, &at_ms), TIMELINE_JUMP);
	assert_int_equal(at_ms, first_ms);
	f.raw_ms += FRAME;
	f.key = false; /* none can be marked there */
	assert_int_equal(timeline_put(&t, &f, &at_ms), TIMELINE_PASS);
	assert_int_equal(at_ms, first_ms + FRAME);
	f.raw_ms += 3600000;
	f.key = true;
	for (int i = 1; i <= 3; i++, f.raw_ms += FRAME) {
		assert_int_equal(timeline_put(&t, &f, &at_ms), TIMELINE_JUMP);
		assert_int_equal(at_ms, first_ms + i * HLS_MARK_FRAGMENTS * FRAGMENT);
	}
	assert_int_equal(timeline_put(&t, &f, &at_ms), TIMELINE_PASS);
	f.raw_ms += FRAME;
	f.now_ms += 10000;
	assert_int_equal(timeline_put(&t, &f, &at_ms), TIMELINE_JUMP);
	assert_int_equal(t.changes, 5);
	assert_int_equal(t.jumps, 1); /* the clock's, in the last mark */
}

static void ends(void **state)
{
	struct timeline_frame f = {.track = TIMELINE_VIDEO, .key = true, .now_ms = 5};
	struct timeline t;
	int64_t at_ms;

	(void)state;
	timeline_init(&t, TIMELINE_END_MS - 60, FRAGMENT);
	assert_int_equal(timeline_put(&t, &f, &at_ms), TIMELINE_PASS);
	f.raw_ms = 40;
	assert_int_equal(timeline_put(&t, &f, &at_ms), TIMELINE_PASS);
	f.raw_ms = 80;
	assert_int_equal(timeline_put(&t, &f, &at_ms), TIMELINE_END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_at_the_offset),
		cmocka_unit_test(steady),
		cmocka_unit_test(wraps),
		cmocka_unit_test(jumps),
		cmocka_unit_test(one_stray),
		cmocka_unit_test(many_strays),
		cmocka_unit_test(pause_is_no_jump),
		cmocka_unit_test(burst_is_no_jump),
		cmocka_unit_test(sound_speaks_for_the_clock),
		cmocka_unit_test(late_sound),
		cmocka_unit_test(frozen_clock),
		cmocka_unit_test(storm),
		cmocka_unit_test(changes),
		cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
