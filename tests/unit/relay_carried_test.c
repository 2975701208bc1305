/* What a publication carries: compared, told and read back. */
#include "relay/carried.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint32_t mark(enum tag_type type, const char *bytes, size_t len)
{
	struct tag t = {.type = type, .data = (uint8_t *)strdup(""), .len = len};
	struct tag_look look;
	uint32_t m;

	t.data = realloc(t.data, len + 1);
	memcpy(t.data, bytes, len);
	look = tag_look(&t);
	m = carried_mark(&t, &look);
	assert_int_not_equal(m, 0);
	free(t.data);
	return m;
}

#define MARK(type, bytes) mark(type, bytes, sizeof(bytes) - 1)

static void marks(void **state)
{
	(void)state;
	/* Settings, wherever the encoder says that they are shown. */
	assert_int_equal(MARK(TAG_VIDEO, "\x17\0\0\0\0\1abc"), MARK(TAG_VIDEO, "\x17\0\0\0\7\1abc"));
	assert_int_not_equal(MARK(TAG_VIDEO, "\x17\0\0\0\0\1abc"), MARK(TAG_VIDEO, "\x17\0\0\0\0\1abd"));
	assert_int_not_equal(MARK(TAG_AUDIO, "\xaf\0\x12\x10"), MARK(TAG_AUDIO, "\xaf\0\x11\x90"));
	/* MP3 of another rate; a frame's bytes are not looked at. */
	assert_int_equal(MARK(TAG_AUDIO, "\x2f\1"), MARK(TAG_AUDIO, "\x2f\2"));
	assert_int_not_equal(MARK(TAG_AUDIO, "\x2f\1"), MARK(TAG_AUDIO, "\x2b\1"));
	/* Sorenson: key frame or not. */
	assert_int_equal(MARK(TAG_VIDEO, "\x12\1"), MARK(TAG_VIDEO, "\x22\1"));
	assert_int_not_equal(MARK(TAG_VIDEO, "\x12\1"), MARK(TAG_VIDEO, "\x14\1"));
}

static void told(void **state)
{
	static const struct carried c = {.marks = {0x123abcd, 0xffffffff}, .mended = 3};
	struct carried back;
	char text[MEDIA_CARRIED_BYTES];

	(void)state;
	carried_text(&c, text);
	assert_string_equal(text, "0123abcd-ffffffff-3");
	assert_null(carried_parse(text, &back));
	assert_true(carried_equal(&c, &back));
	back.mended = 0;
	assert_false(carried_equal(&c, &back));
	back = c;
	back.marks[CARRIED_AUDIO] = 0;
	assert_false(carried_equal(&c, &back));
}

static void refusals(void **state)
{
	static const char *const rows[] = {"",
					   "0123abcd",
					   "0123abcd-ffffffff",
					   "0123abcd-ffffffff-",
					   "0123ABCD-ffffffff-0",
					   "123abcd-ffffffff-0",
					   "0123abcd-ffffffff-00",
					   "0123abcd-ffffffff-0 ",
					   "0123abcd--fffffff-0",
					   "0123abcd-ffffffff-100000000"};
	struct carried c = {.mended = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error *e = carried_parse(rows[i], &c);

		if (!e || !strstr(e->message, "--carried"))
			fail_msg("row %zu: %s", i, e ? e->message : "accepted");
		error_free(e);
	}
	assert_int_equal(c.mended, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks),
		cmocka_unit_test(told),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
