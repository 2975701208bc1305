/* Lists of turns, word by word. */
#include "media/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static int count_of(const char *text, const char *word)
{
	int n = 0;

	while ((text = strstr(text, word))) {
		n++;
		text++;
	}
	return n;
}

static void lists(void **state)
{
	static const char turn[] = "file 'file:/films/it'\\''s a film.mp4'\nduration 60.021\n";
	static const char list[] =
		"file 'file:/state/.push.turns'\noption safe 0\noption auto_convert 0\nduration 11403.990\n";
	void *scope = mem_new(NULL, char);
	struct media_loop loop;

	(void)state;
	assert_null(media_loop_lists(scope, "/films/it's a film.mp4", "/state/.push.turns", 60021, &loop));
	assert_memory_equal(loop.turns, "ffconcat version 1.0\n", 21);
	assert_memory_equal(loop.turns + 21, turn, strlen(turn));
	assert_memory_equal(loop.lists + 21, list, strlen(list));
	/* 190 lists of 190 turns are the first that pass RTMP's 2^31 ms. */
	assert_int_equal(count_of(loop.turns, "file '"), 190);
	assert_int_equal(count_of(loop.lists, "file '"), 190);
	mem_free(scope);
}

static void refused(const char *film, int64_t turn_ms, const char *why)
{
	void *scope = mem_new(NULL, char);
	struct media_loop loop;
	struct error *e = media_loop_lists(scope, film, "/state/turns", turn_ms, &loop);

	assert_non_null(e);
	assert_non_null(strstr(e->message, why));
	error_free(e);
	mem_free(scope);
}

static void refusals(void **state)
{
	(void)state;
	refused("/films/a\nfile '/etc/passwd'", 1000, "a line's end");
	refused("/films/a.mp4", 0, "no length");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(lists), cmocka_unit_test(refusals)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
