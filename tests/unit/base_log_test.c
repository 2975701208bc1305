#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

/* stderr into a file while fn runs. */
static char text[20000];

static void with_stderr(void (*fn)(void))
{
	FILE *file = tmpfile();
	int kept = dup(STDERR_FILENO);
	size_t n = 0;

	assert_non_null(file);
	dup2(fileno(file), STDERR_FILENO);
	fn();
	dup2(kept, STDERR_FILENO);
	close(kept);
	rewind(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
}

static void some_lines(void)
{
	log_error("disk.full", "path=%s", log_q("/var/lib/a b"));
	log_info("task.started", "pid=%d", 4711);
	log_debug("not.shown", "x=1");
	log_warn("bare", "%s", "");
}

static bool begins(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

static void lines(void **state)
{
	char *line = text;

	(void)state;
	assert_null(log_set_target("stderr"));
	log_set_level(LOG_LEVEL_INFO);
	with_stderr(some_lines);
	assert_int_equal(line[4], '-');
	assert_int_equal(line[10], 'T');
	assert_int_equal(line[23], 'Z');
	assert_true(begins(line + 24, " error disk.full path=\"/var/lib/a b\"\n"));
	line = strchr(line, '\n') + 1;
	assert_true(begins(line + 24, " info task.started pid=4711\n"));
	line = strchr(line, '\n') + 1;
	assert_string_equal(line + 24, " warn bare\n");
}

static void journald_lines(void **state)
{
	(void)state;
	assert_null(log_set_target("journald"));
	with_stderr(some_lines);
	assert_memory_equal(text, "<3>disk.full path=", 18);
	assert_non_null(strstr(text, "\n<6>task.started pid=4711\n<4>bare\n"));
	assert_null(log_set_target("stderr"));
}

/* As under systemd: the variable tells stderr's own device and inode. */
static void lines_to_the_journal(void)
{
	struct stat st;
	char stream[64];

	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	some_lines();
}

/* A stderr led elsewhere since then is not journald's, the variable notwithstanding. */
static void journald_by_itself(void **state)
{
	(void)state;
	assert_null(log_set_target("auto"));
	setenv("JOURNAL_STREAM", "1:2", 1);
	with_stderr(some_lines);
	assert_int_equal(text[4], '-');
	assert_null(log_set_target("auto"));
	with_stderr(lines_to_the_journal);
	assert_true(begins(text, "<3>disk.full "));
	unsetenv("JOURNAL_STREAM");
	assert_null(log_set_target("stderr"));
}

static void a_long_line(void)
{
	char *value = mem_array(NULL, char, 10001);

	memset(value, 'x', 10000);
	log_info("long", "value=%s", value);
	log_info("broken", "value=a\nb");
	mem_free(value);
}

static void one_line_each(void **state)
{
	(void)state;
	with_stderr(a_long_line);
	assert_true(strlen(text) < 4096 + 60);
	assert_non_null(strstr(text, "info broken value=a b\n"));
}

static void quoting(void **state)
{
	char value[1000];
	const char *first = log_q("first");

	(void)state;
	assert_string_equal(first, "first");
	assert_string_equal(log_q(""), "\"\"");
	assert_string_equal(log_q(NULL), "-");
	assert_string_equal(log_q("a=b"), "\"a=b\"");
	assert_string_equal(log_q("a\"b\\c"), "\"a\\\"b\\\\c\"");
	assert_string_equal(log_q("a\nb"), "\"a\\x0ab\"");
	memset(value, 'x', sizeof(value));
	value[999] = '\0';
	assert_true(strlen(log_q(value)) <= 400);
	assert_non_null(strstr(log_q(value), "...\""));
	assert_string_equal(first, "first"); /* the 8th call comes only now */
}

static void refusals(void **state)
{
	enum log_level level = LOG_LEVEL_WARN;
	struct error *e = log_parse_level("loud", &level);

	(void)state;
	assert_string_equal(e->message, "log level \"loud\" is none of error, warn, info, debug");
	assert_int_equal(level, LOG_LEVEL_WARN);
	error_free(e);
	assert_null(log_parse_level("debug", &level));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	e = log_set_target("paper");
	assert_string_equal(e->message, "log target \"paper\" is none of auto, stderr, journald");
	error_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),         cmocka_unit_test(journald_lines), cmocka_unit_test(journald_by_itself),
		cmocka_unit_test(one_line_each), cmocka_unit_test(quoting),        cmocka_unit_test(refusals),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
