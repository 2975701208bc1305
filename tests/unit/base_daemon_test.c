/* The life of a daemon: what is called in which order, what systemd is told, how it ends. Each runs in a child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/daemon.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/notify.h"

#define WAIT_MS 20000

struct settings {
	char *log_level;
};

static const struct config_row rows[] = {
	{"log-level", CONFIG_CHOICE, offsetof(struct settings, log_level), "info", "error|warn|info|debug", 0, 0, NULL,
	 "least level logged", NULL},
};
static const struct config_program program = {
	.name = "test-daemon", .synopsis = "test-daemon", .about = "A test.", .rows = rows, .row_count = 1};

/* --- what the child does --- */

static int trace_fd; /* a letter for each thing that happens */

static void trace(const char *letter)
{
	assert_int_equal(write(trace_fd, letter, 1), 1);
}

static int on_freed(char *part)
{
	(void)part;
	trace("f");
	return 0;
}

static void on_told(int signum, void *arg)
{
	(void)signum;
	daemon_end(arg, 7);
}

static struct error *prepare(const void *ctx, void *settings, bool *ret_done)
{
	(void)ctx;
	(void)settings;
	(void)ret_done;
	trace("p");
	return NULL;
}

static struct error *open_it(const void *ctx, struct daemon *d, const void *settings, void **ret_state)
{
	char *part = mem_strdup(ctx, "x");

	(void)settings;
	talloc_set_destructor(part, on_freed);
	signal_start(part, daemon_loop(d), SIGUSR1, on_told, d);
	*ret_state = part;
	trace("o");
	return NULL;
}

static struct error *ready(const void *ctx, const void *settings, void *state)
{
	(void)ctx;
	(void)settings;
	assert_string_equal(state, "x");
	trace("r");
	return NULL;
}

static void stop_later(struct daemon *d, void *state)
{
	(void)d;
	assert_string_equal(state, "x");
	trace("s");
}

static void stop_now(struct daemon *d, void *state)
{
	stop_later(d, state);
	daemon_end(d, 0);
}

static void closed(const void *settings, void *state)
{
	(void)settings;
	assert_string_equal(state, "x");
	trace("c");
}

static struct error *refuse_settings(const void *ctx, void *settings, bool *ret_done)
{
	(void)ctx;
	(void)settings;
	(void)ret_done;
	return error_new(ERROR_INVALID, "--this: does not go with --that");
}

static struct error *all_done(const void *ctx, void *settings, bool *ret_done)
{
	(void)ctx;
	(void)settings;
	*ret_done = true;
	return NULL;
}

static struct error *refuse_to_open(const void *ctx, struct daemon *d, const void *settings, void **ret_state)
{
	struct error *e = open_it(ctx, d, settings, ret_state);

	return e ? e : error_new(ERROR_EXISTS, "another one holds the folder");
}

static struct error *end_at_once(const void *ctx, struct daemon *d, const void *settings, void **ret_state)
{
	struct error *e = open_it(ctx, d, settings, ret_state);

	daemon_end(d, 5);
	return e;
}

static struct error *refuse_to_tell(const void *ctx, const void *settings, void *state)
{
	(void)ctx;
	(void)settings;
	(void)state;
	return error_new(ERROR_IO, "the ready file cannot be written");
}

static struct daemon_kind usual(void)
{
	return (struct daemon_kind){.program = &program,
				    .log_name = "test",
				    .log_level_offset = offsetof(struct settings, log_level),
				    .prepare = prepare,
				    .open = open_it,
				    .ready = ready,
				    .stop = stop_later,
				    .closed = closed};
}

/* --- what the test sees --- */

struct child {
	pid_t pid;
	int trace, said, systemd;
	char folder[64], text[4096];
	size_t n;
};

static struct child begin(const struct daemon_kind *kind, const char *word)
{
	char *argv[] = {"test-daemon", (char *)word, NULL};
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct child c = {.folder = "/tmp/dsn-daemon-XXXXXX"};
	int traces[2], says[2];

