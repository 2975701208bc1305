/* Sources that nothing can be made of, by name and in time. */
#include "relay/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct tag_look h264_header = {.type = TAG_VIDEO, .header = true, .codec = 7},
			     h264_key = {.type = TAG_VIDEO, .frame = true, .key = true, .codec = 7},
			     h264_frame = {.type = TAG_VIDEO, .frame = true, .codec = 7},
			     sound = {.type = TAG_AUDIO, .frame = true, .codec = 10}, empty = {.type = TAG_VIDEO},
			     hevc = {.type = TAG_VIDEO, .codec = -1, .foreign = "HEVC in enhanced RTMP"};

/* What is said when the same tags go on for as long as one may. */
static const char *after_patience(const struct tag_look *a, const struct tag_look *b)
{
	struct watch w = {0};
	const char *why = NULL;

	for (int64_t ms = 0; ms < WATCH_PATIENCE_MS; ms += 40) {
		assert_null(watch_tag(&w, a, 500 + ms));
		if (b)
			assert_null(watch_tag(&w, b, 500 + ms));
	}
	why = watch_tag(&w, a, 500 + WATCH_PATIENCE_MS);
	return why ? why : "";
}

static void by_name(void **state)
{
	struct watch w = {0};

	(void)state;
	assert_string_equal(watch_tag(&w, &hevc, 1), "HEVC in enhanced RTMP");
	assert_string_equal(after_patience(&sound, NULL), "sound only: no video within 6 s");
	assert_string_equal(after_patience(&h264_frame, &h264_header), "no key frame within 6 s");
	assert_string_equal(after_patience(&h264_key, &sound),
			    "H.264 without its settings (no readable sequence header within 6 s)");
	assert_string_equal(after_patience(&empty, NULL), "neither video nor sound within 6 s");
}

static void a_good_one(void **state)
{
	struct watch w = {0};

	(void)state;
	assert_null(watch_tag(&w, &h264_frame, 1));
	assert_null(watch_tag(&w, &h264_header, 2));
	assert_true(watch_usable(&w, &h264_key));
	assert_false(watch_usable(&w, &h264_frame));
	assert_null(watch_tag(&w, &h264_key, 3));
	/* From then on it is others' to judge. */
	assert_null(watch_tag(&w, &hevc, 4));
	assert_null(watch_tag(&w, &sound, 1000000));
}

static void other_codecs_need_no_settings(void **state)
{
	const struct tag_look h263 = {.type = TAG_VIDEO, .frame = true, .key = true, .codec = 2};
	struct watch w = {0};

	(void)state;
	assert_null(watch_tag(&w, &h263, 1));
	assert_true(w.done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_name),
		cmocka_unit_test(a_good_one),
		cmocka_unit_test(other_codecs_need_no_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
