/* Judging sources: what fits, and each reason why another does not, from texts as ffprobe and ffmpeg print them. */
#include "media/probe.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"

/* A made-up source at 25 pictures a second; zero: as a plain film has it. */
struct source {
	const char *video, *audio; /* codecs; NULL: none */
	int frames, gop;
	int odd_gop;      /* from the middle on key frames come at this interval instead; 0: never */
	int big_frame;    /* bytes of the 30th frame */
	int first_key_at; /* frame number */
	int frame_ms;     /* 0: 40 */
	int width;        /* 0: 640 */
	int idr;          /* 1: all key frames are IDR, -1: only the first; 0: not told */
	int hidden;       /* pictures at the begin that are not shown */
	int untimed;      /* pictures at the begin that have no pts */
	int late_ms;      /* sound begins so much later */
	const char *more; /* further members of the picture's stream */
	const char *sound_more;
	const char *after; /* further members of the document */
};

#define add(text, ...) ((text) = talloc_asprintf_append_buffer((text), __VA_ARGS__))

static char *add_picture(char *text, const struct source *s, int i)
{
	int half = s->frames / 2, ms = i * (s->frame_ms ? s->frame_ms : 40);
	bool late = s->odd_gop && i >= half;
	int since = late ? i - half : i - s->first_key_at;
	bool key = since >= 0 && since % (late ? s->odd_gop : s->gop) == 0;

	add(text, "%s{\"stream_index\":0,", i ? "," : "");
	if (i >= s->untimed)
		add(text, "\"pts_time\":\"%d.%03d000\",", ms / 1000, ms % 1000);
	if (s->idr)
		add(text, "\"idr\":%d,", key && (s->idr > 0 || since == 0));
	add(text, "\"dts_time\":\"%d.%03d000\",\"size\":\"%d\",\"flags\":\"%s%s\"}", ms / 1000, ms % 1000,
	    i == 29 && s->big_frame ? s->big_frame : 1000, key ? "K" : "_", i < s->hidden ? "D" : "_");
	return text;
}

static char *document(const struct source *s)
{
	char *text = mem_strdup(NULL, "{\"packets\":[");

	for (int i = 0; i < s->frames; i++) {
		int ms = i * 40 + s->late_ms;

		if (s->video)
			text = add_picture(text, s, i);
		if (s->audio)
			add(text,
			    "%s{\"stream_index\":1,\"pts_time\":\"%d.%03d\",\"size\":\"100\",\"flags\":\"K_\",\"side_"
			    "data_list\":[{}]}",
			    s->video || i ? "," : "", ms / 1000, ms % 1000);
	}
	add(text, "],\"programs\":[],\"streams\":[");
	if (s->video)
		add(text,
		    "{\"index\":0,\"codec_name\":\"%s\",\"codec_type\":\"video\",\"width\":%d,\"height\":360%s%s}",
		    s->video, s->width ? s->width : 640, s->more ? "," : "", s->more ? s->more : "");
	if (s->audio)
		add(text, "%s{\"index\":1,\"codec_name\":\"%s\",\"codec_type\":\"audio\"%s%s}", s->video ? "," : "",
		    s->audio, s->sound_more ? "," : "", s->sound_more ? s->sound_more : "");
	return add(text, "]%s%s}\n", s->after ? "," : "", s->after ? s->after : "");
}

static struct media_verdict *judge_text(const char *text, int fragment_s)
{
	struct media_verdict *v = NULL;
	struct error *e = media_probe_judge(NULL, text, strlen(text), fragment_s, &v);

	if (e)
		fail_msg("%s", e->message);
	return v;
}

static struct media_verdict *judge(const struct source *s, int fragment_s)
{
	char *text = document(s);
	struct media_verdict *v = judge_text(text, fragment_s);

	mem_free(text);
	return v;
}

#define PLAIN .video = "h264", .audio = "aac", .frames = 500, .gop = 50

