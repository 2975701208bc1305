/* Playlists: what is written, what is read back, what is refused. */
#include "media/hls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"

static void add(struct hls_playlist *p, int64_t number, int64_t start_ms, int64_t duration_ms)
{
	struct hls_segment s = {.number = number, .start_ms = start_ms, .duration_ms = duration_ms};

	hls_playlist_add(p, &s);
}

static void ok(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static void names(void **state)
{
	int64_t number = -1;
	char *name = hls_segment_name(NULL, 12);

	(void)state;
	assert_string_equal(name, "0000000012.ts");
	assert_true(hls_segment_number(name, &number));
	assert_int_equal(number, 12);
	mem_free(name);
	name = hls_segment_name(NULL, INT64_C(12345678901));
	assert_string_equal(name, "12345678901.ts");
	assert_true(hls_segment_number(name, &number));
	mem_free(name);
	assert_false(hls_segment_number("12.ts", &number));
	assert_false(hls_segment_number("00000000012.ts", &number));
	assert_false(hls_segment_number("0000000012.ts.part", &number));
	assert_false(hls_segment_number("0000000012.tsx", &number));
	assert_false(hls_segment_number("index.m3u8", &number));
	assert_false(hls_segment_number("1234567890123456.ts", &number));
}

static void written(void **state)
{
	struct hls_playlist *p = hls_playlist_new(NULL, 5, 0);

	(void)state;
	add(p, 2, 10000, 5000);
	add(p, 3, 15000, 5040);
	assert_string_equal(hls_playlist_text(p, p), "#EXTM3U\n"
						     "#EXT-X-VERSION:3\n"
						     "#EXT-X-TARGETDURATION:5\n"
						     "#EXT-X-MEDIA-SEQUENCE:2\n"
						     "#EXT-X-PLAYLIST-TYPE:EVENT\n"
						     "#dsn:fragment=5,window=0\n"
						     "#dsn:start=10000\n"
						     "#EXTINF:5.000,\n"
						     "0000000002.ts\n"
						     "#EXTINF:5.040,\n"
						     "0000000003.ts\n");
	mem_free(p);
}

/* Two fragments are lost: entries for them, sharing the time by the fragments' bounds. */
static void gaps(void **state)
{
	struct hls_playlist *p = hls_playlist_new(NULL, 5, 0);

	(void)state;
	add(p, 2, 10000, 2000);
	add(p, 5, 25080, 4920);
	assert_int_equal(p->count, 4);
	assert_true(p->segments[1].gap && p->segments[2].gap);
	assert_int_equal(p->segments[1].number, 3);
	assert_int_equal(p->segments[1].start_ms, 12000);
	assert_int_equal(p->segments[1].duration_ms, 8000);
	assert_int_equal(p->segments[2].start_ms, 20000);
	assert_int_equal(p->segments[2].duration_ms, 5080);
	assert_non_null(strstr(hls_playlist_text(p, p), "#EXT-X-VERSION:8\n"));
	assert_non_null(strstr(hls_playlist_text(p, p), "#EXT-X-GAP\n#EXTINF:5.080,\n0000000004.ts\n#EXTINF:4.920,\n"));
	assert_non_null(strstr(hls_playlist_text(p, p), "#EXT-X-TARGETDURATION:8\n"));
	mem_free(p);
}

/* Numbers that were left out by rare key frames are no loss. */
static void no_gap_without_loss(void **state)
{
	struct hls_playlist *p = hls_playlist_new(NULL, 5, 0);

	(void)state;
	add(p, 0, 0, 12000);
	add(p, 2, 12000, 12000);
	assert_int_equal(p->count, 2);
	mem_free(p);
}

static void long_loss_is_a_discontinuity(void **state)
{
	struct hls_playlist *p = hls_playlist_new(NULL, 5, 0);

	(void)state;
	add(p, 0, 0, 5000);
	add(p, 0 + HLS_MAX_GAPS + 2, (HLS_MAX_GAPS + 2) * 5000, 5000);
	assert_int_equal(p->count, 2);
	assert_true(p->segments[1].discontinuity);
	mem_free(p);
}

static void overlap_is_mended(void **state)
{
	struct hls_playlist *p = hls_playlist_new(NULL, 5, 0);

	(void)state;
	add(p, 0, 0, 5040);
	add(p, 1, 5000, 5000);
	assert_int_equal(p->segments[0].duration_ms, 5000);
	mem_free(p);
}

/* A loss within neighbours: playlist time stays the job's time. */
static void hole_is_bridged(void **state)
{
	struct hls_playlist *p = hls_playlist_new(NULL, 5, 0);

	(void)state;
	add(p, 0, 0, 4000);
	add(p, 1, 7000, 3000);
	assert_int_equal(p->count, 2);
	assert_int_equal(p->segments[0].duration_ms, 7000);
	assert_int_equal(p->target_s, 7);
	mem_free(p);
}

static void window_slides(void **state)
{
	struct hls_playlist *p = hls_playlist_new(NULL, 5, 30), *back;
	struct hls_segment jump = {.number = 1, .start_ms = 0, .duration_ms = 5000, .discontinuity = true};
	char *text;

	(void)state;
	add(p, 0, 90000, 5000);
	hls_playlist_add(p, &jump);
	for (int i = 2; i < 20; i++)
		add(p, i, (i - 1) * 5000, 5000);
	assert_int_equal(p->count, 6);
	assert_int_equal(p->sequence, 14);
	assert_int_equal(p->segments[0].number, 14);
	assert_int_equal(p->discontinuity_sequence, 1);
	text = hls_playlist_text(p, p);
	assert_non_null(strstr(text, "#EXT-X-DISCONTINUITY-SEQUENCE:1\n"));
	assert_null(strstr(text, "EVENT"));
	ok(hls_playlist_parse(p, text, strlen(text), &back));
	assert_int_equal(back->window_s, 30);
	assert_int_equal(back->discontinuity_sequence, 1);
	assert_int_equal(back->sequence, 14);
	mem_free(p);
}

static void target_never_shrinks(void **state)
{
	struct hls_playlist *p = hls_playlist_new(NULL, 5, 10), *back;
	char *text;

	(void)state;
	add(p, 0, 0, 9700);
	for (int i = 2; i < 9; i++)
		add(p, i, 9700 + (i - 2) * 5000, 5000);
	text = hls_playlist_text(p, p);
	assert_non_null(strstr(text, "#EXT-X-TARGETDURATION:10\n"));
	ok(hls_playlist_parse(p, text, strlen(text), &back));
	assert_int_equal(back->target_s, 10);
	mem_free(p);
}

static void read_back(void **state)
{
	struct hls_playlist *p = hls_playlist_new(NULL, 4, 0), *back;
	struct hls_segment jump = {.number = 9, .start_ms = 1000, .duration_ms = 4000, .discontinuity = true};
	char *text;

	(void)state;
	add(p, 2, 8021, 4000);
	add(p, 3, 12021, 1000);
	add(p, 7, 28000, 4000);
	hls_playlist_add(p, &jump);
	p->ended = true;
	text = hls_playlist_text(p, p);
	ok(hls_playlist_parse(p, text, strlen(text), &back));
	assert_int_equal(back->count, p->count);
	for (size_t i = 0; i < p->count; i++) {
		assert_int_equal(back->segments[i].number, p->segments[i].number);
		assert_int_equal(back->segments[i].start_ms, p->segments[i].start_ms);
		assert_int_equal(back->segments[i].duration_ms, p->segments[i].duration_ms);
		assert_int_equal(back->segments[i].gap, p->segments[i].gap);
		assert_int_equal(back->segments[i].discontinuity, p->segments[i].discontinuity);
	}
	assert_true(back->ended);
	assert_int_equal(back->fragment_s, 4);
	assert_string_equal(hls_playlist_text(p, back), text);
	mem_free(p);
}

#define HEAD "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:5\n#EXT-X-MEDIA-SEQUENCE:2\n"
#define EVENT "#EXT-X-PLAYLIST-TYPE:EVENT\n#dsn:fragment=5,window=0\n"
#define FIRST "#dsn:start=10000\n#EXTINF:5.000,\n0000000002.ts\n"

static void refusals(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{"", "line 1: expected #EXTM3U"},
		{"#EXTM3U", "line 1: the line has no end"},
		{"#EXTM3\n", "line 1: expected #EXTM3U"},
		{"#EXTM3U\n", "line 2: expected #EXT-X-VERSION:"},
		{"#EXTM3U\n#EXT-X-VERSION:9\n", "line 2: a number is out of range"},
		{"#EXTM3U\n#EXT-X-VERSION:3 \n", "line 2: there is more"},
		{"#EXTM3U\n#EXT-X-VERSION:\n", "line 2: a number is missing"},
		{"#EXTM3U\n#EXT-X-VERSION:03\n", "line 2: a number is missing"},
		{"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:0\n", "line 3: a number is out of range"},
		{"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:5\n#EXT-X-MEDIA-SEQUENCE:-1\n", "line 4: a number"},
		{"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:99999999999999999999\n", "line 3: a number"},
		{HEAD, "line 5: the playlist ends in its header"},
		{HEAD "#EXT-X-DISCONTINUITY-SEQUENCE:0\n", "line 5: a number is out of range"},
		{HEAD "#EXT-X-PLAYLIST-TYPE:EVENT\n", "line 6: the playlist ends in its header"},
		{HEAD "#EXT-X-PLAYLIST-TYPE:VOD\n", "line 5: expected #dsn:fragment="},
		{HEAD "#dsn:fragment=61,window=9\n", "line 5: a number is out of range"},
		{HEAD "#dsn:fragment=5\n", "line 5: expected ,window="},
		{HEAD "#dsn:fragment=5,window=0\n", "line 5: window and EXT-X-PLAYLIST-TYPE disagree"},
		{HEAD "#EXT-X-PLAYLIST-TYPE:EVENT\n#dsn:fragment=5,window=3\n", "line 6: window and"},
		{HEAD EVENT "#EXTINF:5.000,\n0000000002.ts\n", "line 7: the first entry needs #dsn:start="},
		{HEAD EVENT "#dsn:start=1x\n", "line 7: there is more"},
		{HEAD EVENT "#dsn:start=1\n#EXTINF:5,\n", "line 8: EXTINF needs three digits"},
		{HEAD EVENT "#dsn:start=1\n#EXTINF:5.00,\n", "line 8: a number"},
		{HEAD EVENT "#dsn:start=1\n#EXTINF:5.0000,\n", "line 8: a number"},
		{HEAD EVENT "#dsn:start=1\n#EXTINF:5.000\n", "line 8: expected a comma"},
		{HEAD EVENT "#dsn:start=1\n#EXTINF:5.000,title\n", "line 8: expected a comma"},
		{HEAD EVENT "#dsn:start=1\n0000000002.ts\n", "line 8: expected #EXTINF:"},
		{HEAD EVENT "#dsn:start=1\n#EXTINF:5.000,\n../../etc/passwd\n", "line 9: no segment's name"},
		{HEAD EVENT "#dsn:start=1\n#EXTINF:5.000,\n2.ts\n", "line 9: no segment's name"},
		{HEAD EVENT FIRST "#EXTINF:5.000,\n0000000002.ts\n", "line 11: numbers of segments must rise"},
		{HEAD EVENT FIRST "#EXT-X-KEY:METHOD=NONE\n", "line 10: expected #EXTINF:"},
		{HEAD EVENT FIRST "\n", "line 10: expected #EXTINF:"},
		{HEAD EVENT FIRST "#EXT-X-ENDLIST\n#EXTINF:5.000,\n", "line 11: there is more after EXT-X-ENDLIST"},
		{HEAD EVENT FIRST "#EXT-X-ENDLIST", "line 10: the line has no end"},
		{HEAD EVENT FIRST "#EXT-X-GAP\n", "line 11: expected #EXTINF:"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hls_playlist *p = NULL;
		struct error *e = hls_playlist_parse(NULL, rows[i].text, strlen(rows[i].text), &p);

		if (!e || !strstr(e->message, rows[i].error))
			fail_msg("row %zu: %s, expected %s", i, e ? e->message : "accepted", rows[i].error);
		assert_int_equal(e->code, ERROR_INVALID);
		assert_null(p);
		error_free(e);
	}
}

static void bounds(void **state)
{
	struct hls_playlist *p;
	struct error *e = hls_playlist_parse(NULL, "", HLS_MAX_TEXT_BYTES + 1u, &p);
	char name_with_nul[] = HEAD EVENT "#dsn:start=1\n#EXTINF:5.000,\n0000000002.ts?\n";

	(void)state;
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	name_with_nul[sizeof(name_with_nul) - 3] = '\0';
	e = hls_playlist_parse(NULL, name_with_nul, sizeof(name_with_nul) - 1, &p);
	assert_non_null(strstr(e->message, "no segment's name"));
	error_free(e);
}

static void finish(void **state)
{
	char folder[] = "/tmp/dsn-hls-test-XXXXXX";
	struct hls_playlist *p = hls_playlist_new(NULL, 5, 0);
	char *path, *text;
	struct error *e;

	(void)state;
	assert_non_null(mkdtemp(folder));
	ok(hls_finish(folder, ".", BENEATH_KEEP)); /* nothing there yet */
	add(p, 2, 10000, 5000);
	path = file_join(p, folder, HLS_PLAYLIST_NAME);
	text = hls_playlist_text(p, p);
	ok(file_write_atomic(path, text, strlen(text), 0644));
	ok(hls_finish(folder, ".", BENEATH_KEEP));
	ok(hls_finish(folder, ".", BENEATH_KEEP));
	text = mem_printf(p, "%s#EXT-X-ENDLIST\n", text);
	char *now;
	ok(file_read(p, path, 4096, &now, NULL));
	assert_string_equal(now, text);
	ok(file_write_atomic(path, "rubbish\n", 8, 0644));
	e = hls_finish(folder, ".", BENEATH_KEEP);
	assert_non_null(e);
	assert_non_null(strstr(e->message, folder));
	assert_non_null(strstr(e->message, "line 1"));
	error_free(e);
	ok(file_remove_tree(folder));
	mem_free(p);
}

static void master(void **state)
{
	struct api_hls_variant variants[] = {
		{.variant = "_4k", .params = "BANDWIDTH=50000000,RESOLUTION=3840x2160"},
		{.variant = "_720p", .bandwidth_bps = 3000000, .size = {1280, 720}},
	};
	struct api_hls hls = {.variants = variants, .variant_count = 2};
	char *text = hls_master_text(NULL, "0300", &hls);

	(void)state;
	assert_string_equal(text, "#EXTM3U\n"
				  "#EXT-X-VERSION:3\n"
				  "#EXT-X-STREAM-INF:BANDWIDTH=50000000,RESOLUTION=3840x2160\n"
				  "0300_4k/index.m3u8\n"
				  "#EXT-X-STREAM-INF:BANDWIDTH=3000000,RESOLUTION=1280x720\n"
				  "0300_720p/index.m3u8\n");
	mem_free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(written),
		cmocka_unit_test(gaps),
		cmocka_unit_test(no_gap_without_loss),
		cmocka_unit_test(long_loss_is_a_discontinuity),
		cmocka_unit_test(overlap_is_mended),
		cmocka_unit_test(hole_is_bridged),
		cmocka_unit_test(window_slides),
		cmocka_unit_test(target_never_shrinks),
		cmocka_unit_test(read_back),
		cmocka_unit_test(refusals),
		cmocka_unit_test(bounds),
		cmocka_unit_test(finish),
		cmocka_unit_test(master),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
