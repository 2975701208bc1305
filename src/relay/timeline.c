#include "relay/timeline.h"

#include "media/hls.h"

/* A stamp that far behind the last one is untidiness; more is another clock. */
#define BACK_MS 500
/* As far ahead of all others, beyond the time that went by, a stamp may be. */
#define AHEAD_MS 1000
/* So many frames in a row must agree before another clock is believed. */
#define AGREE 3
/* So many frames may stand still before their stamps are no longer believed. */
#define STILL 3
/* Sound and picture of one clock: re-stamped apart, they differ by less than this. */
#define TOGETHER_MS 250
/* Sound that is further from the picture has a clock of its own. */
#define APART_MS 3000
/* Marks are no more frequent, but for a few: each takes time of the line, and receivers may begin anew at them. */
#define MARK_EVERY_MS INT64_C(10000)
#define MARKS_AT_ONCE 3
#define VIDEO_STEP_MS 40
#define AUDIO_STEP_MS 23

void timeline_init(struct timeline *t, int64_t offset_ms, int64_t fragment_ms)
{
	*t = (struct timeline){.fragment_ms = fragment_ms, .offset_ms = offset_ms, .last_pts_ms = offset_ms};
	t->lines[TIMELINE_VIDEO].step_ms = VIDEO_STEP_MS;
	t->lines[TIMELINE_AUDIO].step_ms = AUDIO_STEP_MS;
}

/* Where the stamp falls on the line: the place nearest to the last frame that has the same low 32 bits. */
static int64_t place(const struct timeline_line *l, uint32_t raw_ms)
{
	int64_t last_raw_ms = l->out_ms - l->shift_ms;

	return l->out_ms + (int32_t)(raw_ms - (uint32_t)last_raw_ms);
}

static int64_t head(const struct timeline *t)
{
	int64_t v = t->lines[TIMELINE_VIDEO].out_ms, a = t->lines[TIMELINE_AUDIO].out_ms;

	return t->lines[TIMELINE_AUDIO].set && a > v ? a : v;
}

static int64_t waited_ms(const struct timeline_line *l, int64_t now_ms)
{
	return now_ms > l->now_ms ? now_ms - l->now_ms : 0;
}

static bool fits(const struct timeline *t, const struct timeline_line *l, int64_t at_ms, int64_t now_ms)
{
	if (at_ms <= l->out_ms && l->still >= STILL)
		return false;
	return at_ms >= l->out_ms - BACK_MS && at_ms <= head(t) + AHEAD_MS + waited_ms(l, now_ms);
}

static int64_t rise(struct timeline_line *l, enum timeline_track track, int64_t at_ms)
{
	int64_t step_ms = at_ms - l->out_ms, least_ms = l->out_ms + (track == TIMELINE_VIDEO);

	if (step_ms > 0 && step_ms <= AHEAD_MS)
		l->step_ms = step_ms;
	l->still = step_ms > 0 || track == TIMELINE_AUDIO ? 0 : l->still + 1;
	return at_ms > least_ms ? at_ms : least_ms;
}

/* After each has been stamped on by its own distances they are a frame apart at most: of one clock, as before. */
static void join(struct timeline *t)
{
	const struct timeline_line *v = &t->lines[TIMELINE_VIDEO];
	struct timeline_line *a = &t->lines[TIMELINE_AUDIO];
	int64_t apart_ms = (int32_t)(uint32_t)(a->shift_ms - v->shift_ms);

	if (a->set && apart_ms != 0 && apart_ms <= TOGETHER_MS && apart_ms >= -TOGETHER_MS)
		a->shift_ms = v->shift_ms;
}

/* Another clock is believed: its stamps go on where the line is. */
static void follow(struct timeline *t, struct timeline_line *l, enum timeline_track track, uint32_t raw_ms)
{
	int64_t moved_ms = place(l, raw_ms) - l->out_ms;

	l->shift_ms = l->out_ms - (int64_t)raw_ms;
	l->strange = 0;
	l->still = 0;
	join(t);
	if (track != TIMELINE_VIDEO || (moved_ms <= AHEAD_MS && moved_ms >= -BACK_MS))
		return;
	t->pending = true;
	t->pending_jump_ms = moved_ms;
}

/* A stamp that is not believed: the frame goes where the next is expected. */
static int64_t bridge(struct timeline *t, struct timeline_line *l, const struct timeline_frame *f)
{
	int64_t since_ms = (int32_t)(f->raw_ms - l->strange_raw_ms);
	bool agrees = l->strange && since_ms >= -BACK_MS && since_ms <= AHEAD_MS + waited_ms(l, f->now_ms);

	if (!agrees)
		t->bridged += l->strange;
	l->strange = agrees ? l->strange + 1 : 1;
	l->strange_raw_ms = f->raw_ms;
	return l->out_ms + l->step_ms;
}