static void fits(void **state)
{
	struct media_verdict *v = judge(&(struct source){PLAIN, .big_frame = 1048575}, 5);

	(void)state;
	assert_true(v->fits);
	assert_false(v->refused);
	assert_true(v->enough);
	assert_null(v->reason);
	assert_string_equal(v->video_codec, "h264");
	assert_string_equal(v->audio_codec, "aac");
	assert_int_equal(v->video_index, 0);
	assert_int_equal(v->audio_index, 1);
	assert_int_equal(v->width, 640);
	assert_int_equal(v->height, 360);
	assert_int_equal(v->sar_num, 1);
	assert_int_equal(v->duration_ms, 20000);
	assert_int_equal(v->turn_ms, 20000);
	assert_int_equal(v->keys, 10);
	assert_int_equal(v->max_key_interval_ms, 2000);
	assert_int_equal(v->min_key_interval_ms, 2000);
	assert_int_equal(v->max_frame_bytes, 1048575);
	assert_true(fabs(v->fps - 25) < 0.01);
	assert_in_range(v->bitrate_bps, 630000, 650000);
	mem_free(v);
}

/* Sources that differ from the plain one and fit all the same. */
static void fit_too(void **state)
{
	static const struct source rows[] = {
		{.video = "h264", .frames = 100, .gop = 125}, /* shorter than a fragment: one key frame will do */
		{PLAIN, .odd_gop = 48},                       /* within 10 % */
		{.video = "h264", .audio = "aac", .frames = 500, .gop = 125}, /* exactly one in each fragment */
		{.video = "h264", .audio = "aac", .frames = 500, .gop = 106}, /* two are as long as may be */
		{.video = "h264", .audio = "aac", .frames = 500, .gop = 63, .odd_gop = 62}, /* half a fragment, about */
		{PLAIN, .idr = 1},
		{PLAIN, .hidden = 2},
		{PLAIN, .frame_ms = 17},  /* 58.8 a second */
		{PLAIN, .late_ms = 5000}, /* a live stream's sound may come when it comes */
		{PLAIN, .more = "\"profile\":\"High\",\"pix_fmt\":\"yuvj420p\",\"field_order\":\"progressive\""},
		{PLAIN, .more = "\"sample_aspect_ratio\":\"64:45\""},
		{PLAIN, .more = "\"side_data_list\":[{\"rotation\":0,\"displaymatrix\":\"\\n00000000: 65536 0 "
				"0\\n00000001: 0 65536 "
				"0\\n00000002: 0 0 1073741824\\n\"}]"},
		{PLAIN, .sound_more = "\"profile\":\"HE-AAC\",\"channels\":6"},
		{PLAIN,
		 .after = "\"frames\":[{\"stream_index\":0,\"interlaced_frame\":0}],\"something\":{\"new\":[1,2]}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct media_verdict *v = judge(&rows[i], 5);

		if (!v->fits || v->reason || v->refused)
			fail_msg("row %zu: %s", i, v->reason ? v->reason : "?");
		mem_free(v);
	}
}

static void reasons(void **state)
{
	static const struct {
		struct source source;
		const char *reason;
	} rows[] = {
		{{.video = "hevc", .audio = "aac", .frames = 100, .gop = 50}, "video is hevc"},
		{{.video = "h264", .audio = "opus", .frames = 100, .gop = 50}, "audio is opus"},
		{{PLAIN, .more = "\"profile\":\"High 10\",\"pix_fmt\":\"yuv420p10le\""}, "H.264 of profile High 10"},
		{{PLAIN, .more = "\"pix_fmt\":\"yuv422p\""}, "pixels are yuv422p"},
		{{PLAIN, .more = "\"field_order\":\"tt\""}, "interlaced"},
		{{PLAIN, .after = "\"frames\":[{\"stream_index\":0,\"interlaced_frame\":1}]"}, "interlaced"},
		{{PLAIN, .more = "\"side_data_list\":[{\"rotation\":-90}]"}, "turn the picture by 90 degrees"},
		{{PLAIN, .more = "\"side_data_list\":[{\"rotation\":0,\"displaymatrix\":\"\\n00000000: -65536 0 "
				 "0\\n00000001: 0 65536 "
				 "0\\n\"}]"},
		 "mirror"},
		{{PLAIN, .more = "\"side_data_list\":[{\"side_data_type\":\"Frame "
				 "Cropping\",\"crop_top\":0,\"crop_left\":8}]"},
		 "cut the picture's edges"},
		{{PLAIN, .more = "\"pix_fmt\":\"yuv420p\"", .width = 639}, "odd size, 639x360"},
		{{PLAIN, .frame_ms = 8}, "125 pictures a second, the limit is 60"},
		{{PLAIN, .hidden = 3}, "3 pictures are there and not to be shown"},
		{{PLAIN, .untimed = 2}, "2 of 500 pictures have no time stamp"},
		{{PLAIN, .big_frame = 1048576}, "a frame has 1048576 bytes, the limit is 1048576"},
		{{PLAIN, .idr = -1}, "9 of 10 key frames are no IDR"},
		{{.video = "h264", .audio = "aac", .frames = 500, .gop = 126},
		 "up to 5040 ms apart, the limit is a fragment of 5000 ms"},
		{{.video = "h264", .audio = "aac", .frames = 500, .gop = 107},
		 "4280 ms apart: with fragments of 5000 ms a segment would last up to 8560 ms, the limit is 8499"},
		{{.video = "h264", .audio = "aac", .frames = 500, .gop = 124}, "up to 9920 ms, the limit is 8499"},
		{{.video = "h264", .audio = "aac", .frames = 500, .gop = 1000}, "up to 19960 ms apart"},
		{{PLAIN, .first_key_at = 200}, "up to 8000 ms apart"},
		{{PLAIN, .odd_gop = 40}, "irregular: 1600 to 2000 ms"},
		{{PLAIN, .first_key_at = 49}, "does not begin with a key frame"},
		{{PLAIN, .sound_more = "\"profile\":\"Main\""}, "AAC of profile Main"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct media_verdict *v = judge(&rows[i].source, 5);

		if (v->fits || v->refused || !strstr(v->reason, rows[i].reason))
			fail_msg("row %zu: %s, expected %s", i, v->reason ? v->reason : "fits", rows[i].reason);
		mem_free(v);
	}
}

static void refused_sources(void **state)
{
	static const struct {
		struct source source;
		const char *reason;
	} rows[] = {
		{{.audio = "aac", .frames = 10, .gop = 5}, "no video, only sound (aac)"},
		{{.gop = 5}, "no video"},
		{{.video = "h264", .audio = "aac", .gop = 5}, "no video: a track of h264 without pictures"},
		{{.video = "unknown", .frames = 50, .gop = 5, .more = "\"codec_tag_string\":\"hvc1\""},
		 "video is unknown (hvc1), which ffmpeg here cannot decode"},
		{{.video = "h264", .audio = "aac", .frames = 100, .gop = 50, .first_key_at = 1000},
		 "no key frame in 4000 ms"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct media_verdict *v = judge(&rows[i].source, 5);

		if (v->fits || !v->refused || !strstr(v->reason, rows[i].reason))
			fail_msg("row %zu: %s, expected %s", i, v->reason ? v->reason : "fits", rows[i].reason);
		mem_free(v);
	}
}

/* Where one damaged key frame could be the reason. */
static void doubtful(void **state)
{
	static const struct {
		struct source source;
		bool doubtful;
	} rows[] = {
		{{PLAIN}, false},
		{{PLAIN, .odd_gop = 100}, true}, /* 2 s, then 4 s */
		{{PLAIN, .odd_gop = 104}, true},
		{{PLAIN, .odd_gop = 110}, false},
		{{PLAIN, .odd_gop = 20}, false},
		{{PLAIN, .first_key_at = 49}, true},
		{{.video = "h264", .audio = "aac", .frames = 500, .gop = 126}, false},
		{{.video = "h264", .audio = "aac", .frames = 500, .gop = 124}, false},
		{{PLAIN, .more = "\"pix_fmt\":\"yuv422p\"", .odd_gop = 100}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct media_verdict *v = judge(&rows[i].source, 5);

		if (v->doubtful != rows[i].doubtful)
			fail_msg("row %zu: %s", i, v->reason ? v->reason : "fits");
		mem_free(v);
	}
}

static void how_to_mend(void **state)
{
	struct media_verdict *v = judge(&(struct source){PLAIN, .frame_ms = 8}, 5);

	(void)state;
	assert_int_equal(v->how.fps, 60);
	assert_int_equal(v->how.fragment_s, 5);
	assert_int_equal(v->how.bitrate_bps, v->bitrate_bps);
	assert_false(v->how.copy_video);
	mem_free(v);
	v = judge(&(struct source){.video = "h264", .audio = "opus", .frames = 100, .gop = 50}, 5);
	assert_true(v->how.copy_video);
	mem_free(v);
	v = judge(&(struct source){PLAIN,
				   .more = "\"sample_aspect_ratio\":\"64:45\",\"side_data_list\":[{\"rotation\":90}]"},
		  5);
	assert_int_equal(v->rotation_deg, 270);
	assert_int_equal(v->width, 360);
	assert_int_equal(v->height, 640);
	assert_int_equal(v->sar_num, 45);
	assert_int_equal(v->sar_den, 64);
	mem_free(v);
}

/* Three key frames, or two fragments, are needed to see that they are regular. */
static void enough(void **state)
{
	struct media_verdict *v = judge(&(struct source){.video = "h264", .frames = 60, .gop = 50}, 5);

	(void)state;
	assert_false(v->enough);
	mem_free(v);
	v = judge(&(struct source){.video = "h264", .frames = 101, .gop = 50}, 5);
	assert_true(v->enough);
	mem_free(v);
	v = judge(&(struct source){.video = "h264", .frames = 250, .gop = 1000}, 5);
	assert_true(v->enough);
	mem_free(v);
}

static void promises(void **state)
{
	struct media_verdict *v = judge(&(struct source){PLAIN, .after = "\"format\":{\"duration\":\"20.900000\"}"}, 5);

	(void)state;
	assert_int_equal(v->promised_ms, 20900);
	assert_int_equal(media_verdict_missing_ms(v), 0);
	mem_free(v);
	v = judge(&(struct source){PLAIN, .after = "\"format\":{\"duration\":\"30.0\"}"}, 5);
	assert_int_equal(media_verdict_missing_ms(v), 10000);
	mem_free(v);
	v = judge(&(struct source){PLAIN, .after = "\"format\":{\"duration\":\"N/A\"}"}, 5);
	assert_int_equal(v->promised_ms, 0);
	mem_free(v);
	/* The picture's own track goes before the whole, which subtitles may lengthen. */
	v = judge(&(struct source){PLAIN, .more = "\"tags\":{\"DURATION\":\"00:00:20.000000000\"}",
				   .after = "\"format\":{\"duration\":\"40.0\"}"},
		  5);
	assert_int_equal(v->promised_ms, 20000);
	mem_free(v);
}

/* Sound that ends last makes the turn longer; what is not shown only where it is sent. */
static void turns(void **state)
{
	struct media_verdict *v = judge(&(struct source){PLAIN, .late_ms = 300}, 5);

	(void)state;
	assert_int_equal(v->audio_start_ms, 300);
	assert_int_equal(v->turn_ms, 19960 + 300);
	mem_free(v);
	v = judge(&(struct source){.video = "h264", .frames = 100, .gop = 50, .hidden = 10}, 5);
	assert_int_equal(v->duration_ms, 3600);
	assert_int_equal(v->turn_ms, 3600);
	mem_free(v);
}

/* Frames, interval of key frames: at 5 s a fragment. */
static void looped(void **state)
{
	static const struct {
		int frames, gop;
		bool fits;
	} rows[] = {
		{500, 50, true},   /* 10 even intervals */
		{480, 50, false},  /* 1.2 s at the end */
		{150, 50, true},   /* in short */
		{100, 125, true},  /* one key frame a turn */
		{1240, 50, false}, /* 49.6 s */
		{1260, 50, true},  /* 50.4 s: once in ten segments is let pass */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct media_verdict *v =
			judge(&(struct source){.video = "h264", .frames = rows[i].frames, .gop = rows[i].gop}, 5);

		assert_true(v->fits);
		media_verdict_loop(v, 5);
		if (v->fits != rows[i].fits || v->fits == (v->reason != NULL))
			fail_msg("row %zu: %s", i, v->reason ? v->reason : "fits");
		mem_free(v);
	}
}

static const char *stream(void *scope, int index, const char *kind, const char *more)
{
	return mem_printf(scope, "{\"index\":%d,\"codec_type\":\"%s\"%s}", index, kind, more);
}

static void chosen(void **state)
{
	static const char film[] = ",\"codec_name\":\"h264\",\"width\":640,\"height\":360";
	static const char large[] = ",\"codec_name\":\"h264\",\"width\":1280,\"height\":720";
	static const char cover[] = ",\"codec_name\":\"png\",\"width\":3000,\"height\":3000,\"disposition\":{"
				    "\"attached_pic\":1,\"default\":1}";
	static const char main_film[] =
		",\"codec_name\":\"h264\",\"width\":640,\"height\":360,\"disposition\":{\"default\":1}";
	static const char sound[] = ",\"codec_name\":\"aac\"", nameless[] = ",\"codec_tag_string\":\"xyz\"";
	static const char comment[] = ",\"codec_name\":\"aac\",\"disposition\":{\"comment\":1,\"default\":1}";
	static const char main_sound[] = ",\"codec_name\":\"aac\",\"disposition\":{\"default\":1}";
	static const struct {
		const char *kinds; /* v or a, in order of index */
		const char *more[5];
		const char *programs;
		int video, audio;
	} rows[] = {
		{"vva", {cover, film, sound}, "", 1, 2},
		{"vva", {film, large, sound}, "", 1, 2},
		{"vva", {large, main_film, sound}, "", 1, 2},
		{"vaa", {film, comment, sound}, "", 0, 2},
		{"vaa", {film, sound, main_sound}, "", 0, 2},
		{"vaa", {film, nameless, sound}, "", 0, 2},
		{"avav",
		 {sound, film, sound, large},
		 "{\"streams\":[{\"index\":0},{\"index\":1}]},{\"streams\":[{\"index\":2},{\"index\":3}]}",
		 3,
		 2},
		{"av", {sound, cover}, "", -1, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *scope = mem_new(NULL, char);
		char *packets = mem_strdup(scope, ""), *streams = mem_strdup(scope, ""), *text;
		struct media_verdict *v;

		for (int n = 0; rows[i].kinds[n]; n++) {
			add(packets, "%s{\"stream_index\":%d,\"pts_time\":\"0\",\"size\":\"9\",\"flags\":\"K_\"}",
			    n ? "," : "", n);
			add(streams, "%s%s", n ? "," : "",
			    stream(scope, n, rows[i].kinds[n] == 'v' ? "video" : "audio", rows[i].more[n]));
		}
		text = mem_printf(scope, "{\"packets\":[%s],\"programs\":[%s],\"streams\":[%s]}", packets,
				  rows[i].programs, streams);
		v = judge_text(text, 5);
		if (v->video_index != rows[i].video || v->audio_index != rows[i].audio)
			fail_msg("row %zu: %d and %d", i, v->video_index, v->audio_index);
		mem_free(v);
		mem_free(scope);
	}
}

static void backwards(void **state)
{
	struct media_verdict *v =
		judge_text("{\"packets\":[{\"stream_index\":0,\"pts_time\":\"4.0\",\"size\":\"9\",\"flags\":\"K_\"},"
			   "{\"stream_index\":0,\"pts_time\":\"2.0\",\"size\":\"9\",\"flags\":\"K_\"},"
			   "{\"stream_index\":0,\"pts_time\":2.5,\"size\":-4,\"flags\":\"_\"}],"
			   "\"streams\":[{\"index\":0,\"codec_name\":\"h264\",\"codec_type\":\"video\",\"width\":2,"
			   "\"height\":\"x\"}]}",
			   5);

	(void)state;
	assert_false(v->fits);
	assert_non_null(strstr(v->reason, "do not rise"));
	mem_free(v);
}

static void refused(const char *text, enum error_code code, const char *why)
{
	struct media_verdict *v = NULL;
	struct error *e = media_probe_judge(NULL, text, strlen(text), 5, &v);

	if (!e || e->code != code || !strstr(e->message, why))
		fail_msg("%s: %s, expected %s", text, e ? e->message : "accepted", why);
	assert_null(v);
	error_free(e);
}

static void refusals(void **state)
{
	char *wide = mem_array(NULL, char, 70000), *text;

	(void)state;
	refused("", ERROR_INVALID, "byte 0: it is no JSON object");
	refused("packet,stream_index=0\n", ERROR_INVALID, "byte 0: it is no JSON object");
	refused("{\"packets\":[{\"stream_index\":0},", ERROR_INVALID, "a value is missing");
	refused("{\"packets\":[{\"stream_index\":0}", ERROR_INVALID, "an array does not end");
	refused("{\"packets\":[{\"stream_index\"", ERROR_INVALID, "it ends in the middle");
	refused("{\"packets\":[{\"stream_ind", ERROR_INVALID, "a string does not end");
	refused("{\"packets\":\"a\\\"", ERROR_INVALID, "a string does not end");
	refused("{\"packets\":[]", ERROR_INVALID, "the object does not end");
	refused("{\"packets\"[]}", ERROR_INVALID, "':' is missing");
	refused("{1:2}", ERROR_INVALID, "a member's name is missing");
	refused("{} {}", ERROR_INVALID, "something follows the object");
	refused("{\"packets\":[{\"pts_time\":\"1\"}]}", ERROR_INVALID, "there is no stream_index");
	refused("{\"packets\":[{\"stream_index\":-1}]}", ERROR_INVALID, "there is no stream_index");
	refused("{\"packets\":[{\"stream_index\":\"0\"}]}", ERROR_INVALID, "there is no stream_index");
	refused("{\"packets\":[7]}", ERROR_INVALID, "there is no stream_index");
	refused("{\"streams\":[{}]}", ERROR_INVALID, "there is no index");
	refused("{\"streams\":[{\"index\":32}]}", ERROR_LIMIT, "more than 32 streams");
	refused("{\"programs\":[{\"streams\":[{\"index\":99}]}]}", ERROR_LIMIT, "more than 32 streams");
	refused("{\"packets\":[{\"stream_index\":0,\"stream_index\":1}]}", ERROR_INVALID, "duplicate object key");
	memset(wide, 'x', 69999);
	text = mem_printf(NULL, "{\"packets\":[{\"stream_index\":0,\"flags\":\"%s\"}]}", wide);
	refused(text, ERROR_LIMIT, "65536");
	mem_free(text);
	mem_free(wide);
}

/* What ffprobe 5.1 printed of real files. */
static void recorded(void **state)
{
	static const struct {
		const char *file;
		bool fits;
		const char *reason;
		int width, height;
	} rows[] = {
		{"phone-upright.json", false, "turn the picture by 90 degrees", 180, 320},
		{"broadcast-ts.json", false, "video is mpeg2video", 320, 180},
		{"anamorphic-mp4.json", true, NULL, 320, 180},
		{"high10-mkv.json", false, "profile High 10", 320, 180},
		{"live-mkv.json", true, NULL, 320, 180},
		{"fields-mp4.json", false, "interlaced", 320, 180},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *path = mem_printf(NULL, "%s/tests/data/probe/%s", TEST_SOURCE_DIR, rows[i].file), *text = NULL;
		struct media_verdict *v;

		assert_null(file_read(path, path, 1 << 20, &text, NULL));
		v = judge_text(text, 5);
		if (v->fits != rows[i].fits || (rows[i].reason && !strstr(v->reason, rows[i].reason)))
			fail_msg("%s: %s", rows[i].file, v->reason ? v->reason : "fits");
		assert_int_equal(v->width, rows[i].width);
		assert_int_equal(v->height, rows[i].height);
		mem_free(v);
		mem_free(path);
	}
}

static void files(void **state)
{
	struct media_verdict *v = NULL;
	struct error *e = media_probe_file(NULL, "ffmpeg", "ffprobe", "/nonexistent/film.mp4", 0, 5, &v);

	(void)state;
	assert_non_null(e);
	assert_non_null(strstr(e->message, "/nonexistent/film.mp4"));
	error_free(e);
	e = media_probe_file(NULL, "ffmpeg", "/nonexistent/ffprobe", "x", 0, 5, &v);
	assert_non_null(e);
	error_free(e);
	assert_null(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fits),     cmocka_unit_test(fit_too),
		cmocka_unit_test(reasons),  cmocka_unit_test(refused_sources),
		cmocka_unit_test(doubtful), cmocka_unit_test(how_to_mend),
		cmocka_unit_test(enough),   cmocka_unit_test(promises),
		cmocka_unit_test(turns),    cmocka_unit_test(looped),
		cmocka_unit_test(chosen),   cmocka_unit_test(backwards),
		cmocka_unit_test(refusals), cmocka_unit_test(recorded),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
