/* Readers one by one: what each takes, what each refuses, and that a refusal leaves the cursor and the output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "rlp/rlp.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum reader { LIST, BYTES, FIXED4, U64, U32, BOOL, RAW, SKIP };

static struct error *read_with(enum reader reader, struct rlp *r, uint64_t *value)
{
	const uint8_t *bytes = NULL;
	uint8_t fixed[4] = {0};
	uint32_t small = 0;
	struct rlp items = {0};
	bool truth = false;
	size_t n = 0;
	struct error *e = NULL;

	switch (reader) {
	case LIST:
		e = rlp_read_list(r, &items);
		*value = items.left;
		break;
	case BYTES:
		e = rlp_read_bytes(r, &bytes, &n);
		*value = n;
		break;
	case FIXED4:
		e = rlp_read_fixed(r, fixed, sizeof(fixed));
		*value = fixed[3];
		break;
	case U64:
		return rlp_read_u64(r, value);
	case U32:
		e = rlp_read_u32(r, &small);
		*value = small;
		break;
	case BOOL:
		e = rlp_read_bool(r, &truth);
		*value = truth;
		break;
	case RAW:
		e = rlp_read_raw(r, &bytes, &n);
		*value = n;
		break;
	case SKIP:
		return rlp_skip(r);
	}
	return e;
}

static const struct {
	enum reader reader;
	const char *bytes;
	size_t n;
	uint64_t value;
	size_t left;
} taken[] = {
	{LIST, "\xc0", 1, 0, 0},
	{LIST, "\xc3\x01\x02\x03\x04", 5, 3, 1},
	{BYTES, "\x80", 1, 0, 0},
	{BYTES, "\x00", 1, 1, 0},
	{BYTES, "\x7f", 1, 1, 0},
	{BYTES, "\x81\x80", 2, 1, 0},
	{BYTES,
	 "\x83"
	 "abcd",
	 5, 3, 1},
	{FIXED4, "\x84\x01\x02\x03\x04", 5, 4, 0},
	{U64, "\x80", 1, 0, 0},
	{U64, "\x01", 1, 1, 0},
	{U64, "\x81\x80", 2, 128, 0},
	{U64, "\x88\xff\xff\xff\xff\xff\xff\xff\xff", 9, UINT64_MAX, 0},
	{U32, "\x84\xff\xff\xff\xff", 5, UINT32_MAX, 0},
	{BOOL, "\x80", 1, 0, 0},
	{BOOL, "\x01", 1, 1, 0},
	{RAW, "\xc2\x01\x02\x03", 4, 3, 1},
	{RAW, "\x05\x03", 2, 1, 1},
	{SKIP, "\xc2\x01\x02\x03", 4, 0, 1},
};

static void takes(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(taken); i++) {
		struct rlp r = rlp_of(taken[i].bytes, taken[i].n);
		uint64_t value = 0;

		if (read_with(taken[i].reader, &r, &value))
			fail_msg("%zu is refused", i);
		assert_int_equal(value, taken[i].value);
		assert_int_equal(r.left, taken[i].left);
		assert_ptr_equal(r.next, taken[i].bytes + taken[i].n - r.left);
	}
}

static const struct {
	enum reader reader;
	const char *bytes;
	size_t n;
	const char *message;
} refused[] = {
	{SKIP, "", 0, "an item is missing"},
	{LIST, "", 0, "an item is missing"},
	{U64, "", 0, "an item is missing"},
	{LIST, "\x80", 1, "a string in place of a list"},
	{BYTES, "\xc0", 1, "a list in place of a string"},
	{U64, "\xc0", 1, "a list in place of a string"},
	{RAW,
	 "\x83"
	 "ab",
	 3, "longer than what holds it"},
	{LIST, "\xc1", 1, "longer than what holds it"},
	{RAW, "\xb8", 1, "truncated"},
	{RAW, "\xbf\x01\x01\x01\x01\x01\x01\x01", 8, "truncated"},
	{RAW, "\xb9\x00\x38", 3, "leading zeros"},
	{RAW, "\xb8\x37", 2, "in the long form"},
	{RAW, "\xb8\x38", 2, "longer than what holds it"},
	{RAW, "\xbf\xff\xff\xff\xff\xff\xff\xff\xff", 9, "longer than what holds it"},
	{RAW, "\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9, "longer than what holds it"},
	{RAW, "\x81", 1, "longer than what holds it"},
	{RAW, "\x81\x7f", 2, "below 0x80 has a prefix"},
	{FIXED4, "\x83\x01\x02\x03", 4, "3 bytes in place of 4"},
	{FIXED4, "\x85\x01\x02\x03\x04\x05", 6, "5 bytes in place of 4"},
	{U64, "\x00", 1, "leading zeros"},
	{U64, "\x82\x00\x80", 3, "leading zeros"},
	{U64, "\x89\x01\x01\x01\x01\x01\x01\x01\x01\x01", 10, "9 bytes in place of at most 8"},
	{U32, "\x85\x01\x01\x01\x01\x01", 6, "5 bytes in place of at most 4"},
	{BOOL, "\x02", 1, "neither 0 nor 1"},
	{BOOL, "\x00", 1, "leading zeros"},
};

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(refused); i++) {
		struct rlp r = rlp_of(refused[i].bytes, refused[i].n);
		uint64_t value = 0;
		struct error *e = read_with(refused[i].reader, &r, &value);

		if (!e)
			fail_msg("%zu is taken", i);
		assert_int_equal(e->code, ERROR_INVALID);
		if (strncmp(e->message, "invalid RLP: ", 13) != 0 || !strstr(e->message, refused[i].message))
			fail_msg("%zu: %s", i, e->message);
		assert_int_equal(r.left, refused[i].n);
		assert_ptr_equal(r.next, refused[i].bytes);
		error_free(e);
	}
}

static void outputs_stay(void **state)
{
	struct rlp r = rlp_of("\x82\x00\x01", 3), items = {.left = 7};
	const uint8_t *bytes = NULL;
	uint8_t fixed[4] = {9, 9, 9, 9};
	uint64_t value = 7;
	uint32_t small = 7;
	size_t n = 7;
	bool truth = true;

	(void)state;
	error_free(rlp_read_u64(&r, &value));
	error_free(rlp_read_u32(&r, &small));
	error_free(rlp_read_bool(&r, &truth));
	error_free(rlp_read_fixed(&r, fixed, sizeof(fixed)));
	error_free(rlp_read_list(&r, &items));
	r = rlp_of("\xc0", 1);
	error_free(rlp_read_bytes(&r, &bytes, &n));
	assert_int_equal(value, 7);
	assert_int_equal(small, 7);
	assert_int_equal(items.left, 7);
	assert_int_equal(n, 7);
	assert_null(bytes);
	assert_true(truth);
	assert_memory_equal(fixed, "\x09\x09\x09\x09", 4);
}

static void whole_messages(void **state)
{
	uint8_t deep[2001];
	struct error *e = rlp_check("\xc2\xc1\xc0\x00", 4, 3);
	struct rlp r = rlp_of("ab", 2);

	(void)state;
	assert_non_null(strstr(e->message, "the message has more than it should, 1 bytes"));
	error_free(e);
	e = rlp_end(&r, "Status");
	assert_string_equal(e->message, "invalid RLP: Status has more than it should, 2 bytes");
	error_free(e);
	assert_null(rlp_check("\xc2\xc1\xc0", 3, 3));
	e = rlp_check("\xc2\xc1\xc0", 3, 2);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	e = rlp_check("\xc3\xc2\x81\x7f", 4, 3);
	assert_int_equal(e->code, ERROR_INVALID);
	error_free(e);
	assert_null(rlp_check("\x80", 1, 0));
	/* Brackets in brackets cost no more stack than is allowed. */
	for (size_t i = 0; i < sizeof(deep); i += 3) {
		size_t inside = sizeof(deep) - i - 3;

		deep[i] = 0xf9;
		deep[i + 1] = (uint8_t)(inside >> 8);
		deep[i + 2] = (uint8_t)inside;
	}
	e = rlp_check(deep, sizeof(deep), 16);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
}

