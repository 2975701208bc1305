/* Batches of segments: each proof leads to the root by RFC 9162's own check (section 2.1.3.2); files that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "contracts/segments.h"

#include "contracts/segments.c"

static const struct segments_batch batch = {.job = 7, .node = {0xab, 0xcd}, .ordinal = 3};

static struct segments *made(size_t count)
{
	char *text = mem_strdup(NULL, "");
	struct segments *s = NULL;

	for (size_t i = 0; i < count; i++)
		text = talloc_asprintf_append(text, "%zu.ts\n", i);
	assert_null(segments_parse(NULL, "test", text, strlen(text), &s));
	assert_int_equal(s->count, count);
	mem_free(text);
	return s;
}

static void pair(const uint8_t left[KECCAK_BYTES], const uint8_t right[KECCAK_BYTES], uint8_t ret[KECCAK_BYTES])
{
	uint8_t bytes[1 + 2 * KECCAK_BYTES] = {0x01};

	memcpy(bytes + 1, left, KECCAK_BYTES);
	memcpy(bytes + 1 + KECCAK_BYTES, right, KECCAK_BYTES);
	keccak256(bytes, sizeof(bytes), ret);
}

/* The RFC's verification of an inclusion proof. */
static void climb(const struct segments *s, size_t index, uint8_t proof[SEGMENTS_DEPTH][KECCAK_BYTES], size_t depth,
		  uint8_t r[KECCAK_BYTES])
{
	size_t fn = index, sn = s->count - 1;

	leaf(s, &batch, index, r);
	for (size_t i = 0; i < depth; i++) {
		assert_true(sn > 0);
		if (fn % 2 == 1 || fn == sn) {
			pair(proof[i], r, r);
			while (fn % 2 == 0 && fn > 0) {
				fn /= 2;
				sn /= 2;
			}
		} else {
			pair(r, proof[i], r);
		}
		fn /= 2;
		sn /= 2;
	}
	assert_true(sn == 0);
}

static void proofs_lead_to_the_root(void **state)
{
	(void)state;
	for (size_t count = 1; count <= 70; count++) {
		struct segments *s = made(count);
		uint8_t root[KECCAK_BYTES], end[KECCAK_BYTES], proof[SEGMENTS_DEPTH][KECCAK_BYTES];

		segments_root(s, &batch, root);
		for (size_t i = 0; i < count; i++) {
			climb(s, i, proof, segments_proof(s, &batch, i, proof), end);
			assert_memory_equal(root, end, sizeof(root));
		}
		mem_free(s);
	}
}

static void the_largest_batch(void **state)
{
	struct segments *s = made(SEGMENTS);
	uint8_t root[KECCAK_BYTES], end[KECCAK_BYTES], proof[SEGMENTS_DEPTH][KECCAK_BYTES];

	(void)state;
	segments_root(s, &batch, root);
	assert_int_equal(segments_proof(s, &batch, SEGMENTS - 1, proof), SEGMENTS_DEPTH);
	climb(s, SEGMENTS - 1, proof, SEGMENTS_DEPTH, end);
	assert_memory_equal(root, end, sizeof(root));
	mem_free(s);
}

static void a_segment_is_shown(void **state)
{
	struct segments *s = made(5);
	struct segments_shown shown;
	uint8_t root[KECCAK_BYTES], end[KECCAK_BYTES];
	struct error *e;

	(void)state;
	segments_root(s, &batch, root);
	assert_null(segments_show(s, "film.txt", &batch, 4, &shown));
	assert_int_equal(shown.index, 4);
	assert_memory_equal(shown.segment, s->hashes[4], KECCAK_BYTES);
	climb(s, 4, shown.proof, shown.depth, end);
	assert_memory_equal(root, end, sizeof(root));
	e = segments_show(s, "film.txt", &batch, 5, &shown);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_INVALID);
	assert_string_equal(e->message, "film.txt has the segments 0 to 4");
	assert_int_equal(shown.index, 4); /* untouched */
	error_free(e);
	mem_free(s);
}

static void a_root_is_of_one_batch(void **state)
{
	struct segments *s = made(3);
	struct segments_batch other[] = {batch, batch, batch};
	uint8_t root[KECCAK_BYTES], another[KECCAK_BYTES];

	(void)state;
	other[0].job++;
	other[1].node[19]++;
	other[2].ordinal++;
	segments_root(s, &batch, root);
	for (size_t i = 0; i < 3; i++) {
		segments_root(s, &other[i], another);
		assert_memory_not_equal(root, another, sizeof(root));
	}
	mem_free(s);
}

static void a_line_end_is_no_part_of_a_segment(void **state)
{
	struct segments *s = NULL;
	uint8_t hash[KECCAK_BYTES];

	(void)state;
	assert_null(segments_parse(NULL, "test", "one\ntwo", 7, &s));
	assert_int_equal(s->count, 2);
	keccak256("two", 3, hash);
	assert_memory_equal(s->hashes[1], hash, sizeof(hash));
	mem_free(s);
}

static void refused(const char *text, size_t n, const char *part)
{
	struct segments *s = NULL;
	struct error *e = segments_parse(NULL, "file", text, n, &s);

	assert_non_null(e);
	assert_int_equal(e->code, ERROR_INVALID);
	assert_non_null(strstr(e->message, part));
	error_free(e);
}

static void files_that_are_none(void **state)
{
	size_t n = 2 * ((size_t)SEGMENTS + 1);
	char *many = mem_array(NULL, char, n), *line = mem_array(NULL, char, SEGMENT_LINE + 2);

	(void)state;
	for (size_t i = 0; i < n; i += 2)
		memcpy(many + i, "x\n", 2);
	memset(line, 'x', SEGMENT_LINE + 1);
	refused("", 0, "file: describes no segment");
	refused("a\n\nb\n", 5, "file:2: a line");
	refused(line, SEGMENT_LINE + 1, "file:1: a line");
	refused(many, n, "more than 4096 segments");
	mem_free(many);
	mem_free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proofs_lead_to_the_root),
		cmocka_unit_test(the_largest_batch),
		cmocka_unit_test(a_segment_is_shown),
		cmocka_unit_test(a_root_is_of_one_batch),
		cmocka_unit_test(a_line_end_is_no_part_of_a_segment),
		cmocka_unit_test(files_that_are_none),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
