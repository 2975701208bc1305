/* Settings that are passed on, and those that are rubbish. */
#include "relay/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char said[200];

/* What is wrong; "" when nothing is. */
static const char *fault(enum tag_type type, const char *data, size_t len)
{
	struct tag t = {.type = type, .data = (uint8_t *)(uintptr_t)data, .len = len};
	struct error *e = settings_check(&t);

	strncpy(said, e ? e->message : "", sizeof(said) - 1);
	error_free(e);
	return said;
}

#define PICTURE(text) fault(TAG_VIDEO, "\x17\0\0\0\0" text, sizeof(text) + 4)
#define SOUND(text) fault(TAG_AUDIO, "\xaf\0" text, sizeof(text) + 1)
#define HEAD "\x01\x42\xc0\x0a\xff"
/* Of a real encoder: 64x64, profile Baseline. */
#define SEQUENCE_SET "\xe1\0\x17\x67\x42\xc0\x0a\xd9\x04\x26\xc0\x44\0\0\x03\0\x04\0\0\x03\0\xc8\x3c\x48\x99\x20"
#define PICTURE_SET "\x01\0\x05\x68\xcb\x83\xcb\x20"

static void good(void **state)
{
	(void)state;
	assert_string_equal(PICTURE(HEAD SEQUENCE_SET PICTURE_SET), "");
	assert_string_equal(SOUND("\x12\x10"), "");
}

static void rubbish(void **state)
{
	(void)state;
	assert_string_equal(PICTURE("\x01\x4d\x40\x1f\xff\xe1\xff\xff"),
			    "AVC header: parameter set 1 of type 7 is cut off");
	assert_string_equal(PICTURE("\x02\x42\xc0\x0a\xff\xe0\0"), "AVC header: no configuration record of version 1");
	assert_string_equal(PICTURE(HEAD SEQUENCE_SET "\0"), "AVC header: no picture parameter set");
	assert_string_equal(SOUND("\0\0"), "AAC settings without a kind of sound");
}

static void nothing_of_it_there(void **state)
{
	(void)state;
	assert_string_equal(fault(TAG_VIDEO, "\x17\0\0\0\0", 5), "settings of 5 bytes");
	assert_string_equal(fault(TAG_AUDIO, "\xaf\0", 2), "settings of 2 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(rubbish),
		cmocka_unit_test(nothing_of_it_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