static void begin(struct timeline *t, const struct timeline_frame *f)
{
	struct timeline_line *l = &t->lines[f->track];
	const struct timeline_line *v = &t->lines[TIMELINE_VIDEO];

	if (f->track == TIMELINE_VIDEO) {
		if (f->anew) {
			t->offset_ms += HLS_MARK_FRAGMENTS * t->fragment_ms;
			t->last_pts_ms = t->offset_ms;
			t->changes++;
		}
		l->out_ms = t->offset_ms - f->lead_ms;
	} else {
		struct timeline_line same = {.out_ms = v->out_ms, .shift_ms = v->shift_ms};
		int64_t at_ms = place(&same, f->raw_ms), apart_ms = at_ms - v->out_ms;

		l->out_ms = apart_ms > APART_MS || apart_ms < -APART_MS ? v->out_ms : at_ms;
		if (l->out_ms < 0)
			l->out_ms = 0;
	}
	l->shift_ms = l->out_ms - (int64_t)f->raw_ms;
	l->now_ms = f->now_ms;
	l->set = true;
}

/* Is the key frame to stand behind a mark? A change waits for no stamp that is believed. */
static bool to_be_marked(const struct timeline *t, const struct timeline_frame *f)
{
	bool wanted = f->anew || (t->pending && !t->lines[TIMELINE_VIDEO].strange);

	return wanted && f->track == TIMELINE_VIDEO && f->key &&
	       f->now_ms + (MARKS_AT_ONCE - 1) * MARK_EVERY_MS >= t->due_ms;
}

/* The key frame behind a jump: everything moves to the fragment that is HLS_MARK_FRAGMENTS behind the last one. */
static void mark(struct timeline *t, const struct timeline_frame *f, int64_t *at_ms)
{
	int64_t pts_ms = *at_ms + f->lead_ms, last_ms = pts_ms > t->last_pts_ms ? pts_ms : t->last_pts_ms;
	int64_t by_ms = (last_ms / t->fragment_ms + HLS_MARK_FRAGMENTS) * t->fragment_ms - pts_ms;

	*at_ms += by_ms;
	for (int i = 0; i < TIMELINE_TRACKS; i++) {
		t->lines[i].shift_ms += by_ms;
		t->lines[i].out_ms += by_ms;
	}
	if (t->pending) {
		t->jump_ms = t->pending_jump_ms;
		t->jumps++;
	}
	t->changes += f->anew;
	t->due_ms = (t->due_ms > f->now_ms ? t->due_ms : f->now_ms) + MARK_EVERY_MS;
	t->pending = false;
}

static int64_t stamp(struct timeline *t, struct timeline_line *l, const struct timeline_frame *f)
{
	int64_t at_ms = place(l, f->raw_ms);

	if (fits(t, l, at_ms, f->now_ms)) {
		t->bridged += l->strange;
		l->strange = 0;
		at_ms = rise(l, f->track, at_ms);
	} else {
		at_ms = bridge(t, l, f);
	}
	return at_ms;
}

enum timeline_step timeline_put(struct timeline *t, const struct timeline_frame *f, int64_t *ret_ms)
{
	struct timeline_line *l = &t->lines[f->track];
	enum timeline_step step = TIMELINE_PASS;
	int64_t at_ms;

	if (!l->set) {
		if (!t->lines[TIMELINE_VIDEO].set && (f->track != TIMELINE_VIDEO || !f->key))
			return TIMELINE_DROP;
		begin(t, f);
		*ret_ms = l->out_ms;
		return f->anew && f->track == TIMELINE_VIDEO ? TIMELINE_JUMP : TIMELINE_PASS;
	}
	at_ms = stamp(t, l, f);
	if (to_be_marked(t, f)) {
		mark(t, f, &at_ms);
		step = TIMELINE_JUMP;
	}
	if (at_ms + f->lead_ms >= TIMELINE_END_MS)
		return TIMELINE_END;
	l->out_ms = at_ms;
	l->now_ms = f->now_ms;
	if (l->strange >= AGREE)
		follow(t, l, f->track, f->raw_ms);
	if (f->track == TIMELINE_VIDEO && at_ms + f->lead_ms > t->last_pts_ms)
		t->last_pts_ms = at_ms + f->lead_ms;
	*ret_ms = at_ms;
	return step;
}
