/* Films whose time stamps are not even: clocks that jump, pictures that are held, and settings that change on the way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "media/source.h"
#include "media/verdict.h"

#define FRAGMENT_S 2
#define STEP_MS 40
#define GOP 50

/* Two pieces of 100 pictures (and as much sound), the second so much later than where the first ends. */
struct film {
	const char *format;
	bool sound;
	int picture_ms, sound_ms;
	int promised_s;
};

static char *packet(char *text, int stream, int ms, bool key)
{
	return talloc_asprintf_append_buffer(
		text,
		"%s{\"stream_index\":%d,\"pts_time\":\"%.3f\",\"dts_time\":\"%.3f\",\"duration_time\":\"0.040\","
		"\"size\":\"500\",\"flags\":\"%s\"}",
		text[strlen(text) - 1] == '[' ? "" : ",", stream, ms / 1000.0, ms / 1000.0, key ? "K_" : "__");
}

static struct media_source *source_of(const struct film *f)
{
	struct media_source *s = mem_new(NULL, struct media_source);
	char *text = mem_strdup(s, "{\"packets\":[");
	struct error *e;

	for (int i = 0; i < 200; i++) {
		bool second = i >= 100;

		text = packet(text, 0, 100000 + i * STEP_MS + (second ? f->picture_ms : 0), i % GOP == 0);
		if (f->sound)
			text = packet(text, 1, 100000 + i * STEP_MS + (second ? f->sound_ms : 0), true);
	}
	text = talloc_asprintf_append_buffer(text,
					     "],\"streams\":[{\"index\":0,\"codec_name\":\"h264\",\"codec_type\":"
					     "\"video\",\"width\":641,\"height\":360},"
					     "{\"index\":1,\"codec_name\":\"aac\",\"codec_type\":\"%s\"}],\"format\":{"
					     "\"format_name\":\"%s\",\"duration\":\"%d\"}}",
					     f->sound ? "audio" : "data", f->format, f->promised_s ? f->promised_s : 8);
	e = media_source_read(s, text, strlen(text));
	if (e)
		fail_msg("%s", e->message);
	return s;
}

static struct media_verdict *judge(const struct film *f)
{
	struct media_source *s = source_of(f);
	struct media_verdict *v = media_verdict_of(NULL, s, FRAGMENT_S, true);

	mem_free(s);
	return v;
}

static void jumps_are_taken_out(void **state)
{
	static const struct {
		struct film film;
		int least_ms;
	} rows[] = {
		{{"mpegts", true, 500000, 500000, 508}, 500040},
		{{"mpegts", false, 500000, 0, 508}, 500040},
		{{"mpegts", true, -4000, -4000, 4}, 3960},
		{{"ogg", true, -4000, 0, 4}, 3960},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct media_verdict *v = judge(&rows[i].film);

		assert_false(v->refused);
		assert_false(v->fits);
		assert_int_equal(v->jumps, 1);
		assert_int_equal(v->duration_ms, 8000);
		assert_int_equal(v->promised_ms, 0);
		assert_int_equal(v->how.jump_ms, rows[i].least_ms);
		assert_in_range((int)(v->fps * 10), 249, 251);
		mem_free(v);
	}
}

static void jumps_that_nobody_can_mend(void **state)
{
	struct media_verdict *v = judge(&(struct film){"matroska,webm", true, 500000, 500000, 508});

	(void)state;
	assert_true(v->refused);
	assert_string_equal(v->reason, "its clock jumps once, which can be mended in MPEG-TS only: put it there first, "
				       "ffmpeg -i FILM -c copy FILM.ts");
	mem_free(v);
}

/* The limits of what is a jump: 500 ms back, 10 s forward. */
static void small_steps_are_none(void **state)
{
	static const struct {
		int picture_ms;
		bool jumps;
	} rows[] = {{-540, false}, {-541, true}, {9960, false}, {9961, true}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct media_verdict *v =
			judge(&(struct film){"mpegts", true, rows[i].picture_ms, rows[i].picture_ms, 0});

		assert_int_equal(v->jumps, rows[i].jumps ? 1 : 0);
		mem_free(v);
	}
}

static void held_pictures_are_repeated(void **state)
{
	struct media_verdict *v = judge(&(struct film){"mov,mp4,m4a,3gp,3g2,mj2", true, 3000, 0, 11});

	(void)state;
	assert_false(v->fits || v->refused);
	assert_int_equal(v->jumps, 0);
	assert_int_equal(v->how.fps, 25);
	assert_int_equal(v->how.width, 640);
	assert_int_equal(v->how.height, 360);
	mem_free(v);
	v = judge(&(struct film){"mov,mp4,m4a,3gp,3g2,mj2", true, 960, 0, 9});
	assert_int_equal(v->how.fps, 0);
	mem_free(v);
	v = judge(&(struct film){"mov,mp4,m4a,3gp,3g2,mj2", true, 20000, 0, 28});
	assert_true(v->refused);
	assert_non_null(strstr(v->reason, "a picture is held for 20040 ms, the limit is 10000 ms"));
	mem_free(v);
}

static const char *judge_nal(const char *list, struct media_verdict **ret)
{
	struct media_source *s = source_of(&(struct film){"mpegts", true, 0, 0, 0});
	struct error *e;

	s->streams[0].width = 640;
	e = media_source_read_nal(s, 0, list, strlen(list));
	if (e)
		fail_msg("%s", e->message);
	*ret = media_verdict_of(NULL, s, FRAGMENT_S, true);
	mem_free(s);
	return (*ret)->reason ? (*ret)->reason : "";
}

#define IDR                                                                                         \
	"#tb 0: 1/1000\n#tb 1: 1/1000\n"                                                            \
	"0, 100000, 100000, 40, 500, 0x1\n0, 102000, 102000, 40, 500, 0x2\n0, 104000, 104000, 40, " \
	"500, 0x3\n0, 106000, 106000, 40, 500, 0x4\n"

static void settings_that_change(void **state)
{
	struct media_verdict *v = NULL;

	(void)state;
	assert_string_equal(judge_nal(IDR "1, 100000, 100000, 40, 30, 0xaa\n1, 102000, 102000, 40, 30, 0xaa\n", &v),
			    "");
	assert_int_equal(v->keys, 4);
	mem_free(v);
	assert_non_null(strstr(judge_nal(IDR "1, 100000, 100000, 40, 30, 0xaa\n1, 102000, 102000, 40, 30, 0xab\n", &v),
			       "size or coding changes on the way"));
	mem_free(v);
	assert_non_null(strstr(judge_nal(IDR "1, 100000, 100000, 40, 30, 0xaa\n1, 102000, 102000, 40, 31, 0xaa\n", &v),
			       "size or coding changes on the way"));
	mem_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jumps_are_taken_out),  cmocka_unit_test(jumps_that_nobody_can_mend),
		cmocka_unit_test(small_steps_are_none), cmocka_unit_test(held_pictures_are_repeated),
		cmocka_unit_test(settings_that_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
