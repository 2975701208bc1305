/* AAC's settings: what no decoder could use. */
#include "media/aac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define FAULT(text) aac_config_fault((const uint8_t *)(text), sizeof(text) - 1)

static void good(void **state)
{
	(void)state;
	assert_null(FAULT("\x12\x10"));             /* LC, 44.1 kHz, stereo */
	assert_null(FAULT("\x11\x90\x56\xe5\x00")); /* 48 kHz, and an extension */
	assert_null(FAULT("\x2b\x92\x08\x00"));     /* HE */
	assert_null(FAULT("\x17\x80\x5d\xc0\x10")); /* a rate in hertz, 48000 */
	assert_null(FAULT("\x12\x00"));             /* channels in a programme config element */
	assert_null(FAULT("\xf9\x46\x40"));         /* USAC, a kind of more than five bits */
	assert_null(FAULT("\x12\x58"));             /* channels as 11, 12 and 14 have them */
	assert_null(FAULT("\x12\x60"));
	assert_null(FAULT("\x12\x70"));
}

static void cut_off(void **state)
{
	static const char text[] = "AAC settings that are cut off";

	(void)state;
	assert_string_equal(FAULT(""), text);
	assert_string_equal(FAULT("\x12"), text);
	assert_string_equal(FAULT("\x17\x80\x5d"), text);
	assert_string_equal(FAULT("\xf9"), text);
}

static void rubbish(void **state)
{
	(void)state;
	assert_string_equal(FAULT("\0\0"), "AAC settings without a kind of sound");
	assert_string_equal(FAULT("\x16\x90"), "AAC settings with a sampling rate that there is not"); /* 13 */
	assert_string_equal(FAULT("\x17\x80\x00\x00\x10"), "AAC settings with a sampling rate that there is not");
	assert_string_equal(FAULT("\x12\x40"), "AAC settings with channels that there are not"); /* 8 */
	assert_string_equal(FAULT("\x12\x68"), "AAC settings with channels that there are not"); /* 13 */
	assert_string_equal(FAULT("\x12\x78"), "AAC settings with channels that there are not"); /* 15 */
	assert_non_null(FAULT("\xff\xff\xff\xff"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(cut_off),
		cmocka_unit_test(rubbish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
