#include "base/config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/roff.h"

struct settings {
	char *state_dir;
	bool accept_plain;
	int64_t port;
	int64_t interval_ms;
	int64_t limit_bytes;
	char **nodes;
	char *level;
	int64_t unset_int;
};

static struct error *no_blank(const char *text)
{
	return strchr(text, ' ') ? error_new(ERROR_INVALID, "\"%s\" has a blank", text) : NULL;
}

static const struct config_row rows[] = {
	{.name = "state-dir",
	 .type = CONFIG_STRING,
	 .offset = offsetof(struct settings, state_dir),
	 .value = "/var/lib/x",
	 .arg = "DIR",
	 .help = "Where the state is kept.",
	 .check = no_blank},
	{.name = "accept-plain",
	 .type = CONFIG_BOOL,
	 .offset = offsetof(struct settings, accept_plain),
	 .help = "Accept."},
	{.name = "port",
	 .type = CONFIG_INT,
	 .offset = offsetof(struct settings, port),
	 .value = "1935",
	 .min = 1,
	 .max = 65535,
	 .arg = "PORT",
	 .help = "Port."},
	{.name = "interval",
	 .type = CONFIG_DURATION,
	 .offset = offsetof(struct settings, interval_ms),
	 .value = "5s",
	 .help = "Interval."},
	{.name = "limit",
	 .type = CONFIG_BYTES,
	 .offset = offsetof(struct settings, limit_bytes),
	 .value = "10M",
	 .help = "Limit."},
	{.name = "node",
	 .type = CONFIG_LIST,
	 .offset = offsetof(struct settings, nodes),
	 .arg = "ID",
	 .help = "Node.",
	 .check = no_blank},
	{.name = "log-level",
	 .type = CONFIG_CHOICE,
	 .offset = offsetof(struct settings, level),
	 .value = "info",
	 .choices = "error|warn|info|debug",
	 .help = "Level."},
	{.name = "unset-int",
	 .type = CONFIG_INT,
	 .offset = offsetof(struct settings, unset_int),
	 .min = 5,
	 .max = 6,
	 .help = "None."},
};

static struct config_program program = {
	.name = "test-program",
	.synopsis = "test-program [options]",
	.about = "A program for the test.",
	.rows = rows,
	.row_count = sizeof rows / sizeof *rows,
};

struct fixture {
	void *ctx;
	struct settings s;
	char **words;
	bool done;
	char *path;
};

