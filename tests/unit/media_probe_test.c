/* Judging sources from ffprobe's packet list: one source that fits, and each reason why another does not. */
#include "media/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

struct source {
	const char *video, *audio; /* NULL: none */
	int frames, gop;
	int odd_gop;      /* from here key frames come at this interval instead; 0: never */
	int big_frame;    /* bytes of the 30th frame */
	int first_key_at; /* frame number */
};

static char *list(const struct source *s)
{
	char *text = mem_strdup(NULL, "");

	for (int i = 0; i < s->frames; i++) {
		int gop = s->odd_gop && i >= s->frames / 2 ? s->odd_gop : s->gop;
		int since = s->odd_gop && i >= s->frames / 2 ? i - s->frames / 2 : i - s->first_key_at;
		bool key = since >= 0 && since % gop == 0;

		text = talloc_asprintf_append_buffer(
			text, "packet,stream_index=0,pts_time=%d.%03d000,size=%d,flags=%s_\n", i * 40 / 1000,
			i * 40 % 1000, i == 29 && s->big_frame ? s->big_frame : 1000, key ? "K" : "_");
		if (s->audio)
			text = talloc_asprintf_append_buffer(
				text, "packet,stream_index=1,pts_time=%d.%03d000,size=100,flags=K_,side_data,\n",
				i * 40 / 1000, i * 40 % 1000);
	}
	if (s->video)
		text = talloc_asprintf_append_buffer(
			text, "stream,index=0,codec_name=%s,codec_type=video,width=640,height=360\n", s->video);
	if (s->audio)
		text = talloc_asprintf_append_buffer(text, "stream,index=1,codec_name=%s,codec_type=audio\n", s->audio);
	return text;
}

static struct media_verdict *judge(const struct source *s, int fragment_s)
{
	char *text = list(s);
	struct media_verdict *v = NULL;
	struct error *e = media_probe_judge(NULL, text, strlen(text), fragment_s, &v);

	if (e)
		fail_msg("%s", e->message);
	mem_free(text);
	return v;
}

static void fits(void **state)
{
	struct media_verdict *v = judge(
		&(struct source){.video = "h264", .audio = "aac", .frames = 500, .gop = 50, .big_frame = 1048575}, 5);

	(void)state;
	assert_true(v->fits);
	assert_null(v->reason);
	assert_string_equal(v->video_codec, "h264");
	assert_string_equal(v->audio_codec, "aac");
	assert_int_equal(v->width, 640);
	assert_int_equal(v->height, 360);
	assert_int_equal(v->duration_ms, 20000);
	assert_int_equal(v->max_key_interval_ms, 2000);
	assert_int_equal(v->min_key_interval_ms, 2000);
	assert_int_equal(v->max_frame_bytes, 1048575);
	assert_in_range(v->bitrate_bps, 630000, 650000);
	mem_free(v);
	v = judge(&(struct source){.video = "h264", .frames = 100, .gop = 125},
		  5); /* shorter than a fragment: one key frame will do */
	assert_true(v->fits);
	assert_string_equal(v->audio_codec, "");
	mem_free(v);
	v = judge(&(struct source){.video = "h264", .audio = "aac", .frames = 500, .gop = 125},
		  5); /* exactly one in each fragment */
	assert_true(v->fits);
	mem_free(v);
	v = judge(&(struct source){.video = "h264", .audio = "aac", .frames = 500, .gop = 50, .odd_gop = 48},
		  5); /* within 10 % */
	assert_true(v->fits);
	mem_free(v);
}