static void writer_grows(void **state)
{
	struct rlp_writer w;
	struct rlp r, outer = {0}, inner = {0};
	const uint8_t *bytes = NULL;
	uint8_t block[300];
	size_t n = 0;
	bool truth = false;

	(void)state;
	memset(block, 0xab, sizeof(block));
	rlp_writer_init(&w, NULL);
	rlp_list_begin(&w);
	for (int i = 0; i < 300; i++) {
		rlp_list_begin(&w);
		rlp_write_bytes(&w, block, sizeof(block));
		rlp_write_bool(&w, i % 2);
		rlp_write_raw(&w, "\xc0", 1);
		rlp_list_end(&w);
	}
	rlp_list_end(&w);
	assert_null(rlp_check(w.data, w.len, 3));
	r = rlp_of(w.data, w.len);
	assert_null(rlp_read_list(&r, &outer));
	for (int i = 0; i < 300; i++) {
		assert_null(rlp_read_list(&outer, &inner));
		assert_null(rlp_read_bytes(&inner, &bytes, &n));
		assert_int_equal(n, sizeof(block));
		assert_memory_equal(bytes, block, n);
		assert_null(rlp_read_bool(&inner, &truth));
		assert_int_equal(truth, i % 2);
		assert_null(rlp_skip(&inner));
		assert_null(rlp_end(&inner, "the list"));
	}
	assert_true(rlp_at_end(&outer));
	mem_free(w.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes),          cmocka_unit_test(refuses),      cmocka_unit_test(outputs_stay),
		cmocka_unit_test(whole_messages), cmocka_unit_test(writer_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
