/* Blocks both ways; the elements of the format one by one; a test per refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "devp2p/snappy.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void there_and_back(const uint8_t *bytes, size_t n)
{
	uint8_t *block = malloc(snappy_bound(n)), *plain = malloc(n + 1);
	size_t block_bytes = snappy_encode(bytes, n, block), length = 0;

	assert_true(block_bytes <= snappy_bound(n));
	memset(plain, 0, n);
	assert_null(snappy_decoded_length(block, block_bytes, n, &length));
	assert_int_equal(length, n);
	assert_null(snappy_decode(block, block_bytes, plain, n));
	assert_memory_equal(plain, bytes, n);
	free(block);
	free(plain);
}

/* Runs, noise and copies from earlier, in a sequence that is always the same. */
static void fill(uint8_t *bytes, size_t n, uint32_t seed)
{
	size_t at = 0;

	while (at < n) {
		size_t part = 1 + (seed >> 8) % 200;

		seed = seed * 1664525u + 1013904223u;
		for (; part-- > 0 && at < n; at++) {
			if (seed >> 31)
				seed = seed * 1664525u + 1013904223u;
			bytes[at] =
				seed >> 30 == 1 && at > 3000 ? bytes[at - 1 - (seed & 2047)] : (uint8_t)(seed >> 16);
		}
	}
}

static void every_size(void **state)
{
	static const size_t sizes[] = {0,    1,    2,     3,     4,     5,      15,     16,     17,   59,
				       60,   61,   64,    65,    255,   256,    257,    258,    1000, 2047,
				       4096, 4097, 65535, 65536, 65537, 131072, 200000, 1048576};
	uint8_t *bytes = malloc(1048576);

	(void)state;
	for (size_t i = 0; i < LENGTH(sizes); i++) {
		for (uint32_t seed = 1; seed < 8; seed++) {
			fill(bytes, sizes[i], seed);
			there_and_back(bytes, sizes[i]);
		}
		memset(bytes, 'a', sizes[i]);
		there_and_back(bytes, sizes[i]);
		for (size_t at = 0; at < sizes[i]; at++)
			bytes[at] = (uint8_t)(at * at >> 7 ^ at * 0x9e3779b1u >> 13);
		there_and_back(bytes, sizes[i]);
	}
	free(bytes);
}

/* Runs become small, noise hardly grows. */
static void sizes(void **state)
{
	static uint8_t bytes[100000], block[200000];
	uint64_t x = 88172645463325252u;

	(void)state;
	memset(bytes, 7, sizeof(bytes));
	assert_in_range(snappy_encode(bytes, sizeof(bytes), block), 1, sizeof(bytes) / 20);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		bytes[i] = (uint8_t)(x >> 32);
	}
	assert_in_range(snappy_encode(bytes, sizeof(bytes), block), sizeof(bytes), sizeof(bytes) + 20);
	/* The facts of EIP-706: an empty list, Disconnect [3]. */
	assert_int_equal(snappy_encode((const uint8_t *)"\xc0", 1, block), 3);
	assert_memory_equal(block, "\x01\x00\xc0", 3);
	assert_int_equal(snappy_encode((const uint8_t *)"\xc1\x03", 2, block), 4);
	assert_memory_equal(block, "\x02\x04\xc1\x03", 4);
}

static const struct {
	const char *name, *block;
	size_t n;
	const char *plain;
} elements[] = {
	{"empty", "\x00", 1, ""},
	{"a literal",
	 "\x03\x08"
	 "abc",
	 5, "abc"},
	{"a literal with one byte of length",
	 "\x03\xf0\x02"
	 "abc",
	 6, "abc"},
	{"with two",
	 "\x03\xf4\x02\x00"
	 "abc",
	 7, "abc"},
	{"with three",
	 "\x03\xf8\x02\x00\x00"
	 "abc",
	 8, "abc"},
	{"with four",
	 "\x03\xfc\x02\x00\x00\x00"
	 "abc",
	 9, "abc"},
	{"a copy with one byte of offset",
	 "\x07\x08"
	 "abc"
	 "\x01\x03",
	 7, "abcabca"},
	{"with two",
	 "\x06\x08"
	 "abc"
	 "\x0a\x03\x00",
	 8, "abcabc"},
	{"with four",
	 "\x06\x08"
	 "abc"
	 "\x0b\x03\x00\x00\x00",
	 10, "abcabc"},
	{"a run",
	 "\x06\x00"
	 "a"
	 "\x05\x01",
	 5, "aaaaaa"},
	{"a length in two bytes that fits in one",
	 "\x83\x00\x08"
	 "abc",
	 6, "abc"},
};

