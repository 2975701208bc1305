/* One time line that only rises, whatever the publisher's clock does.
 *
 * It begins at the first key frame, which is shown at `offset_ms`. A stamp that does not fit (back by more than half a
 * second, or ahead of all others by more than a second and the time that really went by) is not believed: the frame is
 * stamped where the line expects the next. If stamps come back to the line, that was all (`bridged` counts such
 * frames). If a few frames in a row agree on another clock, the clock has jumped: frames are stamped on as before, with
 * the new clock's distances, so nothing is lost, until the next key frame, which is put behind the fragment boundary
 * that says "discontinuity" to dsn-hls in every rendition alike (docs/media.md, "Discontinuities"). Sound and picture
 * keep their distance. A key frame of a stream that carries something else than before is put behind such a mark too,
 * also when it is the line's first.
 *
 * Pure: no clock, no memory; sequences of any stamps give rising stamps (tests/fuzz/relay_timeline_fuzz.c). */
#ifndef DSN_RELAY_TIMELINE_H
#define DSN_RELAY_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

/* FLV's stamps end at 2^31 ms (24.8 days): the line ends somewhat before. */
#define TIMELINE_END_MS INT64_C(2100000000)

enum timeline_track { TIMELINE_VIDEO, TIMELINE_AUDIO, TIMELINE_TRACKS };

struct timeline_frame {
	enum timeline_track track;
	bool key;  /* video: decoding can begin here */
	bool anew; /* video: what the stream carries is no longer what stands before; a key frame is to be marked */
	uint32_t raw_ms; /* the publisher's stamp (dts) */
	int32_t lead_ms; /* video: pts - dts */
	int64_t now_ms;  /* monotonic: when it arrived */
};

enum timeline_step {
	TIMELINE_DROP, /* before the first key frame */
	TIMELINE_PASS,
	TIMELINE_JUMP, /* pass; a discontinuity is in front of it */
	TIMELINE_END,  /* the line has no more room: begin another */
};

struct timeline_line {
	bool set;
	int64_t out_ms;   /* of the last frame */
	int64_t shift_ms; /* out - raw, raw unwrapped */
	int64_t step_ms;  /* between the last frames that fitted */
	int64_t now_ms;
	unsigned still;   /* frames in a row that did not rise */
	unsigned strange; /* frames in a row that agree on another clock */
	uint32_t strange_raw_ms;
};

struct timeline {
	int64_t fragment_ms;
	int64_t offset_ms;
	struct timeline_line lines[TIMELINE_TRACKS];
	int64_t last_pts_ms; /* largest of a video frame; the offset before the first */
	bool pending;        /* the clock has jumped; the mark waits for a key frame */
	int64_t pending_jump_ms;
	int64_t due_ms;  /* now_ms from which on marks are no more frequent than they may be */
	int64_t jumps;   /* discontinuities so far that the publisher's clock made */
	int64_t changes; /* that a frame's `anew` made */
	int64_t jump_ms; /* how far the publisher's clock went at the last one; negative: back */
	int64_t bridged; /* frames that were stamped in place of their own stamp */
};

void timeline_init(struct timeline *t, int64_t offset_ms, int64_t fragment_ms);
/* The frame's stamp (dts) on the line, for PASS and JUMP: of each track never less than the one before. PASS for a key
 * frame with `anew`: there were marks enough for now, ask again with the next. */
enum timeline_step timeline_put(struct timeline *t, const struct timeline_frame *f, int64_t *ret_ms);

#endif
