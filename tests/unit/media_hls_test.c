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
						     "#EXT-X-VERSION:6\n"
						     "#EXT-X-INDEPENDENT-SEGMENTS\n"
						     "#EXT-X-TARGETDURATION:8\n"
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

struct expected {
	int64_t number, start_ms, duration_ms;
	bool gap, rest;
};

static void expect(const struct hls_playlist *p, const struct expected *e, size_t count)
{
	assert_int_equal(p->count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(p->segments[i].number, e[i].number);
		assert_int_equal(p->segments[i].start_ms, e[i].start_ms);
		assert_int_equal(p->segments[i].duration_ms, e[i].duration_ms);
		assert_int_equal(p->segments[i].gap, e[i].gap);
		assert_int_equal(p->segments[i].rest, e[i].rest);
	}
}

/* Pieces between the fragments' bounds, none longer than the target duration of 8 s, and all of the time. */
static void gaps(void **state)
{
	static const struct expected whole[] = {
		{2, 10000, 5000, false, false},
		{3, 15000, 5000, true, false},
		{4, 20000, 5000, true, false},
		{5, 25000, 5000, false, false},
	};
	static const struct expected rests[] = {
		{2, 10000, 2000, false, false},
		{3, 12000, 8000, true, false},
		{4, 20000, 8000, true, false},
		{5, 28000, 2000, false, false},
	};
	static const struct expected long_rests[] = {
		{2, 10000, 1000, false, false}, {2, 11000, 4000, true, true}, {3, 15000, 5000, true, false},
		{4, 20000, 5000, true, false},  {5, 25000, 4500, true, true}, {5, 29500, 500, false, false},
	};
	struct hls_playlist *p = hls_playlist_new(NULL, 5, 0);

	(void)state;
	add(p, 2, 10000, 5000);
	add(p, 5, 25000, 5000);
	expect(p, whole, 4);
	assert_non_null(strstr(hls_playlist_text(p, p), "#EXT-X-GAP\n#EXTINF:5.000,\n0000000004.ts\n#EXTINF:5.000,\n"));
	mem_free(p);
	p = hls_playlist_new(NULL, 5, 0);
	add(p, 2, 10000, 2000);
	add(p, 5, 28000, 2000);
	expect(p, rests, 4);
	mem_free(p);
	p = hls_playlist_new(NULL, 5, 0);
	add(p, 2, 10000, 1000);
	add(p, 5, 29500, 500);
	expect(p, long_rests, 6);
	assert_non_null(strstr(hls_playlist_text(p, p), "#EXT-X-GAP\n#EXTINF:4.500,\n0000000005.rest.ts\n"));
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

static int64_t discontinuities(const struct hls_playlist *p)
{
	int64_t sum = p->discontinuity_sequence;

	for (size_t i = 0; i < p->count; i++)
		sum += p->segments[i].discontinuity;
	return sum;
}

/* Two segments whose numbers are so far apart: how many entries and discontinuities that makes. */
static void apart(int64_t fragments, size_t entries, int64_t marks)
{
	struct hls_playlist *p = hls_playlist_new(NULL, 5, 0), *back;
	char *text;

	add(p, 7, 35000, 5000);
	add(p, 7 + fragments, (7 + fragments) * 5000, 5000);
	assert_int_equal(p->count, entries);
	assert_int_equal(discontinuities(p), marks);
	assert_int_equal(p->segments[p->count - 1].discontinuity, marks > 0);
	assert_int_equal(p->segments[0].start_ms, 35000);
	text = hls_playlist_text(p, p);
	ok(hls_playlist_parse(p, text, strlen(text), &back));
	assert_int_equal(back->count, entries);
	assert_int_equal(discontinuities(back), marks);
	mem_free(p);
}

/* What is less than a mark is lost time, whatever is more is as many discontinuities as marks were missed. */
static void missed_marks(void **state)
{
	int64_t m = HLS_MARK_FRAGMENTS;

	(void)state;
	apart(121, 122, 0);
	apart(m - 1, (size_t)m, 0);
	apart(m, 2, 1);
	apart(m + 1, 2, 1);
	apart(2 * m - 1, 2, 1);
	apart(2 * m, 3, 2);
	apart(3 * m - 1, 3, 2);
	apart(3 * m + 500, 4, 3);
	apart(HLS_MAX_MISSED * m + m - 1, HLS_MAX_MISSED + 1, HLS_MAX_MISSED);
	apart((HLS_MAX_MISSED + 1) * m, 2, 1);
	apart(INT64_C(700000000), 2, 1);
}

/* A rendition that saw every mark, and one that was away from 2 on: one number is on one side of each mark in both. */
static void missed_marks_have_their_place(void **state)
{
	int64_t m = HLS_MARK_FRAGMENTS, ends[] = {3, 400 + m, 402 + 2 * m, 410 + 3 * m}, n = 0;
	struct hls_playlist *p = hls_playlist_new(NULL, 5, 0), *away = hls_playlist_new(p, 5, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++, n += m - 1)
		for (; n < ends[i]; n++) {
			add(p, n, n * 5000, 5000);
			if (n < 2 || n == ends[3] - 1)
				add(away, n, n * 5000, 5000);
		}
	assert_int_equal(discontinuities(p), 3);
	assert_int_equal(discontinuities(away), 3);
	assert_int_equal(away->count, 2 + 2 + 1);
	for (size_t i = 0, marks = 0; i < away->count; i++) {
		int64_t before = 0;

		marks += away->segments[i].discontinuity;
		for (size_t k = 0; k < p->count; k++) {
			before += p->segments[k].discontinuity;
			if (p->segments[k].number == away->segments[i].number)
				assert_int_equal(before, marks);
		}
	}
	mem_free(p);
}

/* A time line that is known to be another one: its numbers say nothing of marks. */
static void new_line_counts_once(void **state)
{
	struct hls_playlist *p = hls_playlist_new(NULL, 5, 0);
	struct hls_segment back = {
		.number = 5 * HLS_MARK_FRAGMENTS, .start_ms = 0, .duration_ms = 5000, .discontinuity = true};

	(void)state;
	add(p, 0, 0, 5000);
	hls_playlist_add(p, &back);
	assert_int_equal(p->count, 2);
	assert_int_equal(discontinuities(p), 1);
	mem_free(p);
}

/* A live window stays one: what was missed leaves it like what was stored. */
static void missed_marks_in_a_window(void **state)
{
	struct hls_playlist *p = hls_playlist_new(NULL, 5, 30);
	int64_t m = HLS_MARK_FRAGMENTS, at = 9 + 100 * m;

	(void)state;
	for (int64_t i = 0; i < 10; i++)
		add(p, i, i * 5000, 5000);
	assert_int_equal(p->count, 6);
	assert_int_equal(p->sequence, 4);
	add(p, at, at * 5000, 5000);
	assert_int_equal(p->count, 6);
	assert_int_equal(p->sequence, 4 + 100);
	assert_int_equal(discontinuities(p), 100);
	for (int64_t i = 1; i < 10; i++)
		add(p, at + i, (at + i) * 5000, 5000);
	assert_int_equal(p->count, 6);
	assert_int_equal(p->discontinuity_sequence, 100);
	mem_free(p);
}

/* What players may have seen already is never changed. */
static void listed_is_fixed(void **state)
{
	struct hls_playlist *p = hls_playlist_new(NULL, 5, 0);

	(void)state;
	add(p, 0, 0, 5040);
	add(p, 1, 5000, 4600);
	add(p, 2, 10000, 5000);
	assert_int_equal(p->count, 3);
	assert_int_equal(p->segments[0].duration_ms, 5040);
	assert_int_equal(p->segments[1].duration_ms, 4600);
	mem_free(p);
}

/* A loss between neighbours: playlist time stays the job's time. */
static void hole_is_a_gap(void **state)
{
	static const struct expected expected[] = {
		{0, 0, 4000, false, false}, {0, 4000, 3000, true, true}, {1, 7000, 3000, false, false}};
	static const struct expected longer[] = {{0, 0, 500, false, false},
						 {0, 500, 4500, true, true},
						 {1, 5000, 4500, true, true},
						 {1, 9500, 500, false, false}};
	struct hls_playlist *p = hls_playlist_new(NULL, 5, 0);

	(void)state;
	add(p, 0, 0, 4000);
	add(p, 1, 7000, 3000);
	expect(p, expected, 3);
	mem_free(p);
	p = hls_playlist_new(NULL, 5, 0);
	add(p, 0, 0, 500);
	add(p, 1, 9500, 500);
	expect(p, longer, 4);
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

static void target_is_constant(void **state)
{
	struct hls_playlist *p = hls_playlist_new(NULL, 5, 10), *back;
	char *text;

	(void)state;
	assert_int_equal(hls_target_s(1), 2);
	assert_int_equal(hls_target_s(4), 6);
	add(p, 0, 0, 8400);
	for (int i = 2; i < 9; i++)
		add(p, i, 8400 + (i - 2) * 5000, 5000);
	text = hls_playlist_text(p, p);
	assert_non_null(strstr(text, "#EXT-X-TARGETDURATION:8\n"));
	ok(hls_playlist_parse(p, text, strlen(text), &back));
	assert_int_equal(back->target_s, 8);
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
	add(p, 7, 28000, 1000);
	add(p, 8, 32500, 3000);
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
		assert_int_equal(back->segments[i].rest, p->segments[i].rest);
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
		{HEAD EVENT FIRST "#EXTINF:5.000,\n0000000003.rest.ts\n", "line 11: no segment's name"},
		{HEAD EVENT FIRST "#EXT-X-GAP\n#EXTINF:5.000,\n0000000003.rest.tsx\n", "line 12: no segment's name"},
		{HEAD EVENT FIRST "#EXT-X-GAP\n#EXTINF:5.000,\n.rest.ts\n", "line 12: no segment's name"},
		{HEAD EVENT FIRST "#EXT-X-GAP\n#EXTINF:5.000,\n0000000002.ts\n", "line 12: numbers of segments"},
		{"#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n", "line 4: expected #EXT-X-TARGETDURATION:"},
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

static const struct hls_measured measured = {.peak_bps = 3141592,
					     .average_bps = 2718281,
					     .codecs = "avc1.4d401f,mp4a.40.2",
					     .size = {720, 1280},
					     .rate_mhz = 29970,
					     .settings = "0123abcd-"};

static void master(void **state)
{
	struct api_hls_variant variants[] = {
		{.variant = "_4k", .bandwidth_bps = 50000000, .size = {3840, 2160}},
		{.variant = "_720p", .bandwidth_bps = 3000000, .size = {1280, 720}},
	};
	struct api_hls hls = {.variants = variants, .variant_count = 2};
	const struct hls_measured *found[] = {NULL, &measured};
	char *text = hls_master_text(NULL, "0300", &hls, found);

	(void)state;
	assert_string_equal(text, "#EXTM3U\n"
				  "#EXT-X-VERSION:6\n"
				  "#EXT-X-INDEPENDENT-SEGMENTS\n"
				  "#EXT-X-STREAM-INF:BANDWIDTH=3141592,AVERAGE-BANDWIDTH=2718281,"
				  "CODECS=\"avc1.4d401f,mp4a.40.2\",RESOLUTION=720x1280,FRAME-RATE=29.970\n"
				  "0300_720p/index.m3u8\n");
	mem_free(text);
}

static void measured_back(void **state)
{
	char *text = hls_measured_text(NULL, &measured);
	struct hls_measured back = {0};

	(void)state;
	ok(hls_measured_parse(text, strlen(text), &back));
	assert_memory_equal(&back, &measured, sizeof(back));
	mem_free(text);
}

#define MEASURED(peak, codecs, width, settings)                                                 \
	"{\"peak\":\"" peak "\",\"average\":\"1\",\"codecs\":\"" codecs "\",\"width\":\"" width \
	"\",\"height\":\"2\",\"rate\":\"0\",\"settings\":\"" settings "\"}"

static void measured_refusals(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{"", "line 1"},
		{"[]", "is no object"},
		{"{}", "peak"},
		{MEASURED("0", "a", "2", "a"), "peak"},
		{MEASURED("100000000001", "a", "2", "a"), "peak"},
		{MEASURED("1", "avc1\\\"\\n#EXT-X-KEY", "2", "a"), "codecs: is no such word"},
		{MEASURED("1", "a\\n", "2", "a"), "codecs: is no such word"},
		{MEASURED("1", "a", "0", "a"), "width"},
		{MEASURED("1", "a", "2", "0123456789012345678901234567890123456789"), "settings: is no such word"},
		{MEASURED("1", "a", "2", "x"), "settings: is no such word"},
		{"{\"more\":\"1\"}", "more"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hls_measured m = {0};
		struct error *e = hls_measured_parse(rows[i].text, strlen(rows[i].text), &m);

		if (!e || !strstr(e->message, rows[i].error))
			fail_msg("row %zu: %s, expected %s", i, e ? e->message : "accepted", rows[i].error);
		assert_int_equal(m.peak_bps, 0);
		error_free(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(written),
		cmocka_unit_test(gaps),
		cmocka_unit_test(no_gap_without_loss),
		cmocka_unit_test(missed_marks),
		cmocka_unit_test(missed_marks_have_their_place),
		cmocka_unit_test(new_line_counts_once),
		cmocka_unit_test(missed_marks_in_a_window),
		cmocka_unit_test(listed_is_fixed),
		cmocka_unit_test(hole_is_a_gap),
		cmocka_unit_test(window_slides),
		cmocka_unit_test(target_is_constant),
		cmocka_unit_test(read_back),
		cmocka_unit_test(refusals),
		cmocka_unit_test(bounds),
		cmocka_unit_test(finish),
		cmocka_unit_test(master),
		cmocka_unit_test(measured_back),
		cmocka_unit_test(measured_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
