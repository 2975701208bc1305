/* Units' logs: the last word, parts by cursor over a cut, lines made safe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "node/job/unit_log.h"

static char folder[] = "/tmp/dsn-log-XXXXXX", path[sizeof(folder) + 8];

static void put(const char *mode, const char *text)
{
	FILE *f = fopen(path, mode);

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	fclose(f);
}

static void assert_last(const char *expected, int64_t since)
{
	char *last = unit_log_last(NULL, path, since);

	if (expected)
		assert_string_equal(last, expected);
	else
		assert_null(last);
	mem_free(last);
}

static void last(void **state)
{
	(void)state;
	unlink(path);
	assert_last(NULL, 0);
	put("w", "old run: Connection refused\n");
	assert_last("old run: Connection refused", 0);
	assert_last(NULL, unit_log_size(path));
	put("a", "tcp://127.0.0.1:1: Connection refused\r\n[aac] 2 frames left in the queue on closing\nConversion "
		 "failed!\n \n");
	assert_last("tcp://127.0.0.1:1: Connection refused", 28);
	put("a", "not ended");
	assert_last("not ended", 28);
	/* The log was cut since. */
	put("w", "after the cut\n");
	assert_last("after the cut", 200000);
}

static void no_plain_file(void **state)
{
	const struct unit_log_part part = {.lines = 5, .bytes = 1000};
	json_t *answer = NULL;
	struct error *e;

	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		unlink(path);
		assert_int_equal(kind == 0   ? symlink("/etc/passwd", path)
				 : kind == 1 ? mkfifo(path, 0600)
					     : mkdir(path, 0700),
				 0);
		e = unit_log_read(path, &part, &answer);
		assert_non_null(e);
		assert_null(answer);
		error_free(e);
		assert_last(NULL, 0);
		assert_int_equal(unit_log_size(path), 0);
	}
	rmdir(path);
}

static void assert_safe(const char *expected, const char *bytes)
{
	char *text = unit_log_safe(NULL, bytes, strlen(bytes));

	assert_string_equal(text, expected);
	mem_free(text);
}

static void safe(void **state)
{
	char *longest = mem_array(NULL, char, 5001), *text;

	(void)state;
	assert_safe("a b?[2Jc?\xc3\xbc??", "a\tb\x1b[2Jc\x7f\xc3\xbc\xff\xc2\x9b");
	assert_safe("rtmp://h/live/film?key=*** x", "rtmp://h/live/film?key=5EcreT-+/= x");
	assert_safe("args='key=***', monkey=banana, key= x, key=***", "args='key=abc', monkey=banana, key= x, KEY=abc");
	memset(longest, 'x', 5000);
	longest[5000] = '\0';
	text = unit_log_safe(NULL, longest, 5000);
	assert_int_equal(strlen(text), UNIT_LOG_LINE + 3);
	mem_free(text);
	mem_free(longest);
}

/* "one,two" and whether lines were skipped; *cursor moves on. */
static void assert_part(const char *expected, bool skipped, size_t lines, size_t bytes, bool ended, char **cursor)
{
	const struct unit_log_part part = {.lines = lines, .bytes = bytes, .after = *cursor, .ended = ended};
	json_t *answer = NULL, *line;
	char *text = mem_strdup(NULL, "");
	size_t i;

	assert_null(unit_log_read(path, &part, &answer));
	json_array_foreach (json_object_get(answer, "lines"), i, line) {
		char *more = mem_printf(NULL, "%s%s%s", text, i ? "," : "", json_string_value(line));

		mem_free(text);
		text = more;
	}
	assert_string_equal(text, expected);
	assert_int_equal(json_object_get(answer, "skipped") != NULL, skipped);
	mem_free(text);
	mem_free(*cursor);
	*cursor = mem_strdup(NULL, json_string_value(json_object_get(answer, "cursor")));
	assert_true(unit_log_is_cursor(*cursor));
	json_decref(answer);
}

static void parts(void **state)
{
	char *cursor = NULL, *first = NULL;

	(void)state;
	unlink(path);
	assert_part("", false, 5, 1000, false, &cursor);
	put("w", "one\ntwo\n\nthr");
	assert_part("one,two,", false, 5, 1000, false, &cursor);
	assert_part("", false, 5, 1000, false, &cursor);
	put("a", "ee\nfour\n");
	assert_part("three,four", false, 5, 1000, false, &cursor);
	put("a", "five\nsix\nseven\n");
	assert_part("six,seven", true, 2, 1000, false, &cursor);
	put("a", "eight\nnine\n");
	assert_part("nine", true, 9, 6, false, &cursor);
	assert_part("", false, 9, 1000, false, &cursor);
	put("a", "cut off");
	assert_part("", false, 9, 1000, false, &cursor);
	assert_part("cut off", false, 9, 1000, true, &cursor);
	assert_part("cut off", false, 1, 1000, true, &first);
	mem_free(first);
	mem_free(cursor);
}

/* The runtime cuts a log to its last half, in place. */
static void cut(void **state)
{
	char *cursor = NULL;

	(void)state;
	put("w", "some line that comes first, and is long enough to be known\nand the next one, of some length as "
		 "well\nlast\n");
	assert_part("last", false, 1, 1000, false, &cursor);
	put("w", "enough to be known\nand the next one, of some length as well\nlast\nnew\nnewer\n");
	assert_part("new,newer", false, 5, 1000, false, &cursor);
	put("w", "all of it\nis new\n");
	assert_part("all of it,is new", true, 5, 1000, false, &cursor);
	mem_free(cursor);
}

static void cursors(void **state)
{
	(void)state;
	assert_true(unit_log_is_cursor("0-0123abcd"));
	for (size_t i = 0; i < 6; i++)
		assert_false(unit_log_is_cursor((const char *const[]){"", "-01234567", "1", "1-0123456", "1-0123456G",
								      "1234567890123456789-01234567"}[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(last), cmocka_unit_test(no_plain_file),
					   cmocka_unit_test(safe), cmocka_unit_test(parts),
					   cmocka_unit_test(cut),  cmocka_unit_test(cursors)};
	int failed;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/u.log", folder);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(folder);
	return failed;
}
