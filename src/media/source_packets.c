/* Facts from packets: how many, how large, when, and where decoding can begin. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "media/source_json.h"

/* Decoding times that are estimates may go back a little. */
#define BACK_MS 500
/* A picture that is held for longer stands still. */
#define MOVING_MS 250
/* What a hostile clock may add up to. */
#define MOST_MS (INT64_C(1) << 50)

void source_add_key(struct media_stream_facts *s, int64_t pts_ms)
{
	int64_t interval_ms = pts_ms - (s->keys ? s->last_key_ms : s->all.first_ms);

	if (s->keys++ == 0) {
		/* What stands before the first key frame cannot be decoded: an interval as long at least. */
		s->max_key_ms = interval_ms;
	} else {
		if (interval_ms > s->max_key_ms)
			s->max_key_ms = interval_ms;
		if (s->keys == 2 || interval_ms < s->min_key_ms)
			s->min_key_ms = interval_ms;
	}
	s->last_key_ms = pts_ms;
}

/* Begin and end, by one packet more. */
static void add_time(struct media_span *s, int64_t pts_ms, int64_t dts_ms, int64_t duration_ms)
{
	if (!s->timed || pts_ms < s->first_ms)
		s->first_ms = pts_ms;
	if (!s->timed || pts_ms > s->last_ms)
		s->last_ms = pts_ms;
	if (!s->timed || pts_ms + duration_ms > s->end_ms)
		s->end_ms = pts_ms + duration_ms;
	if (!s->timed || dts_ms < s->first_dts_ms)
		s->first_dts_ms = dts_ms;
	if (!s->timed || dts_ms + duration_ms > s->end_dts_ms)
		s->end_dts_ms = dts_ms + duration_ms;
	s->timed = true;
}

/* Where the clock goes back the line goes on from the packet before; what a step forward is shows only when all is
 * known. */
static void add_jump(struct media_stream_facts *s, int64_t step_ms, int64_t duration_ms)
{
	if (step_ms < 0) {
		s->back_jumps++;
		if (s->mended_ms < MOST_MS)
			s->mended_ms += duration_ms - step_ms;
	} else {
		s->forward_jumps++;
		if (s->forward_ms < MOST_MS)
			s->forward_ms += step_ms - duration_ms;
	}
	if (!s->least_jump_ms || llabs(step_ms) < s->least_jump_ms)
		s->least_jump_ms = llabs(step_ms);
}

/* From one packet's decoding time to the next. */
static void add_step(struct media_stream_facts *s, int64_t step_ms, int64_t duration_ms)
{
	if (step_ms < -BACK_MS || step_ms > MEDIA_FORWARD_MS)
		add_jump(s, step_ms, duration_ms);
	if (step_ms > s->max_step_ms)
		s->max_step_ms = step_ms;
	if (step_ms > 0 && step_ms <= MOVING_MS) {
		s->moving++;
		s->moving_ms += step_ms;
	}
}

static void add_times(struct media_stream_facts *s, const json_t *o, int64_t pts_ms, int64_t dts_ms, bool hidden)
{
	int64_t duration_ms = source_json_ms(o, "duration_time");

	if (duration_ms < 0)
		duration_ms = 0;
	if (dts_ms == NO_TIME)
		dts_ms = pts_ms;
	if (s->clocked)
		add_step(s, dts_ms - s->clock_ms, duration_ms);
	s->clocked = true;
	s->clock_ms = dts_ms;
	add_time(&s->all, pts_ms + s->mended_ms, dts_ms + s->mended_ms, duration_ms);
	if (!hidden)
		add_time(&s->shown, pts_ms + s->mended_ms, dts_ms + s->mended_ms, duration_ms);
}

struct error *source_read_packet(struct media_source *all, const json_t *o)
{
	struct media_stream_facts *s = NULL;
	const char *flags = json_string_value(json_object_get(o, "flags"));
	const json_t *idr = json_object_get(o, "idr");
	int64_t size = source_json_whole(o, "size"), pts_ms = source_json_ms(o, "pts_time"),
		dts_ms = source_json_ms(o, "dts_time");
	bool key = flags && flags[0] == 'K', hidden = flags && strchr(flags, 'D');

	TRY(source_json_stream(all, o, "stream_index", &s));
	assert(s);
	if (s->packets++ == 0)
		s->first_is_key = key;
	s->bytes += size;
	if (size > s->max_frame_bytes)
		s->max_frame_bytes = size;
	if (pts_ms == NO_TIME) {
		s->untimed++;
		pts_ms = dts_ms;
	}
	if (pts_ms != NO_TIME)
		add_times(s, o, pts_ms, dts_ms, hidden);
	s->hidden += hidden;
	s->flagged += key;
	if (idr && !s->told_idr) { /* what flags said before is void */
		s->told_idr = true;
		s->keys = 0;
	}
	if (pts_ms != NO_TIME && (s->told_idr ? json_integer_value(idr) == 1 : key))
		source_add_key(s, pts_ms + s->mended_ms);
	return NULL;
}
