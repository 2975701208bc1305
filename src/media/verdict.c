/* From facts to the verdict: the rules, one after the other. The first that is broken is the reason told. */
#include "media/verdict.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "media/hls.h"

#define FRAME_LIMIT_BYTES (INT64_C(1) << 20)
#define MAX_FPS 60
/* Containers round what they promise: a second, or a fiftieth, is no loss. */
#define MISSING_LEAST_MS 1000
#define MISSING_PART 50
/* Edit lists are rounded too. */
#define MOST_HIDDEN 2
/* One uneven segment in that many is no reason to encode a film. */
#define LONG_TURN 10
/* Pictures a second where some are held for long. */
#define LEAST_FILLED_FPS 10
/* A decoder's view of the source: names as ffprobe writes them. */
#define MAX_WORDS 8

static bool one_of(const char *word, const char *const words[MAX_WORDS])
{
	for (size_t i = 0; i < MAX_WORDS && words[i]; i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

/* --- what was measured --- */

static char *codec_name(const void *ctx, const struct media_stream_facts *s)
{
	if (!s)
		return mem_strdup(ctx, "");
	if (s->codec[0] && strcmp(s->codec, "unknown") != 0)
		return mem_strdup(ctx, s->codec);
	return mem_printf(ctx, "unknown (%s)", s->tag);
}

/* ffmpeg's demuxers that mend it (AVFMT_TS_DISCONT). */
static bool clock_can_be_mended(const struct media_source *s)
{
	return one_of(s->format, (const char *const[MAX_WORDS]){"mpegts", "mpeg", "ogg"});
}

/* A step forward in the picture alone is one that is held while the sound goes on. */
static bool jumps_forward(const struct media_source *s, const struct media_stream_facts *p,
			  const struct media_stream_facts *a)
{
	return p->forward_jumps && (a ? a->forward_jumps > 0 : clock_can_be_mended(s));
}

static void measure_picture(struct media_verdict *v, const struct media_stream_facts *p, int64_t skipped_ms)
{
	bool on_its_side = p->rotation_deg == 90 || p->rotation_deg == 270;
	int64_t tail_ms, shown = p->packets - p->hidden;

	v->width = on_its_side ? p->height : p->width;
	v->height = on_its_side ? p->width : p->height;
	v->sar_num = on_its_side ? p->sar_den : p->sar_num;
	v->sar_den = on_its_side ? p->sar_num : p->sar_den;
	v->rotation_deg = p->rotation_deg;
	v->interlaced = p->interlaced || one_of(p->field_order, (const char *const[MAX_WORDS]){"tt", "bb", "tb", "bt"});
	v->frames = p->packets;
	v->max_frame_bytes = p->max_frame_bytes;
	v->keys = p->keys;
	v->open_keys = p->flagged > p->keys ? p->flagged - p->keys : 0;
	v->duration_ms = p->shown.last_ms - p->shown.first_ms - skipped_ms;
	if (v->duration_ms > 0)
		v->fps = (double)(shown - 1) * 1000 / (double)v->duration_ms;
	if (shown > 1) /* the last frame lasts too */
		v->duration_ms += v->duration_ms / (shown - 1);
	/* The cut-off interval at the end counts when it is the longest already. */
	tail_ms = p->keys ? p->shown.last_ms - p->last_key_ms : v->duration_ms;
	v->max_key_interval_ms = p->max_key_ms > tail_ms ? p->max_key_ms : tail_ms;
	v->min_key_interval_ms = p->keys > 1 ? p->min_key_ms : v->max_key_interval_ms;
	v->last_key_ms = p->keys ? p->last_key_ms - p->shown.first_ms : 0;
}

static int64_t longer(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* All streams of a loop are moved by the same time at each turn, so that they cannot drift. It must be long enough for
 * each one's pts and dts; what is not shown is not sent when the film is encoded. */
static int64_t turn(const struct media_verdict *v, const struct media_stream_facts *p,
		    const struct media_stream_facts *a)
{
	const struct media_span *picture = v->fits || v->how.copy_video ? &p->all : &p->shown;
	int64_t begin_ms = picture->first_ms, end_ms = longer(picture->end_ms, p->shown.first_ms + v->duration_ms);
	int64_t decoding_ms = picture->end_dts_ms - picture->first_dts_ms;

	if (a && a->all.timed) {
		const struct media_span *sound = v->fits ? &a->all : &a->shown;

		begin_ms = sound->first_ms < begin_ms ? sound->first_ms : begin_ms;
		end_ms = longer(end_ms, sound->end_ms);
		decoding_ms = longer(decoding_ms, sound->end_dts_ms - sound->first_dts_ms);
	}
	return longer(end_ms - begin_ms, decoding_ms);
}

/* How long the container says it is: the picture's own track, else the whole when there is nothing in it but picture
 * and sound. */
static int64_t promise(const struct media_source *s, const struct media_stream_facts *p)
{
	if (p->promised_ms)
		return p->promised_ms;
	return s->others ? 0 : s->promised_ms;
}

static void measure(struct media_verdict *v, const struct media_source *s, const struct media_stream_facts *p,
		    const struct media_stream_facts *a, bool film)
{
	int64_t bytes = (p ? p->bytes : 0) + (a ? a->bytes : 0);
	bool forward;

	v->video_codec = codec_name(v, p);
	v->audio_codec = codec_name(v, a);
	v->video_index = media_source_index(s, p);
	v->audio_index = media_source_index(s, a);
	v->sar_num = v->sar_den = 1;
	if (!p)
		return;
	forward = film && jumps_forward(s, p, a);
	v->jumps = film ? p->back_jumps + (forward ? p->forward_jumps : 0) : 0;
	measure_picture(v, p, forward ? p->forward_ms : 0);
	v->promised_ms = v->jumps ? 0 : promise(s, p); /* made of time stamps */
	if (a && a->shown.timed) {
		v->audio_start_ms = a->shown.first_ms - p->shown.first_ms;
		v->audio_end_ms = a->shown.end_ms - p->shown.first_ms - (forward ? a->forward_ms : 0);
	}
	if (v->duration_ms > 0)
		v->bitrate_bps = (int64_t)((double)bytes * 8000 / (double)v->duration_ms);
}

static char *jumps(const struct media_verdict *v)
{
	return v->jumps == 1 ? mem_strdup(v, "its clock jumps once")
			     : mem_printf(v, "its clock jumps %" PRId64 " times", v->jumps);
}

/* --- rules; each returns the reason, or NULL --- */

/* Nothing would help. */
static char *find_refusal(const struct media_verdict *v, const struct media_source *s,
			  const struct media_stream_facts *p, bool film)
{
	if (!p && v->audio_codec[0])
		return mem_printf(v, "the source has no video, only sound (%s)", v->audio_codec);
	if (!p)
		return mem_strdup(v, "the source has no video");
	if (strncmp(v->video_codec, "unknown", 7) == 0)
		return mem_printf(v, "video is %s, which ffmpeg here cannot decode", v->video_codec);
	if (!p->packets)
		return mem_printf(v, "the source has no video: a track of %s without pictures", v->video_codec);
	if (p->shown.timed && !p->keys && !v->open_keys && strcmp(v->video_codec, "h264") == 0)
		return mem_printf(v, "no key frame in %" PRId64 " ms", v->duration_ms);
	if (v->jumps && !clock_can_be_mended(s))
		return mem_printf(
			v,
			"%s, which can be mended in MPEG-TS only: put it there first, ffmpeg -i FILM -c copy FILM.ts",
			jumps(v));
	if (film && p->forward_jumps && !v->jumps)
		return mem_printf(
			v,
			"a picture is held for %" PRId64
			" ms, the limit is %d ms: write it anew with all pictures first, ffmpeg -i FILM -fps_mode cfr NEW.mp4",
			p->max_step_ms, MEDIA_FORWARD_MS);
	return NULL;
}

/* A picture that players cannot decode, or would show wrong. */
static char *find_picture_fault(const struct media_verdict *v, const struct media_stream_facts *p)
{
	static const char *const profiles[MAX_WORDS] = {"",     "unknown", "Baseline",         "Constrained Baseline",
							"Main", "High",    "Progressive High", "Constrained High"};
	static const char *const formats[MAX_WORDS] = {"", "unknown", "yuv420p", "yuvj420p"};

	if (strcmp(v->video_codec, "h264") != 0)
		return mem_printf(v, "video is %s, HLS here stores h264", v->video_codec);
	if (!one_of(p->profile, profiles))
		return mem_printf(v, "video is H.264 of profile %s, players have up to High", p->profile);
	if (!one_of(p->pix_fmt, formats))
		return mem_printf(v, "pixels are %s, players have yuv420p", p->pix_fmt);
	if (v->interlaced)
		return mem_strdup(v, "the picture is interlaced, players show progressive ones");
	if (v->rotation_deg == 360)
		return mem_strdup(v, "players mirror or turn the picture, a stream cannot say so");
	if (v->rotation_deg)
		return mem_printf(v, "players turn the picture by %d degrees, a stream cannot say so", v->rotation_deg);
	if (p->cropped)
		return mem_strdup(v, "players cut the picture's edges off, a stream cannot say so");
	if (p->hidden > MOST_HIDDEN)
		return mem_printf(v, "%" PRId64 " pictures are there and not to be shown (an edit list)", p->hidden);
	if (v->width % 2 || v->height % 2)
		return mem_printf(v, "the picture has an odd size, %dx%d", v->width, v->height);
	if (v->fps > MAX_FPS + 0.5)
		return mem_printf(v, "there are %.0f pictures a second, the limit is %d", v->fps, MAX_FPS);
	if (v->max_frame_bytes >= FRAME_LIMIT_BYTES)
		return mem_printf(v, "a frame has %" PRId64 " bytes, the limit is %" PRId64, v->max_frame_bytes,
				  FRAME_LIMIT_BYTES);
	if (p->sets_change)
		return mem_strdup(v, "the picture's size or coding changes on the way, a stream keeps to one");
	return NULL;
}

/* A segment begins at the first key frame of a fragment, so where key frames are nearly a fragment apart, now and then
 * two intervals are one segment. The longest there can be: */
static int64_t longest_segment_ms(const struct media_verdict *v, int64_t fragment_ms)
{
	int64_t intervals = (fragment_ms - 1) / v->min_key_interval_ms + 1;
	int64_t longest_ms = intervals * v->max_key_interval_ms, bound_ms = fragment_ms - 1 + v->max_key_interval_ms;

	return longest_ms < bound_ms ? longest_ms : bound_ms;
}

/* Places to cut at. */
static char *find_key_fault(const struct media_verdict *v, const struct media_stream_facts *p, int fragment_s)
{
	int64_t fragment_ms = fragment_s * INT64_C(1000);

	if (v->jumps)
		return jumps(v);
	if (!p->shown.timed || p->untimed)
		return mem_printf(v, "%" PRId64 " of %" PRId64 " pictures have no time stamp", p->untimed, p->packets);
	if (v->open_keys)
		return mem_printf(
			v,
			"%" PRId64 " of %" PRId64
			" key frames are no IDR pictures (open GOP or intra refresh), decoding cannot begin there",
			v->open_keys, p->flagged);
	if (!p->keys)
		return mem_printf(v, "no key frame in %" PRId64 " ms", v->duration_ms);
	if (v->max_key_interval_ms > fragment_ms)
		return mem_printf(v, "key frames are up to %" PRId64 " ms apart, the limit is a fragment of %d ms",
				  v->max_key_interval_ms, (int)fragment_ms);
	if (v->min_key_interval_ms <= 0 && p->keys > 1)
		return mem_strdup(v, "time stamps of key frames do not rise");
	if ((v->max_key_interval_ms - v->min_key_interval_ms) * 10 > v->max_key_interval_ms)
		return mem_printf(v, "key frames are irregular: %" PRId64 " to %" PRId64 " ms apart, 10 %% may differ",
				  v->min_key_interval_ms, v->max_key_interval_ms);
	if (p->keys > 1 && longest_segment_ms(v, fragment_ms) > hls_longest_ms(hls_target_s(fragment_s)))
		return mem_printf(v,
				  "key frames are %" PRId64
				  " ms apart: with fragments of %d ms a segment would last up to %" PRId64
				  " ms, the limit is %" PRId64,
				  v->max_key_interval_ms, (int)fragment_ms, longest_segment_ms(v, fragment_ms),
				  hls_longest_ms(hls_target_s(fragment_s)));
	if (!p->first_is_key)
		return mem_strdup(v, "it does not begin with a key frame");
	return NULL;
}

/* One damaged key frame is missing among even ones, or at the begin. */
static bool could_be_damage(const struct media_verdict *v, const struct media_stream_facts *p)
{
	bool differ = v->max_key_interval_ms * 10 > v->min_key_interval_ms * 11;

	return !p->first_is_key || (differ && v->max_key_interval_ms * 10 <= v->min_key_interval_ms * 21);
}

static char *find_sound_fault(const struct media_verdict *v, const struct media_stream_facts *a, bool film)
{
	static const char *const profiles[MAX_WORDS] = {"", "unknown", "LC", "HE-AAC", "HE-AACv2"};

	if (!a)
		return NULL;
	if (strcmp(v->audio_codec, "aac") != 0)
		return mem_printf(v, "audio is %s, HLS here stores aac", v->audio_codec);
	if (!one_of(a->profile, profiles))
		return mem_printf(v, "audio is AAC of profile %s, players have LC and HE", a->profile);
	/* A film can be given silence at its beginning; of a live stream nobody knows beforehand. */
	if (film && v->audio_start_ms > MEDIA_LATE_SOUND_MS)
		return mem_printf(v, "sound begins %" PRId64 " ms after the picture, the limit is %d ms",
				  v->audio_start_ms, MEDIA_LATE_SOUND_MS);
	return NULL;
}

void media_verdict_loop(struct media_verdict *v, int fragment_s)
{
	int64_t fragment_ms = fragment_s * INT64_C(1000), tail_ms = v->turn_ms - v->last_key_ms;
	int64_t usual_ms = v->keys > 1 ? v->min_key_interval_ms : tail_ms;

	if (!v->fits || v->turn_ms >= fragment_ms * LONG_TURN)
		return;
	if (tail_ms <= fragment_ms && tail_ms * 10 >= usual_ms * 9 && tail_ms * 10 <= usual_ms * 11)
		return;
	v->fits = false;
	v->reason = mem_printf(v,
			       "looped, its key frames are irregular: %" PRId64 " ms apart, and %" PRId64
			       " ms at the end of each turn",
			       usual_ms, tail_ms);
}

int64_t media_verdict_missing_ms(const struct media_verdict *v)
{
	int64_t missing_ms = v->promised_ms - v->duration_ms;

	return missing_ms > longer(MISSING_LEAST_MS, v->promised_ms / MISSING_PART) ? missing_ms : 0;
}

/* Where a picture is held for longer than half a fragment there is none to begin a segment with: it is repeated, at the
 * rate at which the others come. */
static int filled_fps(const struct media_stream_facts *p, int fragment_s)
{
	int64_t fps = p->moving ? (p->moving * 1000 + p->moving_ms / 2) / p->moving_ms : LEAST_FILLED_FPS;

	if (p->max_step_ms * 2 <= fragment_s * INT64_C(1000))
		return 0;
	if (fps < LEAST_FILLED_FPS)
		return LEAST_FILLED_FPS;
	return fps > MAX_FPS ? MAX_FPS : (int)fps;
}

static struct media_normalise normalising(const struct media_verdict *v, const struct media_stream_facts *p,
					  int fragment_s)
{
	struct media_normalise how = {.bitrate_bps = v->bitrate_bps,
				      .fragment_s = fragment_s,
				      .width = p->cropped ? 0 : v->width / 2 * 2,
				      .height = p->cropped ? 0 : v->height / 2 * 2,
				      .fps = filled_fps(p, fragment_s),
				      .jump_ms = v->jumps ? p->least_jump_ms : 0};

	if (v->fps > MAX_FPS + 0.5)
		how.fps = MAX_FPS;
	return how;
}

struct media_verdict *media_verdict_of(const void *ctx, const struct media_source *s, int fragment_s, bool film)
{
	struct media_verdict *v = mem_new(ctx, struct media_verdict);
	const struct media_stream_facts *p = media_source_picture(s), *a = media_source_sound(s, p);

	measure(v, s, p, a, film);
	v->enough = film || v->keys >= 3 || v->duration_ms >= fragment_s * INT64_C(2000);
	v->reason = find_refusal(v, s, p, film);
	v->refused = v->reason != NULL;
	if (v->reason)
		return v;
	assert(p); /* without a picture it is refused */
	v->how = normalising(v, p, fragment_s);
	v->reason = find_picture_fault(v, p);
	if (!v->reason) {
		v->reason = find_key_fault(v, p, fragment_s);
		v->doubtful = v->reason && could_be_damage(v, p);
	}
	if (!v->reason) {
		v->reason = find_sound_fault(v, a, film);
		v->how.copy_video = v->reason != NULL;
	}
	v->fits = !v->reason;
	v->turn_ms = turn(v, p, a);
	return v;
}