	assert_non_null(mkdtemp(c.folder));
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/systemd", c.folder);
	c.systemd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(c.systemd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(pipe(traces) | pipe(says), 0);
	c.pid = fork();
	assert_true(c.pid >= 0);
	if (!c.pid) {
		struct settings settings = {0};

		trace_fd = traces[1];
		dup2(says[1], STDERR_FILENO);
		setenv("NOTIFY_SOCKET", a.sun_path, 1);
		_exit(daemon_main(word ? 2 : 1, argv, kind, &settings));
	}
	close(traces[1]);
	close(says[1]);
	c.trace = traces[0];
	c.said = says[0];
	return c;
}

/* Reads until `part` is there, or to the end. */
static void says(struct child *c, const char *part)
{
	struct pollfd p = {.fd = c->said, .events = POLLIN};
	ssize_t n;

	while (!strstr(c->text, part)) {
		if (poll(&p, 1, WAIT_MS) != 1)
			fail_msg("no \"%s\" in \"%s\"", part, c->text);
		n = read(c->said, c->text + c->n, sizeof(c->text) - 1 - c->n);
		if (n <= 0)
			fail_msg("no \"%s\" in \"%s\"", part, c->text);
		c->n += (size_t)n;
	}
}

static void told(const struct child *c, const char *wanted)
{
	struct pollfd p = {.fd = c->systemd, .events = POLLIN};
	char text[64] = "";

	if (poll(&p, 1, WAIT_MS) != 1)
		fail_msg("systemd was not told %s", wanted);
	assert_true(recv(c->systemd, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, wanted);
}

static void forget(const struct child *c)
{
	char path[96];

	close(c->systemd);
	close(c->trace);
	close(c->said);
	snprintf(path, sizeof(path), "%s/systemd", c->folder);
	unlink(path);
	rmdir(c->folder);
}

/* It ends with this code, has done this, and has told systemd no more. */
static void ended(struct child *c, int code, const char *did)
{
	struct pollfd p = {.fd = c->systemd, .events = POLLIN};
	char text[64] = "";
	int status = 0;
	size_t at = 0;
	ssize_t n;

	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
	while ((n = read(c->trace, text + at, sizeof(text) - 1 - at)) > 0)
		at += (size_t)n;
	assert_string_equal(text, did);
	assert_int_equal(poll(&p, 1, 0), 0);
	forget(c);
}

static void from_start_to_end(void **state)
{
	struct daemon_kind kind = usual();
	struct child c;

	(void)state;
	kind.stop = stop_now;
	c = begin(&kind, NULL);
	told(&c, "READY=1");
	kill(c.pid, SIGTERM);
	told(&c, "STOPPING=1");
	says(&c, "info test.signal signal=15\n");
	ended(&c, 0, "porscf");
}

static void a_second_signal_is_logged(void **state)
{
	const struct daemon_kind kind = usual();
	struct child c = begin(&kind, NULL);

	(void)state;
	told(&c, "READY=1");
	kill(c.pid, SIGINT);
	told(&c, "STOPPING=1");
	kill(c.pid, SIGTERM);
	says(&c, "signal=15\n");
	kill(c.pid, SIGUSR1);
	ended(&c, 7, "porscf");
}

static void it_ends_by_itself(void **state)
{
	const struct daemon_kind kind = usual();
	struct child c = begin(&kind, NULL);

	(void)state;
	told(&c, "READY=1");
	kill(c.pid, SIGUSR1);
	ended(&c, 7, "porcf");
}

/* systemd is not told that it is ready. */
static void it_ends_while_it_is_opened(void **state)
{
	struct daemon_kind kind = usual();
	struct child c;

	(void)state;
	kind.open = end_at_once;
	c = begin(&kind, NULL);
	ended(&c, 5, "porcf");
}

static void refusals(void **state)
{
	struct daemon_kind settings = usual(), opening = usual(), telling = usual(), word = usual();
	struct {
		const struct daemon_kind *kind;
		const char *word, *says, *did;
		int code;
	} const cases[] = {
		{&settings, NULL, "test-daemon: --this: does not go with --that\n", "", 2},
		{&opening, NULL, "test-daemon: another one holds the folder\n", "pof", 4},
		{&telling, NULL, "test-daemon: the ready file cannot be written\n", "pof", 1},
		{&word, "go", "test-daemon: \"go\": test-daemon takes options only; see --help\n", "", 2},
		{&word, "--log-level=loud", "test-daemon: --log-level: ", "", 2},
	};

	(void)state;
	settings.prepare = refuse_settings;
	opening.open = refuse_to_open;
	telling.ready = refuse_to_tell;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct child c = begin(cases[i].kind, cases[i].word);

		says(&c, cases[i].says);
		ended(&c, cases[i].code, cases[i].did);
	}
}

static void nothing_more_to_do(void **state)
{
	struct daemon_kind kind = usual();
	struct child c;

	(void)state;
	kind.prepare = all_done;
	c = begin(&kind, NULL);
	ended(&c, 0, "");
}

static void the_watchdog_is_fed(void **state)
{
	struct daemon_kind kind = usual();
	struct child c;

	(void)state;
	kind.stop = stop_now;
	setenv("WATCHDOG_USEC", "20000", 1);
	c = begin(&kind, NULL);
	unsetenv("WATCHDOG_USEC");
	told(&c, "READY=1");
	told(&c, "WATCHDOG=1");
	told(&c, "WATCHDOG=1");
	kill(c.pid, SIGKILL);
	assert_int_equal(waitpid(c.pid, NULL, 0), c.pid);
	forget(&c);
}

static void whose_watchdog(void **state)
{
	char self[32];

	(void)state;
	assert_int_equal(notify_watchdog_ms(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(notify_watchdog_ms(), 30000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_watchdog_ms(), 0);
	snprintf(self, sizeof(self), "%ld", (long)getpid());
	setenv("WATCHDOG_PID", self, 1);
	assert_int_equal(notify_watchdog_ms(), 30000);
	setenv("WATCHDOG_USEC", "soon", 1);
	assert_int_equal(notify_watchdog_ms(), 0);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_start_to_end),
		cmocka_unit_test(a_second_signal_is_logged),
		cmocka_unit_test(it_ends_by_itself),
		cmocka_unit_test(it_ends_while_it_is_opened),
		cmocka_unit_test(refusals),
		cmocka_unit_test(nothing_more_to_do),
		cmocka_unit_test(the_watchdog_is_fed),
		cmocka_unit_test(whose_watchdog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