static void every_element(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(elements); i++) {
		char plain[16] = "";
		size_t length = 99;

		assert_null(snappy_decoded_length((const uint8_t *)elements[i].block, elements[i].n, 16, &length));
		assert_int_equal(length, strlen(elements[i].plain));
		assert_null(snappy_decode((const uint8_t *)elements[i].block, elements[i].n, (uint8_t *)plain, length));
		assert_string_equal(plain, elements[i].plain);
	}
}

static const struct {
	const char *block;
	size_t n;
	enum error_code code;
	const char *message;
} refusals[] = {
	{"", 0, ERROR_INVALID, "is none of 32 bits"},
	{"\x80", 1, ERROR_INVALID, "is none of 32 bits"},
	{"\xff\xff\xff\xff\x1f", 5, ERROR_INVALID, "is none of 32 bits"},
	{"\x80\x80\x80\x80\x80\x01", 6, ERROR_INVALID, "is none of 32 bits"},
	{"\x91\x4e\x00", 3, ERROR_LIMIT, "10001 bytes, 10000 are allowed"},
	{"\x90\x4e\x00"
	 "a"
	 "\xfe\x01\x00",
	 7, ERROR_INVALID, "cannot hold the 10000 bytes"},
	{"\x03\x08"
	 "ab",
	 4, ERROR_INVALID, "do not make the"},
	{"\x03\xf0", 2, ERROR_INVALID, "do not make the"},
	{"\x03\xfc\x02\x00\x00", 5, ERROR_INVALID, "do not make the"},
	{"\x03\xfc\xff\xff\xff\xff"
	 "abc",
	 9, ERROR_INVALID, "do not make the"},
	{"\x02\x08"
	 "abc",
	 5, ERROR_INVALID, "do not make the"},
	{"\x04\x08"
	 "abc",
	 5, ERROR_INVALID, "do not make the"},
	{"\x06\x08"
	 "abc"
	 "\x01",
	 6, ERROR_INVALID, "do not make the"},
	{"\x06\x08"
	 "abc"
	 "\x0a\x03",
	 7, ERROR_INVALID, "do not make the"},
	{"\x06\x08"
	 "abc"
	 "\x0b\x03\x00\x00",
	 9, ERROR_INVALID, "do not make the"},
	{"\x07\x08"
	 "abc"
	 "\x01\x04",
	 7, ERROR_INVALID, "do not make the"},
	{"\x07\x08"
	 "abc"
	 "\x01\x00",
	 7, ERROR_INVALID, "do not make the"},
	{"\x06\x08"
	 "abc"
	 "\x0b\xff\xff\xff\xff",
	 10, ERROR_INVALID, "do not make the"},
	{"\x06\x08"
	 "abc"
	 "\x01\x03",
	 7, ERROR_INVALID, "do not make the"},
};

static void every_refusal(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(refusals); i++) {
		const uint8_t *block = (const uint8_t *)refusals[i].block;
		uint8_t plain[10000];
		size_t length = 0;
		struct error *e = snappy_decoded_length(block, refusals[i].n, sizeof(plain), &length);

		if (!e)
			e = snappy_decode(block, refusals[i].n, plain, length);
		assert_non_null(e);
		assert_int_equal(e->code, refusals[i].code);
		if (!strstr(e->message, refusals[i].message))
			fail_msg("refusal %zu: %s", i, e->message);
		error_free(e);
	}
}

static void another_length(void **state)
{
	uint8_t plain[4];
	struct error *e = snappy_decode((const uint8_t *)"\x03\x08"
							 "abc",
					5, plain, 4);

	(void)state;
	assert_non_null(e);
	assert_non_null(strstr(e->message, "says 3 bytes, not 4"));
	error_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size),    cmocka_unit_test(sizes),          cmocka_unit_test(every_element),
		cmocka_unit_test(every_refusal), cmocka_unit_test(another_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
