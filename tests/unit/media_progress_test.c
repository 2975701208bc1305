/* Progress blocks: ffmpeg's, the segmenter's, cut and damaged ones. */
#include "media/progress.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

#define BLOCK                                                                                                       \
	"frame=125\nfps= 25.00\nstream_0_0_q=28.0\nbitrate= 909.7kbits/s\ntotal_size=568562\nout_time_us=5000000\n" \
	"out_time_ms=5000000\nout_time=00:00:05.000000\ndup_frames=0\ndrop_frames=3\nspeed=1.01x\nprogress=continue\n"

static void ok(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static void none_yet(const char *text, size_t len)
{
	struct media_progress p = {.frames = 77};
	struct error *e = media_progress_parse(text, len, &p);

	assert_non_null(e);
	assert_int_equal(e->code, ERROR_NOT_FOUND);
	assert_int_equal(p.frames, 77);
	error_free(e);
}

static void one_block(void **state)
{
	struct media_progress p;

	(void)state;
	ok(media_progress_parse(BLOCK, strlen(BLOCK), &p));
	assert_int_equal(p.frames, 125);
	assert_true(p.fps == 25.0);
	assert_true(p.speed > 1.009 && p.speed < 1.011);
	assert_int_equal(p.bitrate_bps, 909700);
	assert_int_equal(p.out_time_ms, 5000);
	assert_int_equal(p.dropped_frames, 3);
	assert_int_equal(p.total_bytes, 568562);
	assert_false(p.ended);
}

/* What dsn-relay says of the source. */
static void of_a_relay(void **state)
{
	static const char text[] = "frame=9\nout_time_us=360000\nopen_keys=3\njumps=2\njump_ms=-20000\nbridged=5\n"
				   "changes=4\ncarried=0123abcd-89abcdef-0\nrefused=HEVC in enhanced RTMP\n"
				   "progress=continue\n",
			  foreign[] = "jump_ms=30000\nrefused=a\x1b[31mb\xff\ncarried=-abc-0-0\nprogress=continue\n",
			  longer[] = "carried=0123456789012345678901234567890123\nprogress=continue\n",
			  word[] = "carried=a b\nprogress=continue\n";
	struct media_progress p;

	(void)state;
	ok(media_progress_parse(text, strlen(text), &p));
	assert_int_equal(p.open_keys, 3);
	assert_int_equal(p.jumps, 2);
	assert_int_equal(p.jump_ms, -20000);
	assert_int_equal(p.bridged, 5);
	assert_int_equal(p.changes, 4);
	assert_string_equal(p.carried, "0123abcd-89abcdef-0");
	assert_string_equal(p.refused, "HEVC in enhanced RTMP");
	ok(media_progress_parse(foreign, strlen(foreign), &p));
	assert_int_equal(p.jump_ms, 30000);
	assert_string_equal(p.refused, "a?[31mb?");
	assert_string_equal(p.carried, "");
	ok(media_progress_parse(longer, strlen(longer), &p));
	assert_string_equal(p.carried, "");
	ok(media_progress_parse(word, strlen(word), &p));
	assert_string_equal(p.carried, "");
	ok(media_progress_parse(BLOCK, strlen(BLOCK), &p));
	assert_string_equal(p.refused, "");
}

static void last_complete_one(void **state)
{
	static const char text[] = BLOCK "frame=150\nprogress=end\nframe=999\nfps=1\n";
	struct media_progress p;

	(void)state;
	ok(media_progress_parse(text, strlen(text), &p));
	assert_int_equal(p.frames, 150);
	assert_true(p.ended);
	assert_int_equal(p.bitrate_bps, 0); /* values of the block before do not shine through */
}

static void incomplete(void **state)
{
	(void)state;
	none_yet("", 0);
	none_yet("frame=1\n", 8);
	none_yet("progress=continue", 17); /* the line is not whole */
	none_yet("rubbish\n\n=\n", 11);
}

static void odd_values(void **state)
{
	static const char text[] = "frame=-5\nfps=nan\nspeed=N/A\nbitrate=N/A\nout_time_us=1e300\ntotal_size=inf\n"
				   "drop_frames=99999999999999999999999\nunknown=1\nprogress=continue\n";
	struct media_progress p;

	(void)state;
	ok(media_progress_parse(text, strlen(text), &p));
	assert_int_equal(p.frames, 0);
	assert_true(p.fps == 0 && p.speed == 0);
	assert_int_equal(p.bitrate_bps, 0);
	assert_int_equal(p.out_time_ms, 0);
	assert_int_equal(p.total_bytes, 0);
	assert_int_equal(p.dropped_frames, 0);
}

/* A writer that does not append leaves NULs where the file was cut. */
static void after_nuls(void **state)
{
	char text[4096] = {0};
	struct media_progress p;

	(void)state;
	memcpy(text + 3000, BLOCK, strlen(BLOCK));
	ok(media_progress_parse(text, 3000 + strlen(BLOCK), &p));
	assert_int_equal(p.frames, 125);
}

static void long_lines(void **state)
{
	char text[2048];
	struct media_progress p;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text + 1000, "\n" BLOCK, strlen(BLOCK) + 1);
	ok(media_progress_parse(text, 1001 + strlen(BLOCK), &p));
	assert_int_equal(p.frames, 125);
}

static void growing_file(void **state)
{
	char path[] = "/tmp/dsn-progress-XXXXXX";
	int fd = mkstemp(path);
	struct media_progress p;
	struct error *e;
	struct stat st;

	(void)state;
	assert_true(fd >= 0 && fcntl(fd, F_SETFL, O_APPEND) == 0);
	e = media_progress_read(path, 1000, &p);
	assert_int_equal(e->code, ERROR_NOT_FOUND);
	error_free(e);
	for (int i = 0; i < 200; i++)
		dprintf(fd, "frame=%d\nprogress=continue\n", i);
	ok(media_progress_read(path, 10000, &p));
	assert_int_equal(p.frames, 199);
	assert_true(fstat(fd, &st) == 0 && st.st_size > 4000);
	ok(media_progress_read(path, 1000, &p)); /* too long now: read, then cut */
	assert_int_equal(p.frames, 199);
	assert_true(fstat(fd, &st) == 0 && st.st_size == 0);
	dprintf(fd, "frame=200\nprogress=end\n");
	ok(media_progress_read(path, 1000, &p));
	assert_int_equal(p.frames, 200);
	for (int i = 0; i < 5000; i++)
		dprintf(fd, "frame=%d\nprogress=continue\n", i);
	ok(media_progress_read(path, 1000000, &p)); /* only the tail is read */
	assert_int_equal(p.frames, 4999);
	close(fd);
	unlink(path);
	e = media_progress_read(path, 1000, &p);
	assert_int_equal(e->code, ERROR_NOT_FOUND);
	assert_non_null(strstr(e->message, path));
	error_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_block),  cmocka_unit_test(of_a_relay),   cmocka_unit_test(last_complete_one),
		cmocka_unit_test(incomplete), cmocka_unit_test(odd_values),   cmocka_unit_test(after_nuls),
		cmocka_unit_test(long_lines), cmocka_unit_test(growing_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