static int setup(void **state)
{
	unsetenv("DSN_CONFIG");
	static const char *const names[] = {"DSN_STATE_DIR", "DSN_ACCEPT_PLAIN", "DSN_PORT",     "DSN_INTERVAL",
					    "DSN_LIMIT",     "DSN_NODE",         "DSN_LOG_LEVEL"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
	program.default_file = NULL;
	struct fixture *f = talloc_zero(NULL, struct fixture);
	f->ctx = talloc_new(f);
	f->path = mem_strdup(f, "/tmp/base_config_test.XXXXXX");
	close(mkstemp(f->path));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	unlink(f->path);
	mem_free(f);
	return 0;
}

static struct error *load(struct fixture *f, const char *const *arguments)
{
	char *argv[16] = {"test-program"};
	int argc = 1;
	for (; arguments && *arguments; arguments++)
		argv[argc++] = (char *)*arguments;
	return config_load(f->ctx, &program, argc, argv, &f->s, &f->words, &f->done);
}
#define LOAD(f, ...) load(f, (const char *const[]){__VA_ARGS__, NULL})

static void write_file(struct fixture *f, const char *text)
{
	FILE *file = fopen(f->path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void ok(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static void refused(struct error *e, const char *start, const char *words)
{
	assert_non_null(e);
	if (strncmp(e->message, start, strlen(start)) != 0 || !strstr(e->message, words))
		fail_msg("\"%s\" does not start with \"%s\" and say \"%s\"", e->message, start, words);
	error_free(e);
}

static void test_defaults(void **state)
{
	struct fixture *f = *state;
	ok(load(f, NULL));
	assert_string_equal(f->s.state_dir, "/var/lib/x");
	assert_false(f->s.accept_plain);
	assert_int_equal(f->s.port, 1935);
	assert_int_equal(f->s.interval_ms, 5000);
	assert_int_equal(f->s.limit_bytes, 10 << 20);
	assert_null(f->s.nodes);
	assert_string_equal(f->s.level, "info");
	assert_false(f->done);
	assert_null(f->words[0]);
}

static void test_precedence(void **state)
{
	struct fixture *f = *state;
	write_file(f, "# comment\n\n port = 1 \r\ninterval=1m\nlimit = 64k\nnode = a, b\naccept-plain = yes\n");
	setenv("DSN_INTERVAL", "2h", 1);
	setenv("DSN_LIMIT", "2G", 1);
	setenv("DSN_NODE", "c", 1);
	setenv("DSN_LOG_LEVEL", "", 1);
	ok(LOAD(f, "--config", f->path, "--limit=7", "word", "--node", "d", "--", "--node"));
	assert_int_equal(f->s.port, 1);
	assert_int_equal(f->s.interval_ms, 7200000);
	assert_int_equal(f->s.limit_bytes, 7);
	assert_string_equal(f->s.nodes[0], "d");
	assert_null(f->s.nodes[1]);
	assert_true(f->s.accept_plain);
	assert_string_equal(f->words[0], "word");
	assert_string_equal(f->words[1], "--node");
	assert_null(f->words[2]);
	assert_string_equal(f->s.level, "info");
}

static void test_lists(void **state)
{
	struct fixture *f = *state;
	write_file(f, "node = a, b ,c\n");
	setenv("DSN_CONFIG", f->path, 1);
	ok(load(f, NULL));
	assert_string_equal(f->s.nodes[0], "a");
	assert_string_equal(f->s.nodes[1], "b");
	assert_string_equal(f->s.nodes[2], "c");
	assert_null(f->s.nodes[3]);
	ok(LOAD(f, "--node", "x,y", "--node=z"));
	assert_string_equal(f->s.nodes[0], "x,y");
	assert_string_equal(f->s.nodes[1], "z");
	assert_null(f->s.nodes[2]);
}

static void test_flags(void **state)
{
	struct fixture *f = *state;
	ok(LOAD(f, "--accept-plain", "--port", "2", "--port=3", "-"));
	assert_true(f->s.accept_plain);
	assert_int_equal(f->s.port, 3);
	assert_string_equal(f->words[0], "-");
	ok(LOAD(f, "--accept-plain=no"));
	assert_false(f->s.accept_plain);
}

static void test_default_file(void **state)
{
	struct fixture *f = *state;
	program.default_file = "/no/such/file";
	ok(load(f, NULL));
	program.default_file = f->path;
	write_file(f, "port = 9");
	ok(load(f, NULL));
	assert_int_equal(f->s.port, 9);
}

static void test_refuses_flags(void **state)
{
	struct fixture *f = *state;
	refused(LOAD(f, "--prot", "1"), "--prot: ", "no such setting");
	refused(LOAD(f, "-x"), "-x: ", "no such setting");
	refused(LOAD(f, "--port"), "--port: ", "missing");
	refused(LOAD(f, "--port="), "--port: ", "not a whole number");
	refused(LOAD(f, "--port", "0"), "--port: ", "1..65535");
	refused(LOAD(f, "--port", "99999999999999999999"), "--port: ", "1..65535");
	refused(LOAD(f, "--port", "12x"), "--port: ", "12x");
	refused(LOAD(f, "--port", " 12"), "--port: ", "not a whole number");
	refused(LOAD(f, "--interval", "5"), "--interval: ", "500ms");
	refused(LOAD(f, "--interval", "-5s"), "--interval: ", "500ms");
	refused(LOAD(f, "--interval", "9999999999999999h"), "--interval: ", "too large");
	refused(LOAD(f, "--limit", "5MB"), "--limit: ", "64k");
	refused(LOAD(f, "--limit", "9999999999G"), "--limit: ", "too large");
	refused(LOAD(f, "--log-level", "inf"), "--log-level: ", "error|warn|info|debug");
	refused(LOAD(f, "--log-level", "error|warn"), "--log-level: ", "not one of");
	refused(LOAD(f, "--accept-plain=maybe"), "--accept-plain: ", "neither yes nor no");
	refused(LOAD(f, "--state-dir", "a b"), "--state-dir: ", "blank");
	refused(LOAD(f, "--node", "ok", "--node", "a b"), "--node: ", "blank");
	refused(LOAD(f, "--node", ""), "--node: ", "empty");
	refused(LOAD(f, "--help=yes"), "--help: ", "no value");
	refused(LOAD(f, "--config", "/no/such/file"), "settings: /no/such/file", "");
}

static void test_refuses_environment(void **state)
{
	struct fixture *f = *state;
	setenv("DSN_PORT", "x", 1);
	refused(load(f, NULL), "$DSN_PORT: ", "whole number");
}

static void refuses_line(struct fixture *f, const char *text, int line, const char *words)
{
	write_file(f, text);
	refused(LOAD(f, "--config", f->path), mem_printf(f->ctx, "%s:%d: ", f->path, line), words);
}

static void test_refuses_lines(void **state)
{
	struct fixture *f = *state;
	refuses_line(f, "port = 1\n\nprot = 2\n", 3, "\"prot\": no such setting");
	refuses_line(f, "port 1\n", 1, "name = value");
	refuses_line(f, "port = 1\nport = 2\n", 2, "first in line 1");
	refuses_line(f, "# a\nport = 0", 2, "port: 0 is not within");
	refuses_line(f, "node = a,,b", 1, "empty");
	/* also where a flag would win: a broken file is a mistake to mend */
	write_file(f, "port = x\n");
	refused(LOAD(f, "--config", f->path, "--port", "5"), f->path, "port");
}

static void test_help_and_version(void **state)
{
	struct fixture *f = *state;
	setenv("DSN_PORT", "x", 1); /* help must come even then */
	fflush(stdout);
	int saved = dup(1), fd = open(f->path, O_WRONLY);
	dup2(fd, 1);
	struct error *e = LOAD(f, "--help");
	fflush(stdout);
	dup2(saved, 1);
	close(saved);
	close(fd);
	ok(e);
	assert_true(f->done);
	char *help = config_help(f->ctx, &program);
	assert_non_null(strstr(help, "--state-dir DIR"));
	assert_non_null(strstr(help, "$DSN_STATE_DIR"));
	assert_non_null(strstr(help, "[default: 1935]"));
	assert_non_null(strstr(help, "--log-level error|warn|info|debug"));
	assert_non_null(strstr(help, "--print-config"));
	char text[64] = "";
	FILE *file = fopen(f->path, "r");
	assert_non_null(fgets(text, sizeof text, file));
	fclose(file);
	assert_memory_equal(text, "test-program ", 13);
}

/* The manual page has every setting and no line that roff would take for a request by accident. */
static void test_manual(void **state)
{
	static const char *const parts[] = {"\n.B \\-\\-state\\-dir DIR\n", "\nEnvironment: DSN_STATE_DIR.\n",
					    "\nDefault: 1935.\n", "\n.B \\-\\-log\\-level error|warn|info|debug\n",
					    "\n.B \\-\\-print\\-config\n"};
	struct fixture *f = *state;
	char *page = config_manual(f->ctx, &program);

	assert_memory_equal(page, ".TH TEST\\-PROGRAM 1 ", 20);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (!strstr(page, parts[i]))
			fail_msg("no %s in %s", parts[i], page);
	assert_string_equal(roff_text(f->ctx, ".a\n'b\\c~-\n.d"), "\\&.a\n.br\n\\&'b\\ec\\(ti\\-\n.br\n\\&.d");
}

/* What --print-config prints is a file that gives the same settings. */
static void test_print_round_trip(void **state)
{
	struct fixture *f = *state;
	ok(LOAD(f, "--port", "7", "--interval", "90s", "--limit", "65536", "--node", "a", "--node", "b",
		"--accept-plain"));
	char *text = config_print(f->ctx, &program, &f->s);
	assert_non_null(strstr(text, "\ninterval = 90s\n"));
	assert_non_null(strstr(text, "\nlimit = 64k\n"));
	assert_non_null(strstr(text, "\n# unset-int =\n"));
	write_file(f, text);
	f->s = (struct settings){0};
	ok(LOAD(f, "--config", f->path));
	assert_string_equal(config_print(f->ctx, &program, &f->s), text);
	assert_int_equal(f->s.port, 7);
	assert_string_equal(f->s.nodes[1], "b");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	mem_init();
	const struct CMUnitTest tests[] = {
		TEST(test_defaults),      TEST(test_precedence),          TEST(test_lists),
		TEST(test_flags),         TEST(test_default_file),        TEST(test_refuses_flags),
		TEST(test_refuses_lines), TEST(test_refuses_environment), TEST(test_help_and_version),
		TEST(test_manual),        TEST(test_print_round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
