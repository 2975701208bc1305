/* H.264 of RTMP: what is read of it, what is refused, and its form in MPEG-TS. */
#include "media/h264.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define SPS "\x67\x4d\x40\x1f"
#define PPS "\x68\xee"
/* version, profile, constraints, level, lengths of 4, one sequence set, one picture set */
#define RECORD "\x01\x4d\x40\x1f\xff\xe1\x00\x04" SPS "\x01\x00\x02" PPS

static struct h264_config *config(void)
{
	struct h264_config *c = NULL;
	struct error *e = h264_config_read(NULL, (const uint8_t *)RECORD, sizeof(RECORD) - 1, &c);

	assert_null(e);
	return c;
}

static void record(void **state)
{
	struct h264_config *c = config();

	(void)state;
	assert_int_equal(c->length_bytes, 4);
	assert_memory_equal(c->profile, "\x4d\x40\x1f", 3);
	assert_int_equal(c->sets_len, 14);
	assert_memory_equal(c->sets, "\0\0\0\1" SPS "\0\0\0\1" PPS, 14);
	mem_free(c);
}

static void refusals(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *error;
	} rows[] = {
#define ROW(text, why) {text, sizeof(text) - 1, why}
		ROW("", "no configuration record"),
		ROW("\x00\x00\x00\x01\x67\x4d\x40\x1f", "no configuration record"),
		ROW("\x01\x4d\x40\x1f\xfe\xe1\x00\x04" SPS "\x01\x00\x02" PPS, "lengths of 3 bytes"),
		ROW("\x01\x4d\x40\x1f\xff\xe0\x01", "no sequence parameter set"),
		ROW("\x01\x4d\x40\x1f\xff\xe1\x00\x05" SPS, "set 1 of type 7 is cut off"),
		ROW("\x01\x4d\x40\x1f\xff\xe1\x00\x00\x01\x00\x02" PPS, "set 1 of type 7 is cut off"),
		ROW("\x01\x4d\x40\x1f\xff\xe1\x00\x02" PPS "\x01\x00\x02" PPS, "has type 8, not 7"),
		ROW("\x01\x4d\x40\x1f\xff\xe1\x00\x03\x67\x4d\x40\x01\x00\x02" PPS,
		    "a sequence parameter set of 3 bytes"),
		ROW("\x01\x4d\x40\x1f\xff\xe1\x00\x04" SPS, "ends before its picture parameter sets"),
		ROW("\x01\x4d\x40\x1f\xff\xe1\x00\x04" SPS "\x00", "no picture parameter set"),
		ROW("\x01\x4d\x40\x1f\xff\xe1\x00\x04" SPS "\x01\x00\x09" PPS, "set 1 of type 8 is cut off"),
		ROW("\x01\x4d\x40\x1f\xff\xe1\x00\x04" SPS "\x01\x00\x04" SPS, "has type 7, not 8"),
	};
	static const uint8_t zeros[H264_MAX_SETS_BYTES + 1];
	struct h264_config *c = NULL;
	struct error *e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		e = h264_config_read(NULL, (const uint8_t *)rows[i].bytes, rows[i].len, &c);
		if (!e || !strstr(e->message, rows[i].error))
			fail_msg("row %zu: %s, expected %s", i, e ? e->message : "accepted", rows[i].error);
		error_free(e);
	}
	e = h264_config_read(NULL, zeros, sizeof(zeros), &c);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	assert_null(c);
}

static struct h264_picture look(const struct h264_config *c, const char *bytes, size_t len)
{
	return h264_picture_look(c, (const uint8_t *)bytes, len);
}

#define LOOK(c, text) look(c, text, sizeof(text) - 1)
#define IDR "\x00\x00\x00\x02\x65\x88"

static void pictures(void **state)
{
	struct h264_config *c = config();
	struct h264_picture p = LOOK(c, IDR);

	(void)state;
	assert_true(p.whole && p.idr && !p.has_sets);
	p = LOOK(c, "\x00\x00\x00\x02\x41\x9a");
	assert_true(p.whole && !p.idr);
	p = LOOK(c, "\x00\x00\x00\x04" SPS "\x00\x00\x00\x02" PPS IDR);
	assert_true(p.whole && p.idr && p.has_sets);
	assert_memory_equal(p.sequence_set, SPS, 4);
	p = LOOK(c, "\x00\x00\x00\x04" SPS IDR);
	assert_true(p.whole && !p.has_sets);
	/* Longer than its frame, empty, cut in its length, without a slice, nothing at all. */
	assert_false(LOOK(c, "\x00\x00\x03\xea\x41\x9a").whole);
	assert_false(LOOK(c, "\xff\xff\xff\xff\x41\x9a").whole);
	assert_false(LOOK(c, IDR "\x00\x00\x00\x00").whole);
	assert_false(LOOK(c, IDR "\x00\x00").whole);
	assert_false(LOOK(c, "\x00\x00\x00\x02\x06\x05").whole);
	assert_false(LOOK(c, "").whole);
	mem_free(c);
}

static void annexb(void **state)
{
	static const char with_delimiter[] = "\x00\x00\x00\x02\x09\xf0" IDR;
	struct h264_config *c = config();
	uint8_t to[256];
	size_t n = h264_annexb(c, (const uint8_t *)IDR, sizeof(IDR) - 1, true, to);

	(void)state;
	assert_true(h264_annexb_room(c, sizeof(IDR) - 1) <= sizeof(to) && n <= h264_annexb_room(c, sizeof(IDR) - 1));
	assert_int_equal(n, c->sets_len + 6);
	assert_memory_equal(to, "\0\0\0\1" SPS "\0\0\0\1" PPS "\0\0\0\1\x65\x88", n);
	n = h264_annexb(c, (const uint8_t *)IDR, sizeof(IDR) - 1, false, to);
	assert_int_equal(n, 6);
	assert_memory_equal(to, "\0\0\0\1\x65\x88", n);
	n = h264_annexb(c, (const uint8_t *)with_delimiter, sizeof(with_delimiter) - 1, true, to);
	assert_memory_equal(to, "\0\0\0\1\x09\xf0\0\0\0\1" SPS "\0\0\0\1" PPS "\0\0\0\1\x65\x88", n);
	mem_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record),
		cmocka_unit_test(refusals),
		cmocka_unit_test(pictures),
		cmocka_unit_test(annexb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