static void reasons(void **state)
{
	static const struct {
		struct source source;
		const char *reason;
	} rows[] = {
		{{.audio = "aac", .frames = 10, .gop = 5}, "no video"},
		{{.video = "h264", .audio = "aac", .frames = 0, .gop = 5}, "no video"},
		{{.video = "hevc", .audio = "aac", .frames = 100, .gop = 50}, "video is hevc"},
		{{.video = "h264", .audio = "opus", .frames = 100, .gop = 50}, "audio is opus"},
		{{.video = "h264", .audio = "aac", .frames = 100, .gop = 50, .big_frame = 1048576},
		 "a frame has 1048576 bytes, the limit is 1048576"},
		{{.video = "h264", .audio = "aac", .frames = 100, .gop = 50, .first_key_at = 1000},
		 "no key frame in 4000 ms"},
		{{.video = "h264", .audio = "aac", .frames = 500, .gop = 126},
		 "up to 5040 ms apart, the limit is a fragment of 5000 ms"},
		{{.video = "h264", .audio = "aac", .frames = 500, .gop = 1000}, "up to 19960 ms apart"},
		{{.video = "h264", .audio = "aac", .frames = 500, .gop = 50, .first_key_at = 200},
		 "up to 8000 ms apart"},
		{{.video = "h264", .audio = "aac", .frames = 500, .gop = 50, .odd_gop = 40},
		 "irregular: 1600 to 2000 ms"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct media_verdict *v = judge(&rows[i].source, 5);

		if (v->fits || !strstr(v->reason, rows[i].reason))
			fail_msg("row %zu: %s, expected %s", i, v->reason ? v->reason : "fits", rows[i].reason);
		mem_free(v);
	}
}

static void backwards(void **state)
{
	static const char text[] = "packet,stream_index=0,pts_time=4.000000,size=9,flags=K_\n"
				   "packet,stream_index=0,pts_time=2.000000,size=9,flags=K_\n"
				   "packet,stream_index=0,pts_time=N/A,size=9,flags=K_\n"
				   "packet,stream_index=0,pts_time=1e999,size=-4,flags=K_\n"
				   "stream,index=0,codec_name=h264,codec_type=video,width=1,height=x\n";
	struct media_verdict *v;
	struct error *e = media_probe_judge(NULL, text, strlen(text), 5, &v);

	(void)state;
	assert_null(e);
	assert_false(v->fits);
	assert_non_null(strstr(v->reason, "do not rise"));
	mem_free(v);
}

static void refused(const char *text, size_t len, enum error_code code, const char *why)
{
	struct media_verdict *v = NULL;
	struct error *e = media_probe_judge(NULL, text, len, 5, &v);

	if (!e || e->code != code || !strstr(e->message, why))
		fail_msg("%s, expected %s", e ? e->message : "accepted", why);
	assert_null(v);
	error_free(e);
}

static void refusals(void **state)
{
	char wide[2000];

	(void)state;
	refused("packet,pts_time=1\n", 18, ERROR_INVALID, "line 1: there is no stream index");
	refused("\npacket,stream_index=-1\n", 24, ERROR_INVALID, "line 2: there is no stream index");
	refused("stream,index=\n", 14, ERROR_INVALID, "line 1: there is no stream index");
	refused("stream,index=32\n", 16, ERROR_LIMIT, "more than 32 streams");
	refused("stream,index=99999999999999999999\n", 34, ERROR_LIMIT, "more than 32 streams");
	memset(wide, 'x', sizeof(wide));
	refused(wide, sizeof(wide), ERROR_INVALID, "line 1 is longer");
}

static void files(void **state)
{
	struct media_verdict *v = NULL;
	struct error *e = media_probe_file(NULL, "ffprobe", "/nonexistent/film.mp4", 0, 5, &v);

	(void)state;
	assert_non_null(e);
	assert_non_null(strstr(e->message, "/nonexistent/film.mp4"));
	error_free(e);
	e = media_probe_file(NULL, "/nonexistent/ffprobe", "x", 0, 5, &v);
	assert_non_null(e);
	error_free(e);
	assert_null(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fits),     cmocka_unit_test(reasons), cmocka_unit_test(backwards),
		cmocka_unit_test(refusals), cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
