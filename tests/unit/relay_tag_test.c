/* What a tag's body says of itself. */
#include "relay/tag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uint8_t bytes[64];

static struct tag tag(enum tag_type type, const char *data, size_t len)
{
	memcpy(bytes, data, len);
	return (struct tag){.type = type, .data = bytes, .len = len};
}

#define LOOK(type, text) tag_look(&(struct tag){type, 0, (uint8_t *)(uintptr_t)(text), sizeof(text) - 1})

static void h264(void **state)
{
	struct tag_look l = LOOK(TAG_VIDEO, "\x17\x01\x00\x00\x50\x00\x00\x00\x01\x65");

	(void)state;
	assert_true(l.key && l.frame && !l.header && !l.foreign);
	assert_int_equal(l.codec, 7);
	assert_int_equal(l.lead_ms, 80);
	l = LOOK(TAG_VIDEO, "\x27\x01\xff\xff\xd8\x00\x00\x00\x01\x41");
	assert_true(!l.key && l.frame);
	assert_int_equal(l.lead_ms, -40);
	l = LOOK(TAG_VIDEO, "\x17\x00\x00\x00\x00\x01\x64");
	assert_true(l.header && !l.frame);
}

static void nothing_to_pass_on(void **state)
{
	struct tag_look l = LOOK(TAG_VIDEO, "");

	(void)state;
	assert_true(!l.frame && !l.header);
	l = LOOK(TAG_VIDEO, "\x17\x02\x00\x00\x00"); /* end of sequence */
	assert_true(!l.frame && !l.header);
	l = LOOK(TAG_VIDEO, "\x17\x01");
	assert_true(!l.frame && !l.header);
	l = LOOK(TAG_VIDEO, "\x57\x00\x00\x00\x00\x01"); /* a command for the player */
	assert_true(!l.frame && !l.header);
	l = LOOK(TAG_AUDIO, "\xaf");
	assert_true(!l.frame && !l.header);
	l = LOOK(TAG_AUDIO, "\xaf\x01");
	assert_true(!l.frame && !l.header);
	l = LOOK(TAG_SCRIPT, "\x02");
	assert_true(!l.frame && !l.header);
}

static void sound(void **state)
{
	struct tag_look l = LOOK(TAG_AUDIO, "\xaf\x00\x11\x90");

	(void)state;
	assert_true(l.header && !l.frame);
	assert_int_equal(l.codec, 10);
	l = LOOK(TAG_AUDIO, "\xaf\x01\x21");
	assert_true(!l.header && l.frame);
	l = LOOK(TAG_AUDIO, "\x2f\xff\xfb");
	assert_true(!l.header && l.frame);
	assert_int_equal(l.codec, 2);
}

static void foreign(void **state)
{
	(void)state;
	assert_string_equal(LOOK(TAG_VIDEO, "\x90hvc1\x01").foreign, "HEVC in enhanced RTMP");
	assert_string_equal(LOOK(TAG_VIDEO, "\x93hvc1\x01").foreign, "HEVC in enhanced RTMP");
	assert_string_equal(LOOK(TAG_VIDEO, "\xa1"
					    "av01")
				    .foreign,
			    "AV1 in enhanced RTMP");
	assert_string_equal(LOOK(TAG_VIDEO, "\x90<\"%s").foreign, "an unknown codec in enhanced RTMP");
	assert_string_equal(LOOK(TAG_VIDEO, "\x90hv").foreign, "video that is cut off");
	assert_string_equal(LOOK(TAG_VIDEO, "\x1c\x01\x00\x00\x00\x00").foreign, "HEVC as FLV's codec 12");
	assert_null(LOOK(TAG_VIDEO, "\x12\x01\x00").foreign); /* H.263: the encoder that normalises reads it */
}

#define HEADER "\x17\x00\x00\x00\x00\x01\x64\x00\x1f\xff\xe1"

static void idr(void **state)
{
	struct tag t = tag(TAG_VIDEO, HEADER, sizeof(HEADER) - 1);

	(void)state;
	assert_int_equal(tag_nal_bytes(&t), 4);
	t.len = 9;
	assert_int_equal(tag_nal_bytes(&t), 0);
#define FRAME(text) (t = tag(TAG_VIDEO, "\x17\x01\x00\x00\x00" text, sizeof(text) + 4), tag_is_idr(&t, 4))
	assert_true(FRAME("\x00\x00\x00\x02\x67\x64\x00\x00\x00\x02\x65\x88"));
	assert_false(FRAME("\x00\x00\x00\x02\x06\x06\x00\x00\x00\x02\x41\x9a"));
	/* A unit that is longer than its frame, none at all, none that holds a picture: not for us to say. */
	assert_true(FRAME("\x7f\xff\xff\xff\x65\x88"));
	assert_false(FRAME("\x7f\xff\xff\xff\x41\x88"));
	assert_true(FRAME("\x00\x00\x00\x00\x00\x00"));
	assert_true(FRAME("\x00\x00\x00\x02\x09\x10"));
	assert_true(tag_is_idr(&t, 0));
}

static void lead(void **state)
{
	struct tag t = tag(TAG_VIDEO, "\x27\x01\x7f\xff\xff\x00", 6);

	(void)state;
	assert_int_equal(tag_look(&t).lead_ms, 0x7fffff);
	tag_set_lead(&t, -40);
	assert_int_equal(tag_look(&t).lead_ms, -40);
	t.len = 3;
	tag_set_lead(&t, 5); /* nothing of it is there */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h264),  cmocka_unit_test(nothing_to_pass_on),
		cmocka_unit_test(sound), cmocka_unit_test(foreign),
		cmocka_unit_test(idr),   cmocka_unit_test(lead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
