/* The public vectors of ethereum/tests: written as they say, read back whole, and every invalid one refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "rlp/rlp.h"

#define DATA TEST_SOURCE_DIR "/tests/data/rlp/"
#define BIG_BYTES 40

/* A decimal number of any length as big-endian bytes. */
static void decimal(const char *digits, uint8_t ret_bytes[BIG_BYTES])
{
	memset(ret_bytes, 0, BIG_BYTES);
	for (; *digits; digits++) {
		unsigned carry = (unsigned)(*digits - '0');

		for (size_t i = BIG_BYTES; i-- > 0;) {
			carry += ret_bytes[i] * 10u;
			ret_bytes[i] = (uint8_t)carry;
			carry >>= 8;
		}
		assert_int_equal(carry, 0);
	}
}

static void write_value(struct rlp_writer *w, const json_t *value)
{
	const char *text = json_string_value(value);
	json_t *item = NULL;
	size_t i = 0;

	if (json_is_array(value)) {
		rlp_list_begin(w);
		json_array_foreach (value, i, item)
			write_value(w, item);
		rlp_list_end(w);
	} else if (json_is_integer(value)) {
		rlp_write_u64(w, (uint64_t)json_integer_value(value));
	} else if (*text == '#') {
		uint8_t big[BIG_BYTES];

		decimal(text + 1, big);
		rlp_write_uint(w, big, sizeof(big));
	} else {
		rlp_write_bytes(w, text, json_string_length(value));
	}
}

/* What is read is what was written. */
static void read_value(struct rlp *r, const json_t *value)
{
	const char *text = json_string_value(value);
	const uint8_t *bytes = NULL;
	uint64_t number = 0;
	size_t n = 0, i = 0;
	struct rlp items;
	json_t *item = NULL;

	assert_int_equal(rlp_next_is_list(r), json_is_array(value));
	if (json_is_array(value)) {
		assert_null(rlp_read_list(r, &items));
		json_array_foreach (value, i, item)
			read_value(&items, item);
		assert_null(rlp_end(&items, "the list"));
	} else if (json_is_integer(value)) {
		assert_null(rlp_read_u64(r, &number));
		assert_int_equal(number, json_integer_value(value));
	} else if (*text == '#') {
		uint8_t big[BIG_BYTES];

		decimal(text + 1, big);
		assert_null(rlp_read_bytes(r, &bytes, &n));
		assert_true(n > 0 && bytes[0] != 0);
		assert_memory_equal(bytes, big + BIG_BYTES - n, n);
	} else {
		assert_null(rlp_read_bytes(r, &bytes, &n));
		assert_int_equal(n, json_string_length(value));
		assert_memory_equal(bytes, text, n);
	}
}

static uint8_t *out_of(const json_t *test, size_t *ret_n)
{
	const char *text = json_string_value(json_object_get(test, "out"));
	uint8_t *bytes;

	if (text[0] == '0' && text[1] == 'x')
		text += 2;
	*ret_n = strlen(text) / 2;
	bytes = mem_array(NULL, uint8_t, *ret_n);
	assert_null(hex_decode(text, bytes, *ret_n));
	return bytes;
}

static void valid(void **state)
{
	json_t *all = json_load_file(DATA "rlptest.json", JSON_ALLOW_NUL, NULL), *test = NULL;
	const char *name = NULL;

	(void)state;
	assert_int_equal(json_object_size(all), 28);
	json_object_foreach (all, name, test) {
		const json_t *in = json_object_get(test, "in");
		struct rlp_writer w;
		size_t n = 0;
		uint8_t *out = out_of(test, &n);
		struct rlp r = rlp_of(out, n);

		rlp_writer_init(&w, out);
		write_value(&w, in);
		if (w.len != n || memcmp(w.data, out, n) != 0)
			fail_msg("%s is written in another way", name);
		read_value(&r, in);
		assert_true(rlp_at_end(&r));
		assert_null(rlp_check(out, n, 4));
		mem_free(out);
	}
	json_decref(all);
}

static void invalid(void **state)
{
	json_t *all = json_load_file(DATA "invalidRLPTest.json", 0, NULL), *test = NULL;
	const char *name = NULL;

	(void)state;
	assert_int_equal(json_object_size(all), 17);
	json_object_foreach (all, name, test) {
		size_t n = 0;
		uint8_t *out = out_of(test, &n);
		struct error *e = rlp_check(out, n, 8);

		if (!e)
			fail_msg("%s is taken", name);
		assert_int_equal(e->code, ERROR_INVALID);
		error_free(e);
		mem_free(out);
	}
	json_decref(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(valid), cmocka_unit_test(invalid)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
